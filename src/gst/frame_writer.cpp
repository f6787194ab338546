#include "sluice/gst/frame_writer.h"

#include <cmath>
#include <utility>

namespace sluice::gst {
namespace {

// Even edges, so that 4:2:0 chroma is never split; the far edge may be the picture's own.
image::PixelRect even_rect(const meta::PixelBox& content, memory::Size size) {
    auto even = [](float value) { return static_cast<int>(std::lround(value / 2)) * 2; };
    image::PixelRect rect{even(content.left), even(content.top), 0, 0};
    int right = static_cast<int>(std::lround(content.right()));
    int bottom = static_cast<int>(std::lround(content.bottom()));
    rect.width = (right >= size.width ? size.width : even(content.right())) - rect.left;
    rect.height = (bottom >= size.height ? size.height : even(content.bottom())) - rect.top;
    return rect;
}

bool is_sized(const FramePixels& pixels, const meta::Frame& frame) {
    return GST_VIDEO_INFO_WIDTH(&pixels.info) == frame.size.width &&
           GST_VIDEO_INFO_HEIGHT(&pixels.info) == frame.size.height;
}

bool is_writable(GstBuffer* buffer) {
    return gst_buffer_is_writable(buffer) && gst_buffer_is_all_memory_writable(buffer);
}

}  // namespace

Result<GstBufferPool*> make_pool(const GstVideoInfo& info) {
    GstBufferPool* pool = gst_video_buffer_pool_new();
    GstStructure* config = gst_buffer_pool_get_config(pool);
    CapsRef caps(gst_video_info_to_caps(&info));
    gst_buffer_pool_config_set_params(
        config, caps.get(), static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)), 0, 0);
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE)) {
        gst_object_unref(pool);
        return internal_error("no buffer pool for these frames");
    }
    return pool;
}

FrameWriter::FrameWriter(FrameWriter&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      pool_info_(other.pool_info_),
      scaler_(std::move(other.scaler_)) {}

void FrameWriter::close_pool() {
    if (!pool_) return;
    gst_buffer_pool_set_active(pool_, FALSE);
    gst_object_unref(pool_);
    pool_ = nullptr;
}

Result<BufferRef> FrameWriter::acquire(const GstVideoInfo& info) {
    if (!pool_ || !gst_video_info_is_equal(&info, &pool_info_)) {
        close_pool();
        pool_ = SLUICE_TRY(make_pool(info));
        pool_info_ = info;
    }
    GstBuffer* buffer = nullptr;
    if (gst_buffer_pool_acquire_buffer(pool_, &buffer, nullptr) != GST_FLOW_OK) {
        return internal_error("no frame from the buffer pool");
    }
    return BufferRef(buffer);
}

Result<void> FrameWriter::size(FramePixels& pixels, const meta::Frame& frame) {
    if (is_sized(pixels, frame)) return {};
    FramePixels out;
    gst_video_info_set_format(&out.info,
                              GST_VIDEO_INFO_FORMAT(&pixels.info),
                              static_cast<guint>(frame.size.width),
                              static_cast<guint>(frame.size.height));
    out.info.colorimetry = pixels.info.colorimetry;
    out.info.chroma_site = pixels.info.chroma_site;
    out.info.fps_n = pixels.info.fps_n;
    out.info.fps_d = pixels.info.fps_d;
    out.running_time = pixels.running_time;
    out.buffer = SLUICE_TRY(acquire(out.info));
    gst_buffer_copy_into(
        out.buffer.get(), pixels.buffer.get(), GST_BUFFER_COPY_TIMESTAMPS, 0, gsize(-1));

    auto from =
        SLUICE_TRY(MappedFrame::map(pixels.buffer.get(), pixels.info, MappedFrame::Access::kRead));
    auto to = SLUICE_TRY(MappedFrame::map(out.buffer.get(), out.info, MappedFrame::Access::kWrite));
    image::PixelRect where = even_rect(frame.content, frame.size);
    SLUICE_TRY(image::fill_around(to.mutable_view(), where, {0, 0, 0}));
    memory::ImageView view = from.view();
    image::Rect all{
        0, 0, static_cast<float>(view.size.width), static_cast<float>(view.size.height)};
    SLUICE_TRY(scaler_.run(view, all, to.mutable_view(), where));
    std::swap(pixels, out);  // the old ones are mapped until the end
    return {};
}

Result<void> FrameWriter::make_writable(FramePixels& pixels, const meta::Frame& frame) {
    SLUICE_TRY(size(pixels, frame));
    if (is_writable(pixels.buffer.get())) return {};
    FramePixels copy{SLUICE_TRY(acquire(pixels.info)), pixels.info, pixels.running_time};
    gst_buffer_copy_into(
        copy.buffer.get(), pixels.buffer.get(), GST_BUFFER_COPY_TIMESTAMPS, 0, gsize(-1));
    auto from =
        SLUICE_TRY(MappedFrame::map(pixels.buffer.get(), pixels.info, MappedFrame::Access::kRead));
    auto to =
        SLUICE_TRY(MappedFrame::map(copy.buffer.get(), copy.info, MappedFrame::Access::kWrite));
    SLUICE_TRY(scaler_.run(from.view(), to.mutable_view()));
    std::swap(pixels, copy);  // the old ones are mapped until the end
    return {};
}

}  // namespace sluice::gst
