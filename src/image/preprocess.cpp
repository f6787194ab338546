#include "sluice/image/preprocess.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sluice/image/detail/check.h"
#include "sluice/image/detail/sampler.h"

namespace sluice::image {

using memory::ElementType;

namespace {

/// Keeps a product that is a whole number from being truncated to the one below.
constexpr double kRoundingSlack = 1e-6;

PixelRect letterbox(const Rect& crop, const PreprocessPlan& plan) {
    const double ratio = std::min(static_cast<double>(plan.size.width) / crop.width,
                                  static_cast<double>(plan.size.height) / crop.height);
    const double slack = plan.anchor == Anchor::kCenter ? 0.5 : kRoundingSlack;
    const int width = static_cast<int>(crop.width * ratio + slack);
    const int height = static_cast<int>(crop.height * ratio + slack);
    PixelRect content{
        0, 0, std::clamp(width, 1, plan.size.width), std::clamp(height, 1, plan.size.height)};
    if (plan.anchor == Anchor::kCenter) {
        content.left = (plan.size.width - content.width) / 2;
        content.top = (plan.size.height - content.height) / 2;
    }
    return content;
}

}  // namespace

Result<Placement> place(memory::Size source, const Rect& crop, const PreprocessPlan& plan) {
    Placement placement;
    placement.crop = SLUICE_TRY(detail::clip(source, crop));
    placement.content = plan.fit == Fit::kLetterbox
                            ? letterbox(placement.crop, plan)
                            : PixelRect{0, 0, plan.size.width, plan.size.height};
    placement.scale_x = static_cast<float>(placement.content.width) / placement.crop.width;
    placement.scale_y = static_cast<float>(placement.content.height) / placement.crop.height;
    return placement;
}

struct Preprocessor::State {
    PreprocessPlan plan;
    int channels = 3;
    std::size_t element = 4;  ///< bytes
    bool plain = false;       ///< u8 without normalisation
    std::array<rows::Affine, 3> map;
    detail::Sampler sampler;
    rows::Buffer content;
    rows::Buffer padding;              ///< the fill, a network row wide
    std::vector<std::uint8_t> staged;  ///< rows of elements before interleaving

