#include "sluice/meta/box.h"

#include <algorithm>

namespace sluice::meta {

float iou(const PixelBox& a, const PixelBox& b) {
    float width = std::min(a.right(), b.right()) - std::max(a.left, b.left);
    float height = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
    if (width <= 0 || height <= 0) return 0;
    float shared = width * height;
    float total = a.area() + b.area() - shared;
    return total > 0 ? shared / total : 0;
}

PixelBox clip(const PixelBox& box, float width, float height) {
    float left = std::clamp(box.left, 0.f, width);
    float top = std::clamp(box.top, 0.f, height);
    return {left,
            top,
            std::clamp(box.right(), 0.f, width) - left,
            std::clamp(box.bottom(), 0.f, height) - top};
}

PixelBox to_pixels(const NormalizedBox& box, float width, float height) {
    return {box.left * width, box.top * height, box.width * width, box.height * height};
}

NormalizedBox to_normalized(const PixelBox& box, float width, float height) {
    return {box.left / width, box.top / height, box.width / width, box.height / height};
}

}  // namespace sluice::meta
