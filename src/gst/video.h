#pragma once

#include <gst/video/video.h>

#include "sluice/base/result.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/memory/image.h"

namespace sluice::gst {

/// Formats that every element of ours reads and draws in place; others are converted upstream.
#define SLUICE_VIDEO_FORMATS "{ I420, NV12, YV12, BGR, RGB, BGRA, RGBA, BGRx, RGBx, GRAY8 }"
#define SLUICE_VIDEO_SIZES                                        \
    ", width = (int) [ 1, 32767 ], height = (int) [ 1, 32767 ], " \
    "framerate = (fraction) [ 0/1, MAX ]"
#define SLUICE_HOST_VIDEO_CAPS \
    "video/x-raw, format = (string) " SLUICE_VIDEO_FORMATS SLUICE_VIDEO_SIZES
#define SLUICE_CUDA_VIDEO_CAPS         \
    "video/x-raw(" SLUICE_CUDA_FEATURE \
    "), format = (string) "            \
    "{ NV12, P010_10LE, I420, RGBA, BGRA, RGBx, BGRx }" SLUICE_VIDEO_SIZES

/// What our elements take: frames where they lie, the device first. SLUICE_GST_CUDA comes from the
/// build.
#ifdef SLUICE_GST_CUDA
#define SLUICE_VIDEO_CAPS SLUICE_CUDA_VIDEO_CAPS "; " SLUICE_HOST_VIDEO_CAPS
#else
#define SLUICE_VIDEO_CAPS SLUICE_HOST_VIDEO_CAPS
#endif

/// What elements take that touch no pixel of plain video.
#define SLUICE_ANY_VIDEO_CAPS "video/x-raw(ANY)"

/// Has each plane of I420 begin with a row of its own. Of GStreamer's CUDA memory V begins within
/// one where the height is odd (1.22) or even (later), and its copies to the host take no more of a
/// row than the width: they lose such a V.
void begin_planes_with_rows(GstVideoMeta& meta);

/// A frame's pixels mapped for as long as this object lives. It keeps no reference to the buffer:
/// the caller holds it meanwhile. A view of device memory may be read as long as the buffer is
/// held, also after this object is gone.
class MappedFrame {
public:
    /// kWrite needs a writable buffer; its memory is copied if others share it.
    enum class Access { kRead, kWrite };
    /// Where the pixels are: view().device tells. Who writes to a device waits for it before the
    /// buffer travels on.
    static Result<MappedFrame> map(GstBuffer* buffer, const GstVideoInfo& info, Access access);
    /// In host memory; pixels of a device are copied, once (see Crossings, which counts that).
    static Result<MappedFrame> map_on_host(GstBuffer* buffer,
                                           const GstVideoInfo& info,
                                           Access access);

    MappedFrame(MappedFrame&& other) noexcept;
    MappedFrame& operator=(MappedFrame&&) = delete;
    ~MappedFrame();

    memory::MutableImageView mutable_view() const { return view_; }
    memory::ImageView view() const { return memory::as_const(view_); }

private:
    static Result<MappedFrame> map_at(GstBuffer* buffer,
                                      const GstVideoInfo& info,
                                      Access access,
                                      int device);
    MappedFrame(const GstVideoFrame& frame, const memory::MutableImageView& view)
        : frame_(frame), view_(view), mapped_(true) {}

    GstVideoFrame frame_;
    memory::MutableImageView view_;
    bool mapped_;
};

}  // namespace sluice::gst
