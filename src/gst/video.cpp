#include "sluice/gst/video.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace sluice::gst {
namespace {

std::optional<memory::PixelFormat> to_pixel_format(GstVideoFormat format) {
    switch (format) {
        case GST_VIDEO_FORMAT_I420:
        case GST_VIDEO_FORMAT_YV12:
            return memory::PixelFormat::kI420;
        case GST_VIDEO_FORMAT_NV12:
            return memory::PixelFormat::kNv12;
        case GST_VIDEO_FORMAT_P010_10LE:
            return memory::PixelFormat::kP010;
        case GST_VIDEO_FORMAT_RGB:
            return memory::PixelFormat::kRgb;
        case GST_VIDEO_FORMAT_BGR:
            return memory::PixelFormat::kBgr;
        case GST_VIDEO_FORMAT_RGBA:
            return memory::PixelFormat::kRgba;
        case GST_VIDEO_FORMAT_BGRA:
            return memory::PixelFormat::kBgra;
        case GST_VIDEO_FORMAT_RGBx:
            return memory::PixelFormat::kRgbx;
        case GST_VIDEO_FORMAT_BGRx:
            return memory::PixelFormat::kBgrx;
        case GST_VIDEO_FORMAT_GRAY8:
            return memory::PixelFormat::kGray8;
        default:
            return std::nullopt;
    }
}

}  // namespace

void begin_planes_with_rows(GstVideoMeta& meta) {
    if (meta.format != GST_VIDEO_FORMAT_I420 && meta.format != GST_VIDEO_FORMAT_YV12) return;
    const gsize rows = meta.height;
    meta.offset[1] = meta.offset[0] + static_cast<gsize>(meta.stride[0]) * rows;
    meta.offset[2] = meta.offset[1] + static_cast<gsize>(meta.stride[1]) * ((rows + 1) / 2);
}

Result<MappedFrame> MappedFrame::map(GstBuffer* buffer, const GstVideoInfo& info, Access access) {
    return map_at(buffer, info, access, device_of(buffer));
}

Result<MappedFrame> MappedFrame::map_on_host(GstBuffer* buffer,
                                             const GstVideoInfo& info,
                                             Access access) {
    return map_at(buffer, info, access, memory::kHostMemory);
}

Result<MappedFrame> MappedFrame::map_at(GstBuffer* buffer,
                                        const GstVideoInfo& info,
                                        Access access,
                                        int device) {
    auto format = to_pixel_format(GST_VIDEO_INFO_FORMAT(&info));
    if (!format) {
        return unsupported(fmt::format("pixel format {}; put a videoconvert before this element",
                                       gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info))));
    }
    GstVideoFrame frame;
    int access_flags = access == Access::kWrite ? GST_MAP_READWRITE : GST_MAP_READ;
    int flags = access_flags | int{GST_VIDEO_FRAME_MAP_FLAG_NO_REF};
    if (device != memory::kHostMemory) flags |= map_on_device(buffer);
    if (!gst_video_frame_map(&frame, &info, buffer, static_cast<GstMapFlags>(flags))) {
        return io_error("the frame's memory cannot be mapped");
    }
    memory::MutableImageView view;
    view.format = *format;
    view.device = device;
    view.size = {GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame)};
    const GstVideoColorimetry& color = GST_VIDEO_INFO_COLORIMETRY(&info);
    if (color.matrix == GST_VIDEO_COLOR_MATRIX_BT709) view.matrix = memory::ColorMatrix::kBt709;
    if (color.range == GST_VIDEO_COLOR_RANGE_0_255) view.range = memory::ColorRange::kFull;
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
        view.data[plane] = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
        view.stride[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
    }
    if (GST_VIDEO_INFO_FORMAT(&info) == GST_VIDEO_FORMAT_YV12) {
        std::swap(view.data[1], view.data[2]);
        std::swap(view.stride[1], view.stride[2]);
    }
    return MappedFrame(frame, view);
}

MappedFrame::MappedFrame(MappedFrame&& other) noexcept
    : frame_(other.frame_), view_(other.view_), mapped_(std::exchange(other.mapped_, false)) {}

MappedFrame::~MappedFrame() {
    if (mapped_) gst_video_frame_unmap(&frame_);
}

}  // namespace sluice::gst
