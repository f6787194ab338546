#pragma once

#include <cstdint>
#include <memory>

#include "sluice/base/result.h"
#include "sluice/image/geometry.h"
#include "sluice/image/scale.h"
#include "sluice/memory/cuda/device.h"
#include "sluice/memory/image.h"

namespace sluice::image::cuda {

/// All of an NV12 or I420 picture of the calling thread's device in one colour. kInvalidArgument
/// for an image without pixels or of another device, kUnsupported for another format.
Result<void> fill(const memory::MutableImageView& target,
                  Rgb color,
                  const memory::cuda::Stream& stream);

/// Scaler's twin on a CUDA device: scales and converts pictures of any formats, P010 too, into one
/// NV12 or I420 picture, in one launch (one per 64 pictures).
/// For one thread at a time, on one device.
class BatchScaler {
public:
    BatchScaler();
    BatchScaler(BatchScaler&&) noexcept;
    BatchScaler& operator=(BatchScaler&&) noexcept;
    ~BatchScaler();

    /// Remembers that `crop` of the source will be drawn into `where` of the next run's target;
    /// rectangles of one run must not overlap. The pixels, of the device or (copied by the run) of
    /// the host, must stay until the stream has passed that run.
    void add(const memory::ImageView& source, const Rect& crop, const PixelRect& where);
    /// Queues the drawing of what was added, and forgets it whatever comes of it. On failure (as
    /// Scaler::run; kUnsupported for a target that is neither NV12 nor I420; kInvalidArgument also
    /// for pixels of another device, or samples that are not aligned) nothing is drawn.
    Result<void> run(const memory::MutableImageView& target, const memory::cuda::Stream& stream);

    /// Copied from the host so far.
    std::uint64_t uploaded_bytes() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::image::cuda
