#include "sluice/infer/backends/cuda/duel.h"

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/check.h"
#include "sluice/infer/backends/cuda/launch.h"
#include "sluice/infer/backends/cuda/measure.h"
#include "sluice/infer/backends/cuda/plan_trial.h"

namespace sluice::infer::cuda {

using memory::cuda::Buffer;
using memory::cuda::Stream;

Result<void> Duel::theirs(const Stream& stream, const Way& way) {
    const std::size_t bytes =
        static_cast<std::size_t>(storage_.elements) * memory::element_size(storage_.type);
    right_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, bytes));
    cudaMemsetAsync(made_, 0, bytes, stream.get());
    SLUICE_TRY(way());
    cudaMemcpyAsync(right_.data(), made_, bytes, cudaMemcpyDeviceToDevice, stream.get());
    time_ = SLUICE_TRY(shortest_time(stream, way));
    return {};
}

Result<bool> Duel::ours_wins(const Stream& stream, const Way& way) {
    const Buffer sums = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, 2 * sizeof(float)));
    cudaMemsetAsync(sums.data(), 0, sums.bytes(), stream.get());
    cudaMemsetAsync(made_, 0, right_.bytes(), stream.get());
    const auto ran = way();
    launch_compare(made_,
                   right_.data(),
                   type_of(storage_.type),
                   static_cast<int>(storage_.elements),
                   reinterpret_cast<float*>(sums.data()),
                   stream.get());
    auto time = shortest_time(stream, way);
    if (!ran || !time) return false;
    float differs[2] = {};
    SLUICE_TRY(memory::cuda::check(
        cudaMemcpy(differs, sums.data(), sizeof differs, cudaMemcpyDeviceToHost),
        "judging our own kernel"));
    const bool is_right = is_near(differs, like_);
    log_info("infer",
             "{}: own kernel {:.0f} us{}, cuDNN {:.0f} us",
             name_,
             1000 * *time,
             is_right ? "" : " and wrong",
             1000 * time_);
    return is_right && *time < time_;
}

}  // namespace sluice::infer::cuda
