#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/meta/object.h"
#include "sluice/track/detail/geometry.h"
#include "sluice/track/options.h"

namespace sluice::track::detail {

/// A detection as the trackers see it.
struct Measurement {
    Edges box;
    float score = 0;
    meta::ClassId class_id;
    Name label;
    std::int32_t detection = 0;  ///< its index among the frame's detections
};

/// Replaces `out` by those detections that can be followed, in their order. Of more than there may
/// be targets only the strongest stay, which bounds the work on a frame.
void collect(std::span<const meta::Detection> detections,
             const TargetOptions& options,
             std::vector<Measurement>& out);

}  // namespace sluice::track::detail
