#pragma once

#include <gst/video/video.h>

#include "sluice/base/result.h"
#include "sluice/memory/image.h"

namespace sluice::gst {

/// Formats that every element of ours reads and draws in place; others are converted upstream.
#define SLUICE_VIDEO_FORMATS "{ I420, NV12, YV12, BGR, RGB, BGRA, RGBA, BGRx, RGBx, GRAY8 }"
#define SLUICE_VIDEO_CAPS                                  \
    "video/x-raw, format = (string) " SLUICE_VIDEO_FORMATS \
    ", "                                                   \
    "width = (int) [ 1, 32767 ], height = (int) [ 1, 32767 ], framerate = (fraction) [ 0/1, MAX ]"

/// What elements take that touch no pixel of plain video.
#define SLUICE_ANY_VIDEO_CAPS "video/x-raw"

/// A frame's pixels mapped into host memory for as long as this object lives. It keeps no
/// reference to the buffer: the caller holds it meanwhile.
class MappedFrame {
public:
    /// kWrite needs a writable buffer; its memory is copied if others share it.
    enum class Access { kRead, kWrite };
    static Result<MappedFrame> map(GstBuffer* buffer, const GstVideoInfo& info, Access access);

    MappedFrame(MappedFrame&& other) noexcept;
    MappedFrame& operator=(MappedFrame&&) = delete;
    ~MappedFrame();

    memory::MutableImageView mutable_view() const { return view_; }
    memory::ImageView view() const { return memory::as_const(view_); }

private:
    MappedFrame(const GstVideoFrame& frame, const memory::MutableImageView& view)
        : frame_(frame), view_(view), mapped_(true) {}

    GstVideoFrame frame_;
    memory::MutableImageView view_;
    bool mapped_;
};

}  // namespace sluice::gst
