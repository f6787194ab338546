#include "sluice/osd/cpu/cpu_renderer.h"

#include <algorithm>

namespace sluice::osd {

Result<std::unique_ptr<Renderer>> CpuRenderer::create(const OsdOptions& options) {
    auto shapes = SLUICE_TRY(Shapes::create(options));
    return std::unique_ptr<Renderer>(new CpuRenderer(std::move(shapes)));
}

Result<void> CpuRenderer::draw(const memory::MutableImageView& image,
                               std::span<const meta::Primitive> list) {
    SLUICE_TRY(memory::check_host_pixels(memory::as_const(image)));
    SLUICE_TRY(check_planes(image));
    canvas_.emplace(image, scratch_);
    for (const meta::Primitive& shape : list)
        shapes_.draw(shape, image.size, *this);
    return {};
}

void CpuRenderer::fill(PixelRect where, meta::Color color) {
    canvas_->fill(where, color);
}

void CpuRenderer::pixelate(PixelRect where) {
    canvas_->pixelate(where);
}

void CpuRenderer::draw_line(const meta::Line& line) {
    lines_.draw(line, *canvas_);
}

/// Puts the letters into one mask of the place: one blend of long rows is faster than many of short
/// ones, and no two letters share a chroma sample.
void CpuRenderer::write(
    PixelRect where, int left, int top, std::span<const GlyphMask> letters, meta::Color color) {
    auto stride = static_cast<std::ptrdiff_t>(where.width());
    text_mask_.assign(static_cast<std::size_t>(stride * where.height()), 0);
    for (const GlyphMask& letter : letters) {
        int x = left + letter.left;
        int y = top + letter.top;
        PixelRect seen = where.cut({x, y, x + letter.width, y + letter.height});
        for (int row = seen.top; row < seen.bottom; ++row) {
            const std::uint8_t* in =
                letter.coverage + std::ptrdiff_t{row - y} * letter.width + (seen.left - x);
            std::uint8_t* out =
                text_mask_.data() + (row - where.top) * stride + (seen.left - where.left);
            for (int i = 0; i < seen.width(); ++i)
                out[i] = std::max(out[i], in[i]);
        }
    }
    canvas_->blend(where, text_mask_.data(), stride, color);
}

}  // namespace sluice::osd
