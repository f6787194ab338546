#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sluice/meta/box.h"

namespace sluice::meta {

struct Color {
    std::uint8_t red = 255;
    std::uint8_t green = 255;
    std::uint8_t blue = 255;
    std::uint8_t alpha = 255;
    friend bool operator==(Color, Color) = default;
};

struct Point {
    float x = 0;
    float y = 0;
};

// Things to draw, in processing-resolution pixels; what lies outside the frame is cut.

struct Rectangle {
    PixelBox box;
    Color color;
    float line_width = 2;  ///< pixels; 0 fills the box
};

struct Line {
    std::vector<Point> points;  ///< two or more; joined
    Color color;
    float line_width = 2;
    bool closed = false;  ///< a polygon
};

struct Text {
    std::string text;
    Point at;  ///< top-left corner of the background box
    Color color;
    Color background{0, 0, 0, 0};  ///< alpha 0: none
    float size = 0;                ///< pixels; 0: the renderer's own
};

/// Makes what is under the box unrecognisable (faces, number plates).
struct Blur {
    PixelBox box;
};

using Primitive = std::variant<Blur, Rectangle, Line, Text>;

}  // namespace sluice::meta
