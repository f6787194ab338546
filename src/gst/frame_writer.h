#pragma once

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/video.h"
#include "sluice/image/scale.h"

namespace sluice::gst {

/// Gives the pixels of one source's frames in a form that can be drawn on or encoded. Pixels are
/// copied at most once, into a pool that goes on being used. One streaming thread.
class FrameWriter {
public:
    FrameWriter() = default;
    ~FrameWriter() { close_pool(); }
    FrameWriter(FrameWriter&& other) noexcept;
    FrameWriter& operator=(FrameWriter&&) = delete;

    /// Brings the pixels into the frame's processing resolution: scaled (and padded in black) where
    /// they are not so already, else left alone. On failure they are as they were.
    Result<void> size(FramePixels& pixels, const meta::Frame& frame);
    /// The same, and nobody else holds the buffer or its memory.
    Result<void> make_writable(FramePixels& pixels, const meta::Frame& frame);

private:
    Result<BufferRef> acquire(const GstVideoInfo& info);
    void close_pool();

    GstBufferPool* pool_ = nullptr;
    GstVideoInfo pool_info_{};
    image::Scaler scaler_;
};

/// An active pool of frames of this kind, to be deactivated and unreferenced by the caller.
Result<GstBufferPool*> make_pool(const GstVideoInfo& info);

}  // namespace sluice::gst
