#pragma once

#include <cstdint>
#include <vector>

#include "sluice/base/name.h"
#include "sluice/meta/box.h"
#include "sluice/meta/ids.h"

namespace sluice::meta {

/// What a detector says, before any tracker: box in processing-resolution pixels, score 0..1.
struct Detection {
    PixelBox box;
    float score = 0;
    ClassId class_id;
    Name label;
};

/// What a classifier says of an object: one attribute.
struct Label {
    Name attribute;  ///< e.g. "color": the output or the line of the label file
    Name value;      ///< e.g. "red"
    ClassId class_id;
    float score = 0;  ///< 0..1
    std::uint32_t component_id = 0;
};

inline constexpr std::int32_t kNoParent = -1;

struct Object {
    PixelBox box;  ///< what to draw and report: the tracker's where tracked, else the detector's
    ClassId class_id;
    Name label;
    std::uint32_t component_id = 0;  ///< unique-id of the inference that found it

    PixelBox detector_box;  ///< zero-sized when this frame's track had no detection
    float score = 0;        ///< the detector's, 0..1; 0 when there was no detection

    TrackId track_id = kUntracked;
    PixelBox tracker_box;  ///< as the tracker has it, not clipped; zero-sized if untracked
    float tracker_confidence = 0;

    std::int32_t parent = kNoParent;  ///< index in the frame's objects
    std::vector<Label> labels;

    bool tracked() const { return track_id != kUntracked; }
};

}  // namespace sluice::meta
