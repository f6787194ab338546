#pragma once

namespace sluice::image {

/// A part of an image by its edges, not pixel centres: {0, 0, width, height} is all of it.
struct Rect {
    float left = 0;
    float top = 0;
    float width = 0;
    float height = 0;
    friend bool operator==(const Rect&, const Rect&) = default;
};

/// The same on whole pixels.
struct PixelRect {
    int left = 0;
    int top = 0;
    int width = 0;
    int height = 0;
    int right() const { return left + width; }
    int bottom() const { return top + height; }
    friend bool operator==(const PixelRect&, const PixelRect&) = default;
};

/// Where the free space of a letterbox goes: right and bottom, or evenly to all sides.
enum class Anchor { kTopLeft, kCenter };

}  // namespace sluice::image
