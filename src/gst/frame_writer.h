#pragma once

#include <memory>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/crossings.h"
#include "sluice/gst/device_tiles.h"
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
    /// they are not so already, else left alone. Scaled ones lie on `device` if they did before and
    /// are NV12 or I420, else on the host. On failure they are as they were.
    Result<void> size(FramePixels& pixels,
                      const meta::Frame& frame,
                      int device,
                      Crossings& crossings);
    /// The same, and nobody else holds the buffer or its memory. Where they are not on `device`
    /// already, the pixels lie on the host then.
    Result<void> make_writable(FramePixels& pixels,
                               const meta::Frame& frame,
                               int device,
                               Crossings& crossings);

private:
    Result<BufferRef> acquire(const GstVideoInfo& info, int device);
    Result<void> scale(const FramePixels& from,
                       const FramePixels& to,
                       const meta::Frame& frame,
                       Crossings& crossings);
    Result<void> copy_pixels(const FramePixels& from,
                             const FramePixels& to,
                             const meta::Frame& frame,
                             Crossings& crossings);
    void close_pool();

    GstBufferPool* pool_ = nullptr;
    GstVideoInfo pool_info_{};
    int pool_device_ = memory::kHostMemory;
    image::Scaler scaler_;
    std::unique_ptr<DeviceTiles> device_scaler_;  ///< of the pool's device, once needed
};

/// An active pool of frames of this kind, to be deactivated and unreferenced by the caller.
Result<GstBufferPool*> make_pool(const GstVideoInfo& info);

}  // namespace sluice::gst
