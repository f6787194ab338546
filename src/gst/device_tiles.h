#pragma once

#include <memory>

#include "sluice/base/result.h"
#include "sluice/image/geometry.h"
#include "sluice/memory/image.h"

namespace sluice::gst {

/// Puts frames together into one picture on a CUDA device, all in one launch. One streaming thread.
class DeviceTiles {
public:
    /// Fails with kUnsupported where this build or this machine has no such device.
    static Result<std::unique_ptr<DeviceTiles>> create(int device);
    virtual ~DeviceTiles() = default;

    /// Remembers a frame, of the device or of the host, and its place. The pixels must stay until
    /// `draw` is done.
    virtual void add(const memory::ImageView& frame, const image::PixelRect& where) = 0;
    /// Draws what was added (and forgets it) into the NV12 or I420 picture: over the picture
    /// `ground` of the same size, or over black without one. Waits until it is done. On failure the
    /// picture's pixels are any.
    virtual Result<void> draw(const memory::ImageView* ground,
                              const memory::MutableImageView& picture) = 0;
};

}  // namespace sluice::gst
