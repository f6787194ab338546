#pragma once

#include <cstdint>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/image/cuda/kernels.h"
#include "sluice/memory/cuda/device.h"
#include "sluice/memory/image.h"

namespace sluice::image::cuda {

/// Room on the device for pictures that lie on the host, by slot. Grows, never shrinks; growing
/// waits for the device.
class Staging {
public:
    /// Sees to it that the device can read the picture: copies the samples that it reads, unless
    /// they lie there already, and points it to them. The view's pixels must stay until the stream
    /// has passed; what the slot had is overwritten.
    Result<void> bring(std::size_t slot,
                       const memory::ImageView& view,
                       Picture& picture,
                       const memory::cuda::Stream& stream);
    std::uint64_t copied_bytes() const { return bytes_; }

private:
    std::vector<memory::cuda::Buffer> buffers_;
    std::uint64_t bytes_ = 0;
};

}  // namespace sluice::image::cuda
