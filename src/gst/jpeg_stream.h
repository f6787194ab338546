#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sluice/base/result.h"
#include "sluice/image/jpeg.h"

namespace sluice::gst {

/// A stream of JPEGs on its way to a CUDA device's decoder, which all streams of the program share.
/// What the device's engine does not take, and what failed together with others, is decoded by the
/// stream alone. For one thread at a time.
class JpegStream {
public:
    /// kUnsupported, with the reason, where the device has no engine for JPEG, nvJPEG is not found
    /// or was not built in.
    static Result<std::unique_ptr<JpegStream>> create(int device);
    virtual ~JpegStream() = default;

    /// Waits for the pixels; `to` is kI420, of the device and of the header's size. kCorrupt and
    /// kUnsupported are the picture's fault.
    virtual Result<void> decode(std::span<const std::uint8_t> jpeg,
                                const image::JpegHeader& header,
                                const memory::MutableImageView& to) = 0;
};

}  // namespace sluice::gst
