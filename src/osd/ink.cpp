#include "sluice/osd/ink.h"

#include <algorithm>
#include <cmath>

namespace sluice::osd {
namespace {

using memory::PixelFormat;

std::uint8_t to_byte(double value) {
    return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

/// Y, U and V by ITU-R BT.601 and BT.709, section 3 (derivation of luminance and colour
/// differences).
Ink to_yuv(meta::Color color, memory::ColorMatrix matrix, memory::ColorRange range) {
    bool hd = matrix == memory::ColorMatrix::kBt709;
    double kr = hd ? 0.2126 : 0.299;
    double kb = hd ? 0.0722 : 0.114;
    double r = color.red / 255.0;
    double g = color.green / 255.0;
    double b = color.blue / 255.0;
    double y = kr * r + (1 - kr - kb) * g + kb * b;
    double u = (b - y) / (2 * (1 - kb));
    double v = (r - y) / (2 * (1 - kr));
    bool full = range == memory::ColorRange::kFull;
    double chroma = full ? 255 : 224;
    return {to_byte(full ? 255 * y : 16 + 219 * y),
            to_byte(128 + chroma * u),
            to_byte(128 + chroma * v)};
}

}  // namespace

Ink make_ink(meta::Color color,
             PixelFormat format,
             memory::ColorMatrix matrix,
             memory::ColorRange range) {
    switch (format) {
        case PixelFormat::kRgb:
        case PixelFormat::kRgba:
        case PixelFormat::kRgbx:
            return {color.red, color.green, color.blue, 255};
        case PixelFormat::kBgr:
        case PixelFormat::kBgra:
        case PixelFormat::kBgrx:
            return {color.blue, color.green, color.red, 255};
        case PixelFormat::kI420:
        case PixelFormat::kNv12:
        case PixelFormat::kP010:
        case PixelFormat::kGray8:
            break;
    }
    return to_yuv(color, matrix, range);
}

}  // namespace sluice::osd
