#pragma once

namespace sluice::eval {

/// An axis-aligned box in pixels. In double, as the reference evaluators compute, not in the
/// engine's float.
struct Box {
    double left = 0;
    double top = 0;
    double width = 0;
    double height = 0;

    double right() const { return left + width; }
    double bottom() const { return top + height; }
    double area() const { return width * height; }
};

}  // namespace sluice::eval
