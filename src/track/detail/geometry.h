#pragma once

#include <algorithm>
#include <cmath>

#include "sluice/meta/box.h"

namespace sluice::track::detail {

/// A box as the filters and overlaps want it: edges, in double.
struct Edges {
    double left = 0;
    double top = 0;
    double right = 0;
    double bottom = 0;

    double width() const { return right - left; }
    double height() const { return bottom - top; }
    double center_x() const { return (left + right) / 2; }
    double center_y() const { return (top + bottom) / 2; }
};

inline Edges centered(double x, double y, double width, double height) {
    return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

inline Edges to_edges(const meta::PixelBox& box) {
    return {box.left,
            box.top,
            static_cast<double>(box.left) + box.width,
            static_cast<double>(box.top) + box.height};
}

inline meta::PixelBox to_pixels(const Edges& box) {
    return {static_cast<float>(box.left),
            static_cast<float>(box.top),
            static_cast<float>(box.width()),
            static_cast<float>(box.height())};
}

/// Far beyond any picture, far below where squares of it lose meaning.
inline constexpr double kLargestCoordinate = 1e6;

/// Finite, of some size, and within reason: what a filter may be fed with.
inline bool is_usable(const Edges& box) {
    auto sane = [](double value) { return std::abs(value) <= kLargestCoordinate; };
    constexpr double kSmallestSide = 1e-3;
    return sane(box.left) && sane(box.top) && sane(box.right) && sane(box.bottom) &&
           box.width() >= kSmallestSide && box.height() >= kSmallestSide;
}

/// Intersection over union. `pixel` is 1 where edges are inclusive pixel positions, as some
/// originals count, else 0.
inline double overlap(const Edges& a, const Edges& b, double pixel = 0) {
    double width = std::min(a.right, b.right) - std::max(a.left, b.left) + pixel;
    if (!(width > 0)) return 0;
    double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top) + pixel;
    if (!(height > 0)) return 0;
    double shared = width * height;
    double total = (a.width() + pixel) * (a.height() + pixel) +
                   (b.width() + pixel) * (b.height() + pixel) - shared;
    return shared / total;
}

}  // namespace sluice::track::detail
