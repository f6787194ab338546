#pragma once

#include <cstdint>
#include <memory>

#include "sluice/base/result.h"
#include "sluice/image/geometry.h"
#include "sluice/memory/image.h"

namespace sluice::image {

struct Rgb {
    std::uint8_t red = 0;
    std::uint8_t green = 0;
    std::uint8_t blue = 0;
};

/// The largest rectangle of the source's aspect inside `target`, on even pixels so that it suits
/// every format. Empty if either size is.
PixelRect fit_inside(memory::Size source, memory::Size target, Anchor anchor = Anchor::kCenter);

/// All of the image, or all but `content`, in one colour (alpha becomes opaque).
/// kInvalidArgument for an image without pixels, kUnsupported for pixels of a device and kP010.
Result<void> fill(const memory::MutableImageView& target, Rgb color);
Result<void> fill_around(const memory::MutableImageView& target,
                         const PixelRect& content,
                         Rgb color);

/// Scales (bilinear) and converts pictures between any two formats. Samples of YUV pass unchanged
/// where matrix and range agree; otherwise colour is converted. Alpha becomes opaque.
/// Reentrant; does not allocate once the largest geometry was seen.
class Scaler {
public:
    Scaler();
    Scaler(Scaler&&) noexcept;
    Scaler& operator=(Scaler&&) noexcept;
    ~Scaler();

    /// Draws `crop` of the source into `where` of the target. Where the target subsamples chroma,
    /// left and top must be even, and right and bottom even or the image's own edge.
    /// kInvalidArgument, nothing written: an empty image or crop, or no such rectangle.
    /// kUnsupported: pixels of a device, or kP010.
    Result<void> run(const memory::ImageView& source,
                     const Rect& crop,
                     const memory::MutableImageView& target,
                     const PixelRect& where);
    /// The whole source onto the whole target.
    Result<void> run(const memory::ImageView& source, const memory::MutableImageView& target);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::image
