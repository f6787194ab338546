#pragma once

#include <cstdint>
#include <span>

#include <gst/gst.h>

#include "sluice/app/description.h"

namespace sluice::app::detail {

enum class Codec { kOther, kH264, kH265, kMpeg4, kMpeg2 };

/// How an encoded picture is cut into units.
struct Packing {
    Codec codec = Codec::kOther;
    int length_bytes = 0;  ///< of each unit's size; 0: start codes stand between units
};

/// True when no other picture is decoded from this one, so that it may be left out. False where
/// the codec does not tell.
bool is_non_reference(std::span<const std::uint8_t> picture, const Packing& packing);

/// Lets only the wanted pictures into a decoder.
void skip_frames_before(GstElement* decoder, Skip skip);

}  // namespace sluice::app::detail
