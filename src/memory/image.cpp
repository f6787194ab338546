#include "sluice/memory/image.h"

#include <fmt/format.h>

namespace sluice::memory {
namespace {

std::size_t plane_bytes(PixelFormat format, Size size, int plane) {
    Size extent = plane_size(format, size, plane);
    return static_cast<std::size_t>(extent.width) * static_cast<std::size_t>(extent.height) *
           static_cast<std::size_t>(
               layout(format).plane[static_cast<std::size_t>(plane)].bytes_per_pixel);
}

}  // namespace

std::string_view to_string(PixelFormat format) {
    switch (format) {
        case PixelFormat::kI420:
            return "I420";
        case PixelFormat::kNv12:
            return "NV12";
        case PixelFormat::kP010:
            return "P010_10LE";
        case PixelFormat::kRgb:
            return "RGB";
        case PixelFormat::kBgr:
            return "BGR";
        case PixelFormat::kRgba:
            return "RGBA";
        case PixelFormat::kBgra:
            return "BGRA";
        case PixelFormat::kRgbx:
            return "RGBx";
        case PixelFormat::kBgrx:
            return "BGRx";
        case PixelFormat::kGray8:
            return "GRAY8";
    }
    return "unknown";
}

FormatLayout layout(PixelFormat format) {
    switch (format) {
        case PixelFormat::kI420:
            return {3, {{{1, 0, 0}, {1, 1, 1}, {1, 1, 1}}}};
        case PixelFormat::kNv12:
            return {2, {{{1, 0, 0}, {2, 1, 1}, {0, 0, 0}}}};
        case PixelFormat::kP010:
            return {2, {{{2, 0, 0}, {4, 1, 1}, {0, 0, 0}}}};
        case PixelFormat::kRgb:
        case PixelFormat::kBgr:
            return {1, {{{3, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
        case PixelFormat::kRgba:
        case PixelFormat::kBgra:
        case PixelFormat::kRgbx:
        case PixelFormat::kBgrx:
            return {1, {{{4, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
        case PixelFormat::kGray8:
            return {1, {{{1, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
    }
    return {0, {}};
}

Size plane_size(PixelFormat format, Size size, int plane) {
    PlaneLayout p = layout(format).plane[static_cast<std::size_t>(plane)];
    return {(size.width + (1 << p.shift_x) - 1) >> p.shift_x,
            (size.height + (1 << p.shift_y) - 1) >> p.shift_y};
}

ImageView as_const(const MutableImageView& view) {
    ImageView out{view.format, view.size, view.matrix, view.range, {}, view.stride, view.device};
    for (std::size_t i = 0; i < view.data.size(); ++i)
        out.data[i] = view.data[i];
    return out;
}

Result<void> check_host_pixels(const ImageView& view) {
    if (view.device != kHostMemory)
        return unsupported(
            fmt::format("the picture is in the memory of cuda:{}, not the host's", view.device));
    if (view.format == PixelFormat::kP010)
        return unsupported("P010_10LE pictures are read on a CUDA device only");
    return {};
}

Image::Image(PixelFormat format, Size size) : format_(format), size_(size) {
    std::size_t total = 0;
    for (int plane = 0; plane < layout(format).planes; ++plane)
        total += plane_bytes(format, size, plane);
    bytes_.resize(total);
}

MutableImageView Image::view() {
    MutableImageView view;
    view.format = format_;
    view.size = size_;
    std::uint8_t* at = bytes_.data();
    FormatLayout planes = layout(format_);
    for (int i = 0; i < planes.planes; ++i) {
        auto slot = static_cast<std::size_t>(i);
        view.data[slot] = at;
        view.stride[slot] = static_cast<std::ptrdiff_t>(plane_size(format_, size_, i).width) *
                            planes.plane[slot].bytes_per_pixel;
        at += plane_bytes(format_, size_, i);
    }
    return view;
}

ImageView Image::view() const {
    return as_const(const_cast<Image*>(this)->view());
}

}  // namespace sluice::memory
