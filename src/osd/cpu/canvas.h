#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/memory/image.h"
#include "sluice/meta/display.h"
#include "sluice/osd/ink.h"
#include "sluice/osd/pixel_rect.h"

namespace sluice::osd {

/// Puts ink into a view's planes, whatever its format: subsampled chroma gets as much of the ink as
/// its pixels on average. Everything is cut at the view's edges; coordinates may be any that do
/// not overflow by 2. `scratch` is lent for the canvas's life.
class Canvas {
public:
    Canvas(const memory::MutableImageView& view, std::vector<std::uint16_t>& scratch);

    memory::Size size() const { return size_; }
    void fill(PixelRect where, meta::Color color);
    /// `coverage` (0..255, rows of `stride` bytes) is for where's top-left pixel on.
    void blend(PixelRect where,
               const std::uint8_t* coverage,
               std::ptrdiff_t stride,
               meta::Color color);
    /// Replaces what is there by even squares (blur_squares).
    void pixelate(PixelRect where);

private:
    struct Plane {
        std::uint8_t* data = nullptr;
        std::ptrdiff_t stride = 0;
        memory::Size extent;
        int shift = 0;
        int channels = 1;

        std::uint8_t* at(int x, int y) const { return data + y * stride + x * channels; }
    };
    const Ink& ink_of(meta::Color color);
    void fill_chroma(const Plane& plane, PixelRect where, const std::uint8_t* ink, int alpha);
    void blend_chroma(const Plane& plane,
                      PixelRect where,
                      const std::uint8_t* coverage,
                      std::ptrdiff_t stride,
                      const std::uint8_t* ink,
                      int alpha);

    memory::PixelFormat format_;
    memory::ColorMatrix matrix_;
    memory::ColorRange range_;
    memory::Size size_;
    std::array<Plane, 3> planes_;
    int plane_count_;
    meta::Color ink_color_;  ///< whose ink is in ink_: neighbours mostly share it
    Ink ink_;
    std::vector<std::uint16_t>& scratch_;
};

}  // namespace sluice::osd