    /// Writes elements [left, left + count) of row y from the rows' beginning.
    void write(rows::Buffer& rows, int y, int left, int count, std::uint8_t* tensor);
    void convert(const std::int16_t* row, std::size_t count, std::size_t channel, std::uint8_t* to);
    void interleave(std::size_t count, std::uint8_t* to);
    void pad(const PixelRect& content_area, std::uint8_t* tensor);
    std::uint8_t* staged_row(std::size_t channel) {
        return staged.data() + channel * static_cast<std::size_t>(plan.size.width) * element;
    }
};

void Preprocessor::State::convert(const std::int16_t* row,
                                  std::size_t count,
                                  std::size_t channel,
                                  std::uint8_t* to) {
    switch (plan.type) {
        case ElementType::kF32:
            return rows::to_f32(row, count, map[channel], reinterpret_cast<float*>(to));
        case ElementType::kF16:
            return rows::to_f16(row, count, map[channel], reinterpret_cast<std::uint16_t*>(to));
        case ElementType::kBf16:
            return rows::to_bf16(row, count, map[channel], reinterpret_cast<std::uint16_t*>(to));
        default:
            return plain ? rows::to_u8(row, count, to) : rows::to_u8(row, count, map[channel], to);
    }
}

void Preprocessor::State::interleave(std::size_t count, std::uint8_t* to) {
    const auto rows_of = [&](auto* typed) {
        using Element = std::remove_pointer_t<decltype(typed)>;
        const std::array<const Element*, 3> in{reinterpret_cast<const Element*>(staged_row(0)),
                                               reinterpret_cast<const Element*>(staged_row(1)),
                                               reinterpret_cast<const Element*>(staged_row(2))};
        rows::interleave3(in, count, typed);
    };
    switch (element) {
        case 4:
            return rows_of(reinterpret_cast<float*>(to));
        case 2:
            return rows_of(reinterpret_cast<std::uint16_t*>(to));
        default:
            return rows_of(to);
    }
}

void Preprocessor::State::write(
    rows::Buffer& rows, int y, int left, int count, std::uint8_t* tensor) {
    if (count <= 0) return;
    const auto size = static_cast<std::size_t>(count);
    const auto width = static_cast<std::size_t>(plan.size.width);
    const auto plane = width * static_cast<std::size_t>(plan.size.height);
    const auto at = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(left);
    const bool interleaved = plan.layout == TensorLayout::kNhwc && channels == 3;
    for (int i = 0; i < channels; ++i) {
        const auto channel = static_cast<std::size_t>(i);
        const int row = plan.channels == ChannelOrder::kBgr ? 2 - i : i;
        convert(rows[row],
                size,
                channel,
                interleaved ? staged_row(channel) : tensor + (channel * plane + at) * element);
    }
    if (interleaved) interleave(size, tensor + at * 3 * element);
}

void Preprocessor::State::pad(const PixelRect& area, std::uint8_t* tensor) {
    const int width = plan.size.width;
    for (int y = 0; y < plan.size.height; ++y) {
        if (y < area.top || y >= area.bottom()) {
            write(padding, y, 0, width, tensor);
        } else {
            write(padding, y, 0, area.left, tensor);
            write(padding, y, area.right(), width - area.right(), tensor);
        }
    }
}

Preprocessor::Preprocessor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;
Preprocessor& Preprocessor::operator=(Preprocessor&&) noexcept = default;
Preprocessor::~Preprocessor() = default;

Result<Preprocessor> Preprocessor::create(const PreprocessPlan& plan) {
    SLUICE_TRY(detail::check_plan(plan));
    auto state = std::make_unique<State>();
    state->plan = plan;
    state->channels = channel_count(plan.channels);
    state->element = memory::element_size(plan.type);
    state->padding.resize(plan.size.width);
    state->content.resize(plan.size.width);
    state->staged.resize(static_cast<std::size_t>(plan.size.width) * 3 * state->element);
    state->plain = true;
    for (int i = 0; i < state->channels; ++i) {
        const auto channel = static_cast<std::size_t>(i);
        const float scale = plan.scale[channel];
        state->map[channel] = {scale, -plan.mean[channel] * scale};
        state->plain = state->plain && scale == 1 && plan.mean[channel] == 0;
        const float fill = std::clamp(plan.fill[channel], 0.0f, 255.0f);
        const int row = plan.channels == ChannelOrder::kBgr ? 2 - i : i;
        std::fill_n(state->padding[row],
                    plan.size.width,
                    static_cast<std::int16_t>(std::lround(fill * 128)));
    }
    return Preprocessor(std::move(state));
}

const PreprocessPlan& Preprocessor::plan() const {
    return state_->plan;
}

std::size_t Preprocessor::output_bytes() const {
    return static_cast<std::size_t>(state_->plan.size.width) *
           static_cast<std::size_t>(state_->plan.size.height) *
           static_cast<std::size_t>(state_->channels) * state_->element;
}

Result<Placement> Preprocessor::run(const memory::ImageView& image,
                                    const Rect& crop,
                                    void* destination) {
    SLUICE_TRY(detail::check_host_view(image));
    const Placement placement = SLUICE_TRY(place(image.size, crop, state_->plan));
    const PixelRect& area = placement.content;
    auto* tensor = static_cast<std::uint8_t*>(destination);
    state_->sampler.aim(image, placement.crop, {area.width, area.height});
    for (int y = 0; y < area.height; ++y) {
        if (state_->channels == 1)
            state_->sampler.gray(y, state_->content);
        else
            state_->sampler.rgb(y, state_->content);
        state_->write(state_->content, area.top + y, area.left, area.width, tensor);
    }
    state_->pad(area, tensor);
    return placement;
}

Result<Placement> Preprocessor::run(const memory::ImageView& image, void* destination) {
    const Rect whole{
        0, 0, static_cast<float>(image.size.width), static_cast<float>(image.size.height)};
    return run(image, whole, destination);
}

}  // namespace sluice::image
