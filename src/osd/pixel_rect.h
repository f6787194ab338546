#pragma once

#include <algorithm>

#include "sluice/memory/image.h"

namespace sluice::osd {

/// Whole pixels: left and top inside, right and bottom outside.
struct PixelRect {
    int left = 0;
    int top = 0;
    int right = 0;
    int bottom = 0;

    int width() const { return right - left; }
    int height() const { return bottom - top; }
    bool empty() const { return right <= left || bottom <= top; }
    PixelRect cut(const PixelRect& other) const {
        return {std::max(left, other.left),
                std::max(top, other.top),
                std::min(right, other.right),
                std::min(bottom, other.bottom)};
    }
    PixelRect cut(memory::Size picture) const { return cut({0, 0, picture.width, picture.height}); }
    friend bool operator==(const PixelRect&, const PixelRect&) = default;
};

}  // namespace sluice::osd
