#include "sluice/image/scale.h"

#include <algorithm>
#include <cmath>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/detail/color.h"

namespace sluice::image::cpu {
namespace {

using memory::PixelFormat;

struct Point {
    double x;
    double y;
};

bool same_samples(const memory::ImageView& source, const memory::MutableImageView& target) {
    return detail::is_yuv(source.format) && source.matrix == target.matrix &&
           source.range == target.range;
}

/// Luma (0), U (1) or V (2) of the target at a point of the source.
double yuv_sample(const memory::ImageView& source,
                  const Rect& crop,
                  const memory::MutableImageView& target,
                  int component,
                  Point at) {
    if (same_samples(source, target)) {
        const bool second = component == 2 && source.format == PixelFormat::kNv12;
        return sample_plane(source, crop, second ? 1 : component, second ? 1 : 0, at.x, at.y);
    }
    const Color rgb = sample_rgb(source, crop, at.x, at.y);
    const detail::RgbToYuv color = detail::rgb_to_yuv(target.matrix, target.range);
    const double* weights = component == 0 ? color.luma : component == 1 ? color.u : color.v;
    return (component == 0 ? color.offset : 128) + weights[0] * rgb.red + weights[1] * rgb.green +
           weights[2] * rgb.blue;
}

/// Byte `channel` of a sample of one of the target's planes.
double target_sample(const memory::ImageView& source,
                     const Rect& crop,
                     const memory::MutableImageView& target,
                     int plane,
                     int channel,
                     Point at) {
    if (detail::is_yuv(target.format)) return yuv_sample(source, crop, target, plane + channel, at);
    if (target.format == PixelFormat::kGray8) return sample_gray(source, crop, at.x, at.y);
    const Color rgb = sample_rgb(source, crop, at.x, at.y);
    const detail::PackedOrder order = detail::packed_order(target.format);
    if (channel == order.red) return rgb.red;
    if (channel == order.green) return rgb.green;
    return channel == order.blue ? rgb.blue : 255;
}

}  // namespace

void scale(const memory::ImageView& source,
           const Rect& crop,
           const memory::MutableImageView& target,
           const PixelRect& where) {
    const memory::FormatLayout layout = memory::layout(target.format);
    for (int plane = 0; plane < layout.planes; ++plane) {
        const auto slot = static_cast<std::size_t>(plane);
        const memory::PlaneLayout part = layout.plane[slot];
        const int columns = (where.width + part.shift_x) >> part.shift_x;
        const int lines = (where.height + part.shift_y) >> part.shift_y;
        for (int i = 0; i < columns * lines * part.bytes_per_pixel; ++i) {
            const int channel = i % part.bytes_per_pixel;
            const int x = i / part.bytes_per_pixel % columns;
            const int y = i / part.bytes_per_pixel / columns;
            const Point at{crop.left + (x + 0.5) * (1 << part.shift_x) * crop.width / where.width,
                           crop.top + (y + 0.5) * (1 << part.shift_y) * crop.height / where.height};
            const double value = target_sample(source, crop, target, plane, channel, at);
            target.data[slot][((where.top >> part.shift_y) + y) * target.stride[slot] +
                              ((where.left >> part.shift_x) + x) * part.bytes_per_pixel + channel] =
                static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
        }
    }
}

}  // namespace sluice::image::cpu
