#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sluice/osd/cpu/canvas.h"
#include "sluice/osd/cpu/line_mask.h"
#include "sluice/osd/renderer.h"
#include "sluice/osd/shapes.h"

namespace sluice::osd {

class CpuRenderer final : public Renderer, private Brush {
public:
    static Result<std::unique_ptr<Renderer>> create(const OsdOptions& options);

    bool reaches(int device) const override { return device == memory::kHostMemory; }
    Result<void> draw(const memory::MutableImageView& image,
                      std::span<const meta::Primitive> list) override;

private:
    explicit CpuRenderer(Shapes shapes) : shapes_(std::move(shapes)) {}

    void fill(PixelRect where, meta::Color color) override;
    void pixelate(PixelRect where) override;
    void draw_line(const meta::Line& line) override;
    void write(PixelRect where,
               int left,
               int top,
               std::span<const GlyphMask> letters,
               meta::Color color) override;

    Shapes shapes_;
    std::optional<Canvas> canvas_;  ///< of the picture that is being drawn on
    LineMask lines_;
    std::vector<std::uint8_t> text_mask_;
    std::vector<std::uint16_t> scratch_;
};

}  // namespace sluice::osd
