#pragma once

namespace sluice::meta {

/// An axis-aligned box in pixels of the processing resolution (the mux's width x height, or the
/// source's own size where none is set). Left and top are inclusive edges, not pixel centres; a
/// box may reach outside the frame. Never negative in width or height.
struct PixelBox {
    float left = 0;
    float top = 0;
    float width = 0;
    float height = 0;

    float right() const { return left + width; }
    float bottom() const { return top + height; }
    float area() const { return width * height; }
    friend bool operator==(const PixelBox&, const PixelBox&) = default;
};

/// The same as fractions of the frame, 0..1. Does not convert silently.
struct NormalizedBox {
    float left = 0;
    float top = 0;
    float width = 0;
    float height = 0;
};

/// Intersection over union, 0..1; 0 when both are empty.
float iou(const PixelBox& a, const PixelBox& b);

/// The part of the box inside 0..width x 0..height (perhaps empty).
PixelBox clip(const PixelBox& box, float width, float height);

PixelBox to_pixels(const NormalizedBox& box, float width, float height);
NormalizedBox to_normalized(const PixelBox& box, float width, float height);

}  // namespace sluice::meta
