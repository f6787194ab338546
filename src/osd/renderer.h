#pragma once

#include <memory>
#include <span>

#include "sluice/base/result.h"
#include "sluice/memory/image.h"
#include "sluice/meta/display.h"
#include "sluice/osd/options.h"

namespace sluice::osd {

/// Draws shapes straight into a frame's planes. Reentrant: one per element, with its own font
/// cache.
class Renderer {
public:
    /// Fails with kUnsupported where process-mode asks for a GPU that this build cannot draw with,
    /// and with kNotFound where no font is installed.
    static Result<std::unique_ptr<Renderer>> create(const OsdOptions& options);

    virtual ~Renderer() = default;

    /// Draws the list in its order. Coordinates are the image's pixels; what lies outside is cut,
    /// shapes without finite coordinates are passed over, and a text that would be cut by the right
    /// or lower edge is moved inside. On failure (kInvalidArgument: the view has no pixels, a plane
    /// is missing or a stride is too short; kUnsupported: pixels this renderer cannot reach or
    /// read) nothing is drawn.
    virtual Result<void> draw(const memory::MutableImageView& image,
                              std::span<const meta::Primitive> list) = 0;
};

}  // namespace sluice::osd
