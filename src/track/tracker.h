#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/base/name.h"
#include "sluice/memory/image.h"
#include "sluice/meta/frame.h"
#include "sluice/meta/object.h"

namespace sluice::track {

struct FrameInput {
    memory::Size size;                   ///< the space of the boxes; {0, 0} when unknown
    std::int64_t pts_ns = meta::kNoPts;  ///< without one, frames count as evenly spaced
    /// kSkipped: nobody looked, so targets are only predicted; otherwise the detections are all
    /// that is there.
    meta::Inference inference = meta::Inference::kDone;
};

inline constexpr std::int32_t kNoDetection = -1;

/// One target as it is after a frame.
struct TrackedObject {
    meta::TrackId track_id;
    meta::ClassId class_id;
    Name label;
    meta::PixelBox box;  ///< the tracker's own, not clipped to the frame
    /// Of the last detection that joined, 0..1. These trackers measure none of their own.
    float confidence = 0;
    std::uint32_t age = 0;                  ///< nominal frames since birth; 1 on the first
    std::int32_t detection = kNoDetection;  ///< index of this frame's detection that joined
};

/// Follows the objects of one source. Reentrant; never one object on two threads.
class Tracker {
public:
    virtual ~Tracker() = default;

    /// Takes the next frame and replaces `out` by the targets to be reported. Detections that are
    /// not finite or have no area are ignored. Time stamps may jump, repeat or run backwards.
    virtual void update(const FrameInput& frame,
                        std::span<const meta::Detection> detections,
                        std::vector<TrackedObject>& out) = 0;
    /// Forgets all targets and the clock (a seek, a new recording). Ids go on: none is used twice.
    virtual void reset() = 0;
};

}  // namespace sluice::track
