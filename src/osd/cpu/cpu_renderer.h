#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sluice/osd/cpu/canvas.h"
#include "sluice/osd/cpu/line_mask.h"
#include "sluice/osd/renderer.h"
#include "sluice/osd/text/font.h"

namespace sluice::osd {

class CpuRenderer final : public Renderer {
public:
    static Result<std::unique_ptr<Renderer>> create(const OsdOptions& options);

    Result<void> draw(const memory::MutableImageView& image,
                      std::span<const meta::Primitive> list) override;

private:
    CpuRenderer(const OsdOptions& options, std::unique_ptr<Font> font)
        : options_(options), font_(std::move(font)) {}

    void draw_shape(const meta::Blur& blur, Canvas& canvas);
    void draw_shape(const meta::Rectangle& rectangle, Canvas& canvas);
    void draw_shape(const meta::Line& line, Canvas& canvas);
    void draw_shape(const meta::Text& text, Canvas& canvas);
    void compose(PixelRect place, int text_left, int text_top);

    OsdOptions options_;
    std::unique_ptr<Font> font_;
    LineMask lines_;
    std::vector<GlyphMask> glyphs_;
    std::vector<std::uint8_t> text_mask_;
    std::vector<std::uint16_t> scratch_;
};

}  // namespace sluice::osd
