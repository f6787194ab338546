#include "sluice/image/cuda/preprocess.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sluice/image/cuda/args.h"
#include "sluice/image/cuda/staging.h"
#include "sluice/image/detail/check.h"

namespace sluice::image::cuda {

struct BatchPreprocessor::State {
    PreprocessPlan plan;
    int device = 0;
    PreprocessArgs args;  ///< all but the pictures
    std::vector<std::optional<Picture>> pictures;
    Staging staging;
};

BatchPreprocessor::BatchPreprocessor(std::unique_ptr<State> state) : state_(std::move(state)) {}
BatchPreprocessor::BatchPreprocessor(BatchPreprocessor&&) noexcept = default;
BatchPreprocessor& BatchPreprocessor::operator=(BatchPreprocessor&&) noexcept = default;
BatchPreprocessor::~BatchPreprocessor() = default;

Result<BatchPreprocessor> BatchPreprocessor::create(const PreprocessPlan& plan,
                                                    int batch,
                                                    int stored_channels) {
    SLUICE_TRY(detail::check_plan(plan));
    if (batch < 1) return invalid_argument(fmt::format("a batch of {} pictures", batch));
    const bool padded =
        plan.layout == TensorLayout::kNhwc && (stored_channels == 4 || stored_channels == 8);
    if (stored_channels != 0 && !padded)
        return unsupported(fmt::format("pixels padded to {} channels; 4 or 8 can be had, in NHWC",
                                       stored_channels));
    auto state = std::make_unique<State>();
    SLUICE_TRY(memory::cuda::check(cudaGetDevice(&state->device), "asking for the device"));
    state->plan = plan;
    state->args = network_args(plan, stored_channels);
    state->pictures.resize(static_cast<std::size_t>(batch));
    return BatchPreprocessor(std::move(state));
}

const PreprocessPlan& BatchPreprocessor::plan() const {
    return state_->plan;
}

std::size_t BatchPreprocessor::item_bytes() const {
    const PreprocessPlan& plan = state_->plan;
    const int channels = std::max(channel_count(plan.channels), state_->args.stored_channels);
    return static_cast<std::size_t>(plan.size.width) * static_cast<std::size_t>(plan.size.height) *
           static_cast<std::size_t>(channels) * memory::element_size(plan.type);
}

Result<Placement> BatchPreprocessor::add(int item,
                                         const memory::ImageView& image,
                                         const Rect& crop,
                                         const memory::cuda::Stream& stream) {
    std::vector<std::optional<Picture>>& pictures = state_->pictures;
    if (item < 0 || static_cast<std::size_t>(item) >= pictures.size())
        return invalid_argument(
            fmt::format("item {} of a batch of {} pictures", item, pictures.size()));
    const auto slot = static_cast<std::size_t>(item);
    pictures[slot].reset();
    SLUICE_TRY(check_source(image, state_->device));
    const Placement placement = SLUICE_TRY(place(image.size, crop, state_->plan));
    Picture picture = picture_of(image, placement.crop, placement.content);
    SLUICE_TRY(state_->staging.bring(slot, image, picture, stream));
    pictures[slot] = picture;
    return placement;
}

Result<void> BatchPreprocessor::run(int count,
                                    void* destination,
                                    const memory::cuda::Stream& stream) {
    std::vector<std::optional<Picture>>& pictures = state_->pictures;
    if (count < 1 || static_cast<std::size_t>(count) > pictures.size())
        return invalid_argument(
            fmt::format("{} pictures of a batch of {}", count, pictures.size()));
    for (int item = 0; item < count; ++item)
        if (!pictures[static_cast<std::size_t>(item)])
            return invalid_argument(fmt::format("item {} of the batch has no picture", item));

    PreprocessArgs& args = state_->args;
    for (int first = 0; first < count; first += kMostPictures) {
        args.destination =
            static_cast<std::byte*>(destination) + static_cast<std::size_t>(first) * item_bytes();
        args.count = std::min(count - first, kMostPictures);
        for (int i = 0; i < args.count; ++i)
            args.picture[i] = *pictures[static_cast<std::size_t>(first + i)];
        launch_preprocess(args, stream.get());
    }
    std::fill(pictures.begin(), pictures.end(), std::nullopt);
    return memory::cuda::check(cudaGetLastError(), "starting the pre-processing");
}

std::uint64_t BatchPreprocessor::uploaded_bytes() const {
    return state_->staging.copied_bytes();
}

}  // namespace sluice::image::cuda
