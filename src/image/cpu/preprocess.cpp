#include "sluice/image/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "sluice/image/cpu/reference.h"

namespace sluice::image::cpu {
namespace {

std::uint16_t to_bf16(float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// To nearest, subnormals included; beyond the range infinity.
std::uint16_t to_f16(float value) {
    const int sign = std::signbit(value) ? 0x8000 : 0;
    int exponent = 0;
    std::frexp(value, &exponent);
    // The smallest normal number is 2^-14 = 0.5 * 2^-13.
    exponent = value == 0 ? -13 : std::max(exponent, -13);
    // Eleven bits of significand; a carry out of them moves to the exponent by itself.
    const double units = std::nearbyint(std::ldexp(std::fabs(value), 11 - exponent));
    const double bits = (exponent + 13) * 1024 + units;
    return static_cast<std::uint16_t>(sign + static_cast<int>(std::min(bits, 31.0 * 1024)));
}

void store(double value, memory::ElementType type, void* tensor, std::size_t at) {
    const auto single = static_cast<float>(value);
    switch (type) {
        case memory::ElementType::kF32:
            static_cast<float*>(tensor)[at] = single;
            return;
        case memory::ElementType::kBf16:
            static_cast<std::uint16_t*>(tensor)[at] = to_bf16(single);
            return;
        case memory::ElementType::kF16:
            static_cast<std::uint16_t*>(tensor)[at] = to_f16(single);
            return;
        default:
            static_cast<std::uint8_t*>(tensor)[at] =
                static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
    }
}

/// The samples of one network pixel, in the network's channel order.
std::array<double, 3> pixel(const memory::ImageView& view,
                            const Placement& placement,
                            const PreprocessPlan& plan,
                            int x,
                            int y) {
    const PixelRect& area = placement.content;
    if (x < area.left || x >= area.right() || y < area.top || y >= area.bottom())
        return {plan.fill[0], plan.fill[1], plan.fill[2]};
    const Rect& crop = placement.crop;
    const double at_x = crop.left + (x - area.left + 0.5) * crop.width / area.width;
    const double at_y = crop.top + (y - area.top + 0.5) * crop.height / area.height;
    if (plan.channels == ChannelOrder::kGray) return {sample_gray(view, crop, at_x, at_y)};
    const Color color = sample_rgb(view, crop, at_x, at_y);
    if (plan.channels == ChannelOrder::kBgr) return {color.blue, color.green, color.red};
    return {color.red, color.green, color.blue};
}

}  // namespace

void preprocess(const memory::ImageView& view,
                const Placement& placement,
                const PreprocessPlan& plan,
                void* destination) {
    const std::size_t channels = plan.channels == ChannelOrder::kGray ? 1 : 3;
    const auto area =
        static_cast<std::size_t>(plan.size.width) * static_cast<std::size_t>(plan.size.height);
    for (std::size_t i = 0; i < area; ++i) {
        const auto width = static_cast<std::size_t>(plan.size.width);
        const std::array<double, 3> samples =
            pixel(view, placement, plan, static_cast<int>(i % width), static_cast<int>(i / width));
        for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t at =
                plan.layout == TensorLayout::kNhwc ? i * channels + c : c * area + i;
            store((samples[c] - plan.mean[c]) * plan.scale[c], plan.type, destination, at);
        }
    }
}

}  // namespace sluice::image::cpu
