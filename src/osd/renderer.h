#pragma once

#include <memory>
#include <span>

#include "sluice/base/result.h"
#include "sluice/memory/image.h"
#include "sluice/meta/display.h"
#include "sluice/osd/options.h"

namespace sluice::osd {

/// Draws shapes straight into a frame's planes, where they are: the host's memory or a CUDA
/// device's. Reentrant: one per element, with its own font cache.
class Renderer {
public:
    /// Fails with kUnsupported where process-mode asks for a GPU that this build or this machine
    /// does not have, and with kNotFound where no font is installed.
    static Result<std::unique_ptr<Renderer>> create(const OsdOptions& options);

    virtual ~Renderer() = default;

    /// Can it draw in the memory of this device, or in kHostMemory?
    virtual bool reaches(int device) const = 0;

    /// Draws the list in its order. Coordinates are the image's pixels; what lies outside is cut,
    /// shapes without finite coordinates are passed over, and a text that would be cut by the right
    /// or lower edge is moved inside. On failure (kInvalidArgument: the view has no pixels, a plane
    /// is missing or a stride is too short; kUnsupported: pixels this renderer cannot reach or
    /// read) nothing is drawn.
    /// On a device the drawing is put off, so that a batch of pictures takes one launch: the pixels
    /// must stay where they are, complete and untouched, until `flush`. The list is done with.
    virtual Result<void> draw(const memory::MutableImageView& image,
                              std::span<const meta::Primitive> list) = 0;

    /// Draws what was put off and waits for it: anyone may read the pixels afterwards, in any
    /// stream. On failure some of the pictures of this flush lack some of their shapes.
    virtual Result<void> flush() { return {}; }

protected:
    static Result<void> check_planes(const memory::MutableImageView& image);
};

}  // namespace sluice::osd
