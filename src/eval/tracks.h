#pragma once

#include <cstdint>
#include <vector>

#include "sluice/eval/box.h"

namespace sluice::eval {

/// One line of a MOT Challenge file.
struct TrackRow {
    std::int64_t frame = 0;  ///< the first one is 1
    std::int64_t id = 0;
    Box box;
    /// Results: the tracker's confidence. Ground truth: the flag, 0 where the row is not scored.
    double confidence = 1;
    std::int32_t class_id = -1;  ///< ground truth of MOT16 and later: 1 is a pedestrian
};

/// One sequence: rows by frame, within a frame as the file had them.
using Tracks = std::vector<TrackRow>;

}  // namespace sluice::eval
