#include "sluice/image/cuda/args.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "sluice/image/detail/axis.h"
#include "sluice/image/detail/check.h"
#include "sluice/image/detail/color.h"

namespace sluice::image::cuda {

using memory::PixelFormat;

namespace {

Kind kind_of(PixelFormat format) {
    switch (format) {
        case PixelFormat::kI420:
            return Kind::kI420;
        case PixelFormat::kNv12:
            return Kind::kNv12;
        case PixelFormat::kP010:
            return Kind::kP010;
        case PixelFormat::kRgb:
        case PixelFormat::kBgr:
            return Kind::kRgb;
        case PixelFormat::kRgba:
        case PixelFormat::kBgra:
        case PixelFormat::kRgbx:
        case PixelFormat::kBgrx:
            return Kind::kRgba;
        case PixelFormat::kGray8:
            break;
    }
    return Kind::kGray;
}

Element element_of(memory::ElementType type) {
    switch (type) {
        case memory::ElementType::kF16:
            return Element::kF16;
        case memory::ElementType::kBf16:
            return Element::kBf16;
        case memory::ElementType::kF32:
            return Element::kF32;
        default:
            return Element::kU8;
    }
}

Line line_of(const detail::AxisPlan& plan) {
    const detail::AxisLine line = detail::axis_line(plan);
    return {line.at, line.step, line.low, line.last};
}

Grid grid_of(memory::Size source, const Rect& crop, const PixelRect& content, int shift) {
    return {line_of({crop.left, crop.width, content.width, source.width, shift, 0}),
            line_of({crop.top, crop.height, content.height, source.height, shift, 0})};
}

void set_color(const memory::ImageView& view, Picture& picture) {
    const detail::YuvToRgb color = detail::yuv_to_rgb(view.matrix, view.range);
    // 1023 is white at full range, not 4 * 255.
    const bool ten_bits = view.format == PixelFormat::kP010;
    const double unit =
        ten_bits && view.range == memory::ColorRange::kFull ? 4 * 255 / 1023.0 : 1.0;
    picture.gain = static_cast<float>(color.gain * unit);
    picture.offset = static_cast<float>(color.offset);
    picture.red_v = static_cast<float>(color.red_v * unit);
    picture.green_u = static_cast<float>(color.green_u * unit);
    picture.green_v = static_cast<float>(color.green_v * unit);
    picture.blue_u = static_cast<float>(color.blue_u * unit);
}

}  // namespace

Picture picture_of(const memory::ImageView& view, const Rect& crop, const PixelRect& content) {
    Picture picture;
    for (std::size_t plane = 0; plane < 3; ++plane) {
        picture.plane[plane] = view.data[plane];
        picture.pitch[plane] = static_cast<int>(view.stride[plane]);
    }
    picture.kind = kind_of(view.format);
    picture.blue_first = detail::packed_order(view.format).blue == 0;
    picture.luma = grid_of(view.size, crop, content, 0);
    if (detail::is_yuv(view.format)) {
        picture.chroma = grid_of(view.size, crop, content, 1);
        set_color(view, picture);
    }
    picture.left = content.left;
    picture.top = content.top;
    picture.right = content.right();
    picture.bottom = content.bottom();
    return picture;
}

Result<void> check_source(const memory::ImageView& view, int device) {
    if (view.device == memory::kHostMemory) return detail::check_view(view);
    return check_device_view(view, device);
}

Result<void> check_device_view(const memory::ImageView& view, int device) {
    SLUICE_TRY(detail::check_view(view));
    if (view.device != device)
        return invalid_argument(fmt::format(
            "the picture is in the memory of cuda:{}, not cuda:{}", view.device, device));
    const memory::FormatLayout layout = memory::layout(view.format);
    for (int i = 0; i < layout.planes; ++i) {
        const auto plane = static_cast<std::size_t>(i);
        const int sample = layout.plane[plane].bytes_per_pixel;
        const bool together = sample == 2 || sample == 4;  // what the device loads at once
        const bool aligned = reinterpret_cast<std::uintptr_t>(view.data[plane]) %
                                     static_cast<std::uintptr_t>(sample) ==
                                 0 &&
                             view.stride[plane] % sample == 0;
        if (together && !aligned)
            return invalid_argument(fmt::format("plane {} is not aligned to {} bytes", i, sample));
        if (view.stride[plane] > std::numeric_limits<int>::max())
            return invalid_argument(fmt::format("plane {} has a stride of over 2 GiB", i));
    }
    return {};
}

PreprocessArgs network_args(const PreprocessPlan& plan, int stored_channels) {
    PreprocessArgs args;
    args.type = element_of(plan.type);
    args.width = plan.size.width;
    args.height = plan.size.height;
    args.channels = channel_count(plan.channels);
    args.blue_first = plan.channels == ChannelOrder::kBgr;
    args.stored_channels = stored_channels;
    // A single channel lies the same in either layout.
    if (stored_channels == 0 && plan.layout == TensorLayout::kNhwc && args.channels == 3)
        args.stored_channels = 3;
    for (std::size_t i = 0; i < 3; ++i) {
        args.fill[i] = std::clamp(plan.fill[i], 0.0f, 255.0f);
        args.scale[i] = plan.scale[i];
        args.bias[i] = -plan.mean[i] * plan.scale[i];
    }
    return args;
}

ScaleArgs target_args(const memory::MutableImageView& target) {
    ScaleArgs args;
    for (std::size_t plane = 0; plane < 3; ++plane) {
        args.plane[plane] = target.data[plane];
        args.pitch[plane] = static_cast<int>(target.stride[plane]);
    }
    args.planar = target.format == PixelFormat::kI420;
    const detail::RgbToYuv color = detail::rgb_to_yuv(target.matrix, target.range);
    args.luma_offset = static_cast<float>(color.offset);
    for (std::size_t i = 0; i < 3; ++i) {
        args.luma[i] = static_cast<float>(color.luma[i]);
        args.u[i] = static_cast<float>(color.u[i]);
        args.v[i] = static_cast<float>(color.v[i]);
    }
    return args;
}

bool same_colors(const memory::ImageView& source, const memory::MutableImageView& target) {
    return detail::is_yuv(source.format) && source.matrix == target.matrix &&
           source.range == target.range;
}

}  // namespace sluice::image::cuda
