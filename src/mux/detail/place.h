#pragma once

#include "sluice/meta/frame.h"
#include "sluice/mux/options.h"

namespace sluice::mux::detail {

/// Sets the frame's processing resolution and where its picture lies in it. With width or height
/// alone, the other follows from the source's shape.
void place(meta::Frame& frame, const MuxOptions& options);

}  // namespace sluice::mux::detail
