#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/meta/display.h"
#include "sluice/osd/options.h"
#include "sluice/osd/pixel_rect.h"
#include "sluice/osd/text/font.h"

namespace sluice::osd {

/// What every shape comes down to; who can do these four draws them all. Rectangles may reach
/// beyond the picture, but do not overflow when doubled.
class Brush {
public:
    virtual void fill(PixelRect where, meta::Color color) = 0;
    virtual void pixelate(PixelRect where) = 0;
    virtual void draw_line(const meta::Line& line) = 0;
    /// Letters of one text, placed from (left, top) on, which cover each pixel of `where` (inside
    /// the picture, not empty) once. Their masks are valid during the call.
    virtual void write(PixelRect where,
                       int left,
                       int top,
                       std::span<const GlyphMask> letters,
                       meta::Color color) = 0;

protected:
    ~Brush() = default;
};

/// Takes shapes apart: where borders, labels and letters lie. Reentrant.
class Shapes {
public:
    /// Fails with kNotFound where no font is installed.
    static Result<Shapes> create(const OsdOptions& options);

    void draw(const meta::Primitive& shape, memory::Size picture, Brush& brush);

private:
    Shapes(const OsdOptions& options, std::unique_ptr<Font> font)
        : options_(options), font_(std::move(font)) {}

    void draw_text(const meta::Text& text, memory::Size picture, Brush& brush);

    OsdOptions options_;
    std::unique_ptr<Font> font_;
    std::vector<GlyphMask> letters_;
};

/// The even squares that a blur replaces what is there by: kBlurSquares along the longer side, or
/// fewer. The last ones of a row or column may be cut.
struct BlurSquares {
    PixelRect where;  ///< left and top even, so that luma and chroma share their squares
    int side;         ///< even
};
inline constexpr int kBlurSquares = 8;
/// `where` is inside the picture and not empty.
BlurSquares blur_squares(PixelRect where);

}  // namespace sluice::osd
