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

bool is_scaled_on_devices(const GstVideoInfo& info) {
    GstVideoFormat format = GST_VIDEO_INFO_FORMAT(&info);
    return format == GST_VIDEO_FORMAT_NV12 || format == GST_VIDEO_FORMAT_I420;
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
      pool_device_(other.pool_device_),
      scaler_(std::move(other.scaler_)),
      device_scaler_(std::move(other.device_scaler_)) {}

void FrameWriter::close_pool() {
    if (!pool_) return;
    gst_buffer_pool_set_active(pool_, FALSE);
    gst_object_unref(pool_);
    pool_ = nullptr;
}

Result<BufferRef> FrameWriter::acquire(const GstVideoInfo& info, int device) {
    if (!pool_ || device != pool_device_ || !gst_video_info_is_equal(&info, &pool_info_)) {
        close_pool();
        if (device != pool_device_) device_scaler_.reset();
        bool host = device == memory::kHostMemory;
        pool_ = SLUICE_TRY(host ? make_pool(info) : make_device_pool(device, info));
        pool_info_ = info;
        pool_device_ = device;
    }
    GstBuffer* buffer = nullptr;
    if (gst_buffer_pool_acquire_buffer(pool_, &buffer, nullptr) != GST_FLOW_OK) {
        return internal_error("no frame from the buffer pool");
    }
    return BufferRef(buffer);
}

Result<void> FrameWriter::size(FramePixels& pixels,
                               const meta::Frame& frame,
                               int device,
                               Crossings& crossings) {
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
    bool stays = device_of(pixels.buffer.get()) == device && is_scaled_on_devices(pixels.info);
    out.buffer = SLUICE_TRY(acquire(out.info, stays ? device : memory::kHostMemory));
    gst_buffer_copy_into(
        out.buffer.get(), pixels.buffer.get(), GST_BUFFER_COPY_TIMESTAMPS, 0, gsize(-1));
    SLUICE_TRY(scale(pixels, out, frame, crossings));
    pixels = std::move(out);
    return {};
}

Result<void> FrameWriter::scale(const FramePixels& from,
                                const FramePixels& to,
                                const meta::Frame& frame,
                                Crossings& crossings) {
    constexpr auto kRead = MappedFrame::Access::kRead;
    auto target =
        SLUICE_TRY(MappedFrame::map(to.buffer.get(), to.info, MappedFrame::Access::kWrite));
    image::PixelRect where = even_rect(frame.content, frame.size);
    int device = target.view().device;
    if (device != memory::kHostMemory) {
        if (!device_scaler_) device_scaler_ = SLUICE_TRY(DeviceTiles::create(device));
        auto source = SLUICE_TRY(MappedFrame::map(from.buffer.get(), from.info, kRead));
        device_scaler_->add(source.view(), where);
        return device_scaler_->draw(nullptr, target.mutable_view());
    }
    auto source = SLUICE_TRY(crossings.map_on_host(
        from.buffer.get(), from.info, kRead, frame.source, "the CPU scales them"));
    SLUICE_TRY(image::fill_around(target.mutable_view(), where, {0, 0, 0}));
    memory::ImageView view = source.view();
    image::Rect all{
        0, 0, static_cast<float>(view.size.width), static_cast<float>(view.size.height)};
    return scaler_.run(view, all, target.mutable_view(), where);
}

Result<void> FrameWriter::make_writable(FramePixels& pixels,
                                        const meta::Frame& frame,
                                        int device,
                                        Crossings& crossings) {
    SLUICE_TRY(size(pixels, frame, device, crossings));
    int there = device_of(pixels.buffer.get());
    if (there != device) device = memory::kHostMemory;
    if (there == device && is_writable(pixels.buffer.get())) return {};
    FramePixels copy{SLUICE_TRY(acquire(pixels.info, device)), pixels.info, pixels.running_time};
    SLUICE_TRY(copy_pixels(pixels, copy, frame, crossings));
    pixels = std::move(copy);
    return {};
}

Result<void> FrameWriter::copy_pixels(const FramePixels& from,
                                      const FramePixels& to,
                                      const meta::Frame& frame,
                                      Crossings& crossings) {
    gst_buffer_copy_into(
        to.buffer.get(), from.buffer.get(), GST_BUFFER_COPY_TIMESTAMPS, 0, gsize(-1));
    auto target =
        SLUICE_TRY(MappedFrame::map(to.buffer.get(), to.info, MappedFrame::Access::kWrite));
    if (target.view().device != memory::kHostMemory) {
        auto source =
            SLUICE_TRY(MappedFrame::map(from.buffer.get(), from.info, MappedFrame::Access::kRead));
        return copy_on_device(source.view(), target.mutable_view());
    }
    auto source = SLUICE_TRY(crossings.map_on_host(from.buffer.get(),
                                                   from.info,
                                                   MappedFrame::Access::kRead,
                                                   frame.source,
                                                   "the CPU draws on them"));
    return scaler_.run(source.view(), target.mutable_view());
}

}  // namespace sluice::gst
