#include "sluice/image/cuda/scale.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/image/cuda/args.h"
#include "sluice/image/cuda/staging.h"
#include "sluice/image/detail/check.h"
#include "sluice/image/detail/color.h"

namespace sluice::image::cuda {

using memory::PixelFormat;

namespace {

struct Job {
    memory::ImageView source;
    Rect crop;
    PixelRect where;
};

Result<void> check_target(const memory::MutableImageView& target) {
    if (target.format != PixelFormat::kNv12 && target.format != PixelFormat::kI420)
        return unsupported(fmt::format("drawing into {} on a CUDA device; NV12 and I420 can be had",
                                       memory::to_string(target.format)));
    int device = 0;
    SLUICE_TRY(memory::cuda::check(cudaGetDevice(&device), "asking for the device"));
    return check_device_view(memory::as_const(target), device);
}

}  // namespace

Result<void> fill(const memory::MutableImageView& target,
                  Rgb color,
                  const memory::cuda::Stream& stream) {
    SLUICE_TRY(check_target(target).context("target"));
    const auto bytes = detail::sample_bytes(target, color);
    const memory::FormatLayout layout = memory::layout(target.format);
    for (int i = 0; i < layout.planes; ++i) {
        const auto plane = static_cast<std::size_t>(i);
        const memory::Size size = memory::plane_size(target.format, target.size, i);
        launch_fill({target.data[plane],
                     static_cast<int>(target.stride[plane]),
                     size.width,
                     size.height,
                     layout.plane[plane].bytes_per_pixel,
                     {bytes[plane][0], bytes[plane][1]}},
                    stream.get());
    }
    return memory::cuda::check(cudaGetLastError(), "filling a picture");
}

struct BatchScaler::State {
    std::vector<Job> jobs;
    std::vector<Job> running;       ///< kept for its storage, as are
    std::vector<Picture> pictures;  ///< theirs
    Staging staging;
};

BatchScaler::BatchScaler() : state_(std::make_unique<State>()) {}
BatchScaler::BatchScaler(BatchScaler&&) noexcept = default;
BatchScaler& BatchScaler::operator=(BatchScaler&&) noexcept = default;
BatchScaler::~BatchScaler() = default;

void BatchScaler::add(const memory::ImageView& source, const Rect& crop, const PixelRect& where) {
    state_->jobs.push_back({source, crop, where});
}

Result<void> BatchScaler::run(const memory::MutableImageView& target,
                              const memory::cuda::Stream& stream) {
    std::vector<Job>& jobs = state_->running;
    jobs.clear();
    std::swap(jobs, state_->jobs);
    SLUICE_TRY(check_target(target).context("target"));
    std::vector<Picture>& pictures = state_->pictures;
    pictures.clear();
    for (const Job& job : jobs) {
        SLUICE_TRY(check_source(job.source, target.device).context("source"));
        SLUICE_TRY(detail::check_area(target.format, target.size, job.where));
        const Rect crop = SLUICE_TRY(detail::clip(job.source.size, job.crop));
        pictures.push_back(picture_of(job.source, crop, job.where));
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
        SLUICE_TRY(state_->staging.bring(i, jobs[i].source, pictures[i], stream));

    ScaleArgs args = target_args(target);
    for (std::size_t first = 0; first < jobs.size(); first += kMostPictures) {
        const std::size_t count = std::min<std::size_t>(jobs.size() - first, kMostPictures);
        args.count = static_cast<int>(count);
        for (std::size_t i = 0; i < count; ++i) {
            args.picture[i] = pictures[first + i];
            args.same_colors[i] = same_colors(jobs[first + i].source, target);
        }
        launch_scale(args, stream.get());
    }
    return memory::cuda::check(cudaGetLastError(), "scaling pictures");
}

std::uint64_t BatchScaler::uploaded_bytes() const {
    return state_->staging.copied_bytes();
}

}  // namespace sluice::image::cuda
