#include "sluice/infer/preprocess_options.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace sluice::infer {
namespace {

std::size_t channels(const PreprocessOptions& options) {
    return options.model_color_format == image::ChannelOrder::kGray ? 1 : 3;
}

Result<void> check_list(std::string_view name,
                        const std::vector<float>& values,
                        std::size_t channels) {
    if (values.empty() || values.size() == 1 || values.size() == channels) return {};
    return invalid_argument(fmt::format(
        "option '{}': {} values for a network of {} channel(s)", name, values.size(), channels));
}

}  // namespace

Result<void> check(const PreprocessOptions& options) {
    SLUICE_TRY(check_list("offsets", options.offsets, channels(options)));
    SLUICE_TRY(check_list("channel-std", options.channel_std, channels(options)));
    if (std::find(options.channel_std.begin(), options.channel_std.end(), 0.f) !=
        options.channel_std.end())
        return invalid_argument("option 'channel-std': a divisor of 0");
    if (options.infer_dims.empty()) return {};
    if (options.infer_dims.size() != 3)
        return invalid_argument("option 'infer-dims': channels;height;width is wanted");
    for (int extent : options.infer_dims) {
        if (extent < 1) return invalid_argument("option 'infer-dims': an extent is at least 1");
    }
    return {};
}

InputAdaptation adaptation(const PreprocessOptions& options) {
    InputAdaptation out;
    out.mean = options.offsets;
    for (float deviation : options.channel_std)
        out.scale.push_back(options.net_scale_factor / deviation);
    if (out.scale.empty() && options.net_scale_factor != 1)
        out.scale.push_back(options.net_scale_factor);
    if (options.input_type == InputType::kU8) out.type = memory::ElementType::kU8;
    if (options.input_type == InputType::kF32) out.type = memory::ElementType::kF32;
    return out;
}

Result<image::PreprocessPlan> plan(const PreprocessOptions& options, const TensorSpec& input) {
    const memory::Size size = image_size(input);
    if (size.width <= 0 || size.height <= 0)
        return unsupported(fmt::format(
            "input '{}' is no image of a fixed size: {}", input.name, fmt::join(input.shape, "x")));
    image::PreprocessPlan out;
    out.size = size;
    out.fit = options.maintain_aspect_ratio ? image::Fit::kLetterbox : image::Fit::kStretch;
    out.anchor = options.symmetric_padding ? image::Anchor::kCenter : image::Anchor::kTopLeft;
    out.fill.fill(static_cast<float>(options.fill_value));
    out.channels = options.model_color_format;
    out.layout =
        input.layout == Layout::kNhwc ? image::TensorLayout::kNhwc : image::TensorLayout::kNchw;
    out.type = input.type;
    return out;
}

memory::Size image_size(const TensorSpec& input) {
    if (input.layout == Layout::kOther || input.shape.size() != 4) return {};
    const std::size_t first = input.layout == Layout::kNhwc ? 1 : 2;
    const auto extent = [&](std::size_t i) {
        return static_cast<int>(std::max<std::int64_t>(input.shape[i], 0));
    };
    return {extent(first + 1), extent(first)};
}

}  // namespace sluice::infer
