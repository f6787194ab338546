#pragma once

#include <vector>

#include "sluice/memory/image.h"
#include "sluice/meta/display.h"

namespace sluice::osd {

/// The straight part between two points of a line.
struct Segment {
    double ax, ay, bx, by;
};

/// Half the line's width, in the bounds that are drawn.
double line_radius(const meta::Line& line);

/// Replaces `segments` by the line's, each cut to what may be seen in the picture; none where a
/// number is not finite.
void line_segments(const meta::Line& line, memory::Size picture, std::vector<Segment>& segments);

}  // namespace sluice::osd
