#include "sluice/image/detail/color.h"

#include <algorithm>
#include <cmath>

namespace sluice::image::detail {
namespace {

constexpr double kLimitedLuma = 219;    // 16..235
constexpr double kLimitedChroma = 224;  // 16..240

bool limited(memory::ColorRange range) {
    return range == memory::ColorRange::kLimited;
}

std::uint8_t byte(double value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

}  // namespace

LumaWeights luma_weights(memory::ColorMatrix matrix) {
    if (matrix == memory::ColorMatrix::kBt709) return {0.2126, 0.7152, 0.0722};
    return {0.299, 0.587, 0.114};
}

YuvToRgb yuv_to_rgb(memory::ColorMatrix matrix, memory::ColorRange range) {
    const LumaWeights k = luma_weights(matrix);
    const double chroma = limited(range) ? 255 / kLimitedChroma : 1;
    const double red = 2 * (1 - k.red) * chroma;
    const double blue = 2 * (1 - k.blue) * chroma;
    return {limited(range) ? 255 / kLimitedLuma : 1,
            limited(range) ? 16.0 : 0.0,
            red,
            blue * k.blue / k.green,
            red * k.red / k.green,
            blue};
}

RgbToYuv rgb_to_yuv(memory::ColorMatrix matrix, memory::ColorRange range) {
    const LumaWeights k = luma_weights(matrix);
    const double luma = limited(range) ? kLimitedLuma / 255 : 1;
    const double u = (limited(range) ? kLimitedChroma / 255 : 1) / (2 * (1 - k.blue));
    const double v = (limited(range) ? kLimitedChroma / 255 : 1) / (2 * (1 - k.red));
    return {limited(range) ? 16.0 : 0.0,
            {k.red * luma, k.green * luma, k.blue * luma},
            {-k.red * u, -k.green * u, (1 - k.blue) * u},
            {(1 - k.red) * v, -k.green * v, -k.blue * v}};
}

bool is_yuv(memory::PixelFormat format) {
    return format == memory::PixelFormat::kI420 || format == memory::PixelFormat::kNv12 ||
           format == memory::PixelFormat::kP010;
}

PackedOrder packed_order(memory::PixelFormat format) {
    switch (format) {
        case memory::PixelFormat::kBgr:
        case memory::PixelFormat::kBgra:
        case memory::PixelFormat::kBgrx:
            return {2, 1, 0};
        default:
            return {0, 1, 2};
    }
}

std::array<std::array<std::uint8_t, 4>, 3> sample_bytes(const memory::MutableImageView& target,
                                                        Rgb color) {
    const RgbToYuv yuv = rgb_to_yuv(target.matrix, target.range);
    const auto dot = [&](double offset, const double* weights) {
        return byte(offset + weights[0] * color.red + weights[1] * color.green +
                    weights[2] * color.blue);
    };
    const std::uint8_t u = dot(128, yuv.u);
    const std::uint8_t v = dot(128, yuv.v);
    if (target.format == memory::PixelFormat::kI420)
        return {{{dot(yuv.offset, yuv.luma)}, {u}, {v}}};
    if (target.format == memory::PixelFormat::kNv12) return {{{dot(yuv.offset, yuv.luma)}, {u, v}}};
    if (target.format == memory::PixelFormat::kGray8) {
        const LumaWeights k = luma_weights(memory::ColorMatrix::kBt601);
        return {{{byte(k.red * color.red + k.green * color.green + k.blue * color.blue)}}};
    }
    const PackedOrder order = packed_order(target.format);
    std::array<std::uint8_t, 4> pixel{255, 255, 255, 255};
    pixel[static_cast<std::size_t>(order.red)] = color.red;
    pixel[static_cast<std::size_t>(order.green)] = color.green;
    pixel[static_cast<std::size_t>(order.blue)] = color.blue;
    return {{pixel}};
}

}  // namespace sluice::image::detail
