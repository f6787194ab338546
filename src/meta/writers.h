#pragma once

#include <string>
#include <string_view>

#include "sluice/meta/frame.h"

namespace sluice::meta {

/// The pixels in which a writer gives boxes.
enum class BoxSpace {
    kSource,      ///< the source's own pixels, as decoded
    kProcessing,  ///< the mux's width x height, as boxes are kept in a Frame
};

/// What a frame does not know of itself. Empty texts are left out.
struct SourceText {
    std::string_view name;
    std::string_view uri;
};

enum class MotRows {
    kTracks,      ///< tracked objects: their box, their tracker's confidence
    kDetections,  ///< what the detector said, id -1
};

// Every writer appends whole lines to the caller's buffer and keeps nothing; formats are described
// in docs/reference/metadata.md. All are reentrant.

/// One frame, one line of JSON, objects or none. Numbers that are not finite become null; text that
/// is not UTF-8 gets U+FFFD where it is broken.
void append_json_line(std::string& out,
                      const Frame& frame,
                      const SourceText& source,
                      BoxSpace space = BoxSpace::kSource);

/// MOT Challenge: `frame,id,left,top,width,height,confidence,-1,-1,-1`, the first frame being 1.
/// Objects whose box is not finite are left out.
void append_mot_lines(std::string& out,
                      const Frame& frame,
                      MotRows rows,
                      BoxSpace space = BoxSpace::kSource);

/// KITTI as DeepStream dumps it, a file per frame: one line for each detection, or for each track.
/// Objects whose box is not finite are left out; blanks in labels become '_'.
void append_kitti_detections(std::string& out,
                             const Frame& frame,
                             BoxSpace space = BoxSpace::kSource);
void append_kitti_tracks(std::string& out, const Frame& frame, BoxSpace space = BoxSpace::kSource);

/// A box of the frame in the pixels of its source.
PixelBox to_source(const PixelBox& box, const Frame& frame);

}  // namespace sluice::meta
