#include "sluice/image/detail/color.h"

namespace sluice::image::detail {
namespace {

constexpr double kLimitedLuma = 219;    // 16..235
constexpr double kLimitedChroma = 224;  // 16..240

bool limited(memory::ColorRange range) {
    return range == memory::ColorRange::kLimited;
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

}  // namespace sluice::image::detail
