#include "sluice/osd/cpu/cpu_renderer.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/osd/style.h"

namespace sluice::osd {
namespace {

/// Beyond any frame, and far from overflowing.
constexpr double kFarPx = 1 << 24;
constexpr int kWidestBorderPx = 256;

int to_pixel(double value) {
    return static_cast<int>(std::lround(std::clamp(value, -kFarPx, kFarPx)));
}

bool drawable(const meta::PixelBox& box) {
    return std::isfinite(box.left) && std::isfinite(box.top) && std::isfinite(box.width) &&
           std::isfinite(box.height) && box.width >= 0 && box.height >= 0;
}

/// The box grown by `margin` on every side, in whole pixels.
PixelRect grown(const meta::PixelBox& box, double margin) {
    double left = box.left;
    double top = box.top;
    return {to_pixel(left - margin),
            to_pixel(top - margin),
            to_pixel(left + double{box.width} + margin),
            to_pixel(top + double{box.height} + margin)};
}

Result<void> check(const memory::MutableImageView& image) {
    SLUICE_TRY(memory::check_host_pixels(memory::as_const(image)));
    memory::FormatLayout layout = memory::layout(image.format);
    bool valid = image.size.width > 0 && image.size.height > 0;
    for (int i = 0; i < layout.planes; ++i) {
        auto slot = static_cast<std::size_t>(i);
        std::ptrdiff_t row = std::ptrdiff_t{memory::plane_size(image.format, image.size, i).width} *
                             layout.plane[slot].bytes_per_pixel;
        valid = valid && image.data[slot] != nullptr && image.stride[slot] >= row;
    }
    if (valid) return {};
    return invalid_argument(
        fmt::format("a {}x{} {} picture without pixels, with a plane missing or a stride too short",
                    image.size.width,
                    image.size.height,
                    memory::to_string(image.format)));
}

}  // namespace

Result<std::unique_ptr<Renderer>> CpuRenderer::create(const OsdOptions& options) {
    auto font = SLUICE_TRY(Font::create(options.font));
    return std::unique_ptr<Renderer>(new CpuRenderer(options, std::move(font)));
}

Result<void> CpuRenderer::draw(const memory::MutableImageView& image,
                               std::span<const meta::Primitive> list) {
    SLUICE_TRY(check(image));
    Canvas canvas(image, scratch_);
    for (const meta::Primitive& shape : list)
        std::visit([&](const auto& s) { draw_shape(s, canvas); }, shape);
    return {};
}

void CpuRenderer::draw_shape(const meta::Blur& blur, Canvas& canvas) {
    if (drawable(blur.box)) canvas.pixelate(grown(blur.box, 0));
}

void CpuRenderer::draw_shape(const meta::Rectangle& rectangle, Canvas& canvas) {
    if (!drawable(rectangle.box) || std::isnan(rectangle.line_width)) return;
    if (rectangle.line_width <= 0) {
        canvas.fill(grown(rectangle.box, 0), rectangle.color);
        return;
    }
    auto width =
        static_cast<int>(std::clamp<double>(std::round(rectangle.line_width), 1, kWidestBorderPx));
    PixelRect outer = grown(rectangle.box, width / 2.0);
    PixelRect inner{
        outer.left + width, outer.top + width, outer.right - width, outer.bottom - width};
    if (inner.empty()) {
        canvas.fill(outer, rectangle.color);
        return;
    }
    canvas.fill({outer.left, outer.top, outer.right, inner.top}, rectangle.color);
    canvas.fill({outer.left, inner.top, inner.left, inner.bottom}, rectangle.color);
    canvas.fill({inner.right, inner.top, outer.right, inner.bottom}, rectangle.color);
    canvas.fill({outer.left, inner.bottom, outer.right, outer.bottom}, rectangle.color);
}

void CpuRenderer::draw_shape(const meta::Line& line, Canvas& canvas) {
    lines_.draw(line, canvas);
}

void CpuRenderer::draw_shape(const meta::Text& text, Canvas& canvas) {
    if (text.text.empty() || !std::isfinite(text.at.x) || !std::isfinite(text.at.y)) return;
    bool own_size = !(text.size > 0) || !std::isfinite(text.size);
    int px = own_size ? text_px(options_, canvas.size().height)
                      : static_cast<int>(std::min<float>(text.size, Font::kMostPx));
    px = std::clamp(px, Font::kLeastPx, Font::kMostPx);
    memory::Size extent = font_->lay_out(text.text, px, glyphs_);

    int padding = label_padding(px);
    int width = extent.width + 2 * padding;
    int height = std::max(label_height(px), extent.height);
    int left = to_pixel(text.at.x);
    int top = to_pixel(text.at.y);
    memory::Size frame = canvas.size();
    bool starts_inside = left >= 0 && top >= 0 && left < frame.width && top < frame.height;
    if (starts_inside) {
        left = std::clamp(frame.width - width, 0, left);
        top = std::clamp(frame.height - height, 0, top);
    }
    canvas.fill({left, top, left + width, top + height}, text.background);
    PixelRect inside{std::max(left, 0),
                     std::max(top, 0),
                     std::min(left + width, frame.width),
                     std::min(top + height, frame.height)};
    if (inside.empty()) return;
    compose(inside, left + padding, top + (height - extent.height) / 2);
    canvas.blend(inside, text_mask_.data(), inside.width(), text.color);
}

/// Puts the glyphs into one mask of the place: one blend of long rows is faster than many of short
/// ones, and no two letters share a chroma sample.
void CpuRenderer::compose(PixelRect place, int text_left, int text_top) {
    auto stride = static_cast<std::ptrdiff_t>(place.width());
    text_mask_.assign(static_cast<std::size_t>(stride * place.height()), 0);
    for (const GlyphMask& glyph : glyphs_) {
        int left = text_left + glyph.left;
        int top = text_top + glyph.top;
        int from = std::max(left, place.left);
        int to = std::min(left + glyph.width, place.right);
        if (from >= to) continue;
        for (int y = std::max(top, place.top); y < std::min(top + glyph.height, place.bottom);
             ++y) {
            const std::uint8_t* in =
                glyph.coverage + std::ptrdiff_t{y - top} * glyph.width + (from - left);
            std::uint8_t* out = text_mask_.data() + (y - place.top) * stride + (from - place.left);
            for (int i = 0; i < to - from; ++i)
                out[i] = std::max(out[i], in[i]);
        }
    }
}

}  // namespace sluice::osd
