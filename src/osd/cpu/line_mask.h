#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sluice/meta/display.h"
#include "sluice/osd/cpu/canvas.h"
#include "sluice/osd/segments.h"

namespace sluice::osd {

/// Draws anti-aliased lines with round ends and joints. All segments go into one coverage mask
/// first, so that a translucent line is nowhere laid on twice. Reentrant.
class LineMask {
public:
    void draw(const meta::Line& line, Canvas& canvas);

private:
    struct Extent {
        int left = std::numeric_limits<int>::max();
        int right = 0;
    };

    void start(memory::Size size);
    void add(const Segment& segment, double radius);
    void add_row(const Segment& segment, double radius, int y, Extent extent);
    void blend(Canvas& canvas, meta::Color color);

    memory::Size size_;
    std::vector<Segment> segments_;
    std::vector<std::uint8_t> coverage_;  ///< of a whole frame; all zero between two lines
    std::vector<Extent> rows_;            ///< what is touched in each row
    int top_ = 0;
    int bottom_ = 0;
};

}  // namespace sluice::osd
