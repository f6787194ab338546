#include "sluice/gst/sluice_pixels.h"

#include <array>
#include <atomic>
#include <memory>

#include <dlpack/dlpack.h>
#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/video.h"
#include "sluice/metrics/counter.h"

namespace sluice::gst {
namespace {

metrics::Counter copied_frames;
metrics::Counter copied_bytes;
std::atomic<bool> said{false};

void count_copy(std::uint64_t bytes, meta::SourceId source) {
    copied_bytes.add(bytes);
    copied_frames.add();
    if (said.exchange(true)) return;
    log_warning("gst",
                "frames are copied to the host (first one of source {}), because user code calls "
                "sluice_buffer_map_pixels(); sluice_buffer_get_dlpack() views them on the device",
                source.value);
}

/// Of one frame; borrowed from its carrier.
struct Pixels {
    GstBuffer* buffer;
    const GstVideoInfo* info;
    meta::SourceId source;
};

Result<Pixels> find_pixels(GstBuffer* carrier, guint frame) {
    BatchPayload* payload = find_payload(carrier);
    if (!payload || frame >= payload->pixels.size()) {
        return not_found(fmt::format("the buffer has no frame {}", frame));
    }
    return Pixels{pixel_buffer(carrier, *payload, frame),
                  &payload->pixels[frame].info,
                  payload->batch.frames[frame].source};
}

Result<MappedFrame> map(GstBuffer* carrier, guint frame, MappedFrame::Access access) {
    Pixels pixels = SLUICE_TRY(find_pixels(carrier, frame));
    if (access == MappedFrame::Access::kWrite &&
        !(gst_buffer_is_writable(carrier) && gst_buffer_is_writable(pixels.buffer))) {
        return invalid_argument("others hold this frame, so it cannot be written to");
    }
    bool copies = copies_to_host(pixels.buffer);
    MappedFrame mapped = SLUICE_TRY(MappedFrame::map_on_host(pixels.buffer, *pixels.info, access));
    if (copies) count_copy(GST_VIDEO_INFO_SIZE(pixels.info), pixels.source);
    return mapped;
}

SluicePixels to_c(std::unique_ptr<MappedFrame> mapped) {
    const memory::MutableImageView view = mapped->mutable_view();
    SluicePixels out{};
    out.format = memory::to_string(view.format).data();
    out.width = view.size.width;
    out.height = view.size.height;
    out.plane_count = static_cast<guint>(memory::layout(view.format).planes);
    for (guint i = 0; i < out.plane_count; ++i) {
        out.data[i] = view.data[i];
        out.stride[i] = view.stride[i];
    }
    out.mapping = mapped.release();
    return out;
}

/// A tensor with all that it points to.
struct HeldPlane {
    BufferRef buffer;
    MappedFrame mapped;  // unmapped before the buffer goes
    std::array<std::int64_t, 3> shape{};
    std::array<std::int64_t, 3> strides{};
    DLManagedTensor tensor{};
};

void release(DLManagedTensor* tensor) {
    delete static_cast<HeldPlane*>(tensor->manager_ctx);
}

/// `plane` is one of the format's.
DLManagedTensor* describe(std::unique_ptr<HeldPlane> held, std::size_t plane) {
    const memory::MutableImageView view = held->mapped.mutable_view();
    const int bytes = view.format == memory::PixelFormat::kP010 ? 2 : 1;
    const int values = memory::layout(view.format).plane[plane].bytes_per_pixel / bytes;
    const memory::Size size = memory::plane_size(view.format, view.size, static_cast<int>(plane));
    held->shape = {size.height, size.width, values};
    held->strides = {view.stride[plane] / bytes, values, 1};

    DLTensor& tensor = held->tensor.dl_tensor;
    tensor.data = view.data[plane];
    tensor.device =
        view.device == memory::kHostMemory ? DLDevice{kDLCPU, 0} : DLDevice{kDLCUDA, view.device};
    tensor.ndim = values == 1 ? 2 : 3;
    tensor.dtype = {kDLUInt, static_cast<std::uint8_t>(8 * bytes), 1};
    tensor.shape = held->shape.data();
    tensor.strides = held->strides.data();
    held->tensor.deleter = release;
    held->tensor.manager_ctx = held.get();
    return &held.release()->tensor;
}

Result<DLManagedTensor*> view_plane(GstBuffer* carrier, guint frame, guint plane) {
    Pixels pixels = SLUICE_TRY(find_pixels(carrier, frame));
    if (device_of(pixels.buffer) == memory::kHostMemory && copies_to_host(pixels.buffer)) {
        return unsupported(
            "the frame lies in a CUDA context that is not the device's primary one; let its "
            "decoder take the context of sluicemux or sluiceinfer");
    }
    MappedFrame mapped =
        SLUICE_TRY(MappedFrame::map(pixels.buffer, *pixels.info, MappedFrame::Access::kRead));
    memory::PixelFormat format = mapped.view().format;
    if (plane >= static_cast<guint>(memory::layout(format).planes)) {
        return not_found(fmt::format("{} has no plane {}", memory::to_string(format), plane));
    }
    return describe(
        std::make_unique<HeldPlane>(HeldPlane{BufferRef::share(pixels.buffer), std::move(mapped)}),
        plane);
}

void tell(GError** error, const Error& why) {
    g_set_error_literal(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, why.text().c_str());
}

}  // namespace
}  // namespace sluice::gst

gboolean sluice_buffer_map_pixels(
    GstBuffer* buffer, guint frame, GstMapFlags access, SluicePixels* pixels, GError** error) {
    using sluice::gst::MappedFrame;
    auto mapped = sluice::gst::map(
        buffer,
        frame,
        (access & GST_MAP_WRITE) ? MappedFrame::Access::kWrite : MappedFrame::Access::kRead);
    if (!mapped) {
        sluice::gst::tell(error, mapped.error());
        return FALSE;
    }
    *pixels = sluice::gst::to_c(std::make_unique<MappedFrame>(std::move(*mapped)));
    return TRUE;
}

void sluice_pixels_unmap(SluicePixels* pixels) {
    delete static_cast<sluice::gst::MappedFrame*>(pixels->mapping);
    *pixels = {};
}

void sluice_pixels_get_copied(guint64* frames, guint64* bytes) {
    *frames = sluice::gst::copied_frames.value();
    *bytes = sluice::gst::copied_bytes.value();
}

DLManagedTensor* sluice_buffer_get_dlpack(GstBuffer* buffer,
                                          guint frame,
                                          guint plane,
                                          GError** error) {
    auto tensor = sluice::gst::view_plane(buffer, frame, plane);
    if (tensor) return *tensor;
    sluice::gst::tell(error, tensor.error());
    return nullptr;
}
