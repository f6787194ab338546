#pragma once

#include <array>
#include <cstdint>

#include "sluice/memory/image.h"
#include "sluice/meta/display.h"

namespace sluice::osd {

/// What a colour is in a picture's bytes: those of plane i begin at i (NV12: Y, then U and V).
using Ink = std::array<std::uint8_t, 4>;

/// Of kP010 the high bytes.
Ink make_ink(meta::Color color,
             memory::PixelFormat format,
             memory::ColorMatrix matrix,
             memory::ColorRange range);

}  // namespace sluice::osd
