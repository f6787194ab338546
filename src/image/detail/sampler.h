#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sluice/image/detail/axis.h"
#include "sluice/image/detail/rows.h"
#include "sluice/image/geometry.h"
#include "sluice/memory/image.h"

namespace sluice::image::detail {

/// The crop of an image, seen as rows of another resolution. Keeps its storage from one image to
/// the next. Rows have seven fraction bits (rows.h).
class Sampler {
public:
    /// `shift` 1 aims at the chroma of an output of that size. The view must outlive the rows.
    void aim(const memory::ImageView& view, const Rect& crop, memory::Size output, int shift = 0);

    int width() const { return static_cast<int>(luma_.x.index.size()); }
    /// Red, green, blue into channels 0..2.
    void rgb(int y, rows::Buffer& out);
    /// Luma at full range into channel 0; channels 1 and 2 are used up.
    void gray(int y, rows::Buffer& out);
    // Samples as they are; YUV views only.
    void luma(int y, std::int16_t* out);
    void chroma(int y, std::int16_t* u, std::int16_t* v);

private:
    struct Grid {
        Axis x;
        Axis y;
    };
    void plane(int index, const Grid& grid, int y, const std::array<std::int16_t*, 4>& out);
    void mix(int channels, const Axis& axis, const std::array<std::int16_t*, 4>& out);

    memory::ImageView view_;
    YuvToRgb color_{};
    Grid luma_;    // of plane 0
    Grid chroma_;  // of the others
    std::vector<std::int16_t> blended_;
    std::vector<std::int16_t> pairs_;
};

}  // namespace sluice::image::detail
