#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sluice/base/result.h"
#include "sluice/image/jpeg.h"

namespace sluice::image::cuda {

/// JPEGs to I420 pictures of a CUDA device, by NVIDIA's nvJPEG, which is looked for when the first
/// decoder is made. What is not 4:2:0 becomes so by way of RGB.
/// For one thread at a time but for takes().
class JpegDecoder {
public:
    enum class Way {
        kEngine,  ///< the device's engine for it, which A100, H100 and the like have: baseline only
        kKernels,  ///< one by one: entropy decoding on the calling thread, the rest by kernels
    };
    /// kUnsupported, with what is missing, without nvJPEG or such an engine.
    static Result<std::unique_ptr<JpegDecoder>> create(int device, Way way);
    virtual ~JpegDecoder() = default;

    /// How many pictures are decoded side by side. Thread-safe.
    virtual std::size_t engines() const = 0;
    /// May it be given to decode()? Thread-safe.
    virtual bool takes(std::span<const std::uint8_t> jpeg) const = 0;
    /// Decodes them together, and waits until all are done. All are 4:2:0, or none is. On failure
    /// (kCorrupt, kUnsupported, kExhausted, kInternal) any of them may be the reason.
    virtual Result<void> decode(std::span<const JpegPicture> pictures) = 0;
};

}  // namespace sluice::image::cuda
