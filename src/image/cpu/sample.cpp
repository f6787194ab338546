#include <algorithm>
#include <cmath>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/detail/color.h"

namespace sluice::image::cpu {
namespace {

double clamp_sample(double value) {
    return std::clamp(value, 0.0, 255.0);
}

/// Bilinear in one dimension: the two samples around a point, and how much of the second.
struct Mix {
    int before;
    int after;
    double weight;
};

Mix mix(double point, double start, double extent, int shift, int plane_size) {
    const double scale = 1 << shift;
    const int low = static_cast<int>(std::floor(start / scale));
    const int high =
        std::min(static_cast<int>(std::ceil((start + extent) / scale)), plane_size) - 1;
    const double at = std::clamp(
        point / scale - 0.5, static_cast<double>(low), static_cast<double>(std::max(low, high)));
    const int before = static_cast<int>(std::floor(at));
    return {before, std::min(before + 1, std::max(low, high)), at - before};
}

}  // namespace

double sample_plane(
    const memory::ImageView& view, const Rect& crop, int plane, int channel, double x, double y) {
    const auto slot = static_cast<std::size_t>(plane);
    const memory::PlaneLayout layout = memory::layout(view.format).plane[slot];
    const memory::Size size = memory::plane_size(view.format, view.size, plane);
    const Mix column = mix(x, crop.left, crop.width, layout.shift_x, size.width);
    const Mix row = mix(y, crop.top, crop.height, layout.shift_y, size.height);
    const auto at = [&](int px, int py) -> double {
        return view.data[slot][py * view.stride[slot] + px * layout.bytes_per_pixel + channel];
    };
    const double top =
        std::lerp(at(column.before, row.before), at(column.after, row.before), column.weight);
    const double bottom =
        std::lerp(at(column.before, row.after), at(column.after, row.after), column.weight);
    return std::lerp(top, bottom, row.weight);
}

Color sample_rgb(const memory::ImageView& view, const Rect& crop, double x, double y) {
    if (view.format == memory::PixelFormat::kGray8) {
        const double gray = sample_plane(view, crop, 0, 0, x, y);
        return {gray, gray, gray};
    }
    if (!detail::is_yuv(view.format)) {
        const detail::PackedOrder order = detail::packed_order(view.format);
        return {sample_plane(view, crop, 0, order.red, x, y),
                sample_plane(view, crop, 0, order.green, x, y),
                sample_plane(view, crop, 0, order.blue, x, y)};
    }
    const detail::YuvToRgb color = detail::yuv_to_rgb(view.matrix, view.range);
    const bool nv12 = view.format == memory::PixelFormat::kNv12;
    const double luma = color.gain * (sample_plane(view, crop, 0, 0, x, y) - color.offset);
    const double u = sample_plane(view, crop, 1, 0, x, y) - 128;
    const double v = sample_plane(view, crop, nv12 ? 1 : 2, nv12 ? 1 : 0, x, y) - 128;
    return {clamp_sample(luma + color.red_v * v),
            clamp_sample(luma - color.green_u * u - color.green_v * v),
            clamp_sample(luma + color.blue_u * u)};
}

double sample_gray(const memory::ImageView& view, const Rect& crop, double x, double y) {
    if (detail::is_yuv(view.format)) {
        const detail::YuvToRgb color = detail::yuv_to_rgb(view.matrix, view.range);
        return clamp_sample(color.gain * (sample_plane(view, crop, 0, 0, x, y) - color.offset));
    }
    const Color rgb = sample_rgb(view, crop, x, y);
    return 0.299 * rgb.red + 0.587 * rgb.green + 0.114 * rgb.blue;
}

}  // namespace sluice::image::cpu
