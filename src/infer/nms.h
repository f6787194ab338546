#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/meta/object.h"

namespace sluice::infer {

/// Greedy non-maximum suppression that keeps its scratch. Reentrant.
class Nms {
public:
    enum class Scope { kPerClass, kAcrossClasses };

    /// Keeps the boxes that overlap no better one (of their class) by more than their class's
    /// threshold; those left are in order of falling score, equal scores in the order given.
    /// `iou_thresholds` has one entry per class; class ids must lie within.
    void run(std::vector<meta::Detection>& boxes,
             std::span<const float> iou_thresholds,
             Scope scope);

    /// Only the order of run().
    void sort(std::vector<meta::Detection>& boxes);

private:
    /// Edges and areas of boxes, a column each.
    struct Columns {
        std::vector<float> left, top, right, bottom, area;
        void clear();
        void add(const meta::PixelBox& box);
    };
    void order_all(std::size_t count);
    bool suppressed(const meta::PixelBox& box, float threshold) const;

    std::vector<std::uint32_t> order_;
    std::vector<meta::Detection> sorted_;
    Columns kept_;
};

}  // namespace sluice::infer
