#include "sluice/osd/shapes.h"

#include <algorithm>
#include <cmath>

#include "sluice/osd/style.h"

namespace sluice::osd {
namespace {

/// Beyond any frame, and far from overflowing.
constexpr double kFarPx = 1 << 24;
constexpr int kWidestBorderPx = 256;
constexpr int kLeastSquarePx = 8;

int to_pixel(double value) {
    return static_cast<int>(std::lround(std::clamp(value, -kFarPx, kFarPx)));
}

int even_below(int value) {
    return value & ~1;
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

void draw_blur(const meta::Blur& blur, Brush& brush) {
    if (drawable(blur.box)) brush.pixelate(grown(blur.box, 0));
}

void draw_rectangle(const meta::Rectangle& rectangle, Brush& brush) {
    if (!drawable(rectangle.box) || std::isnan(rectangle.line_width)) return;
    if (rectangle.line_width <= 0) {
        brush.fill(grown(rectangle.box, 0), rectangle.color);
        return;
    }
    auto width =
        static_cast<int>(std::clamp<double>(std::round(rectangle.line_width), 1, kWidestBorderPx));
    PixelRect outer = grown(rectangle.box, width / 2.0);
    PixelRect inner{
        outer.left + width, outer.top + width, outer.right - width, outer.bottom - width};
    if (inner.empty()) {
        brush.fill(outer, rectangle.color);
        return;
    }
    brush.fill({outer.left, outer.top, outer.right, inner.top}, rectangle.color);
    brush.fill({outer.left, inner.top, inner.left, inner.bottom}, rectangle.color);
    brush.fill({inner.right, inner.top, outer.right, inner.bottom}, rectangle.color);
    brush.fill({outer.left, inner.bottom, outer.right, outer.bottom}, rectangle.color);
}

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

Result<Shapes> Shapes::create(const OsdOptions& options) {
    auto font = SLUICE_TRY(Font::create(options.font));
    return Shapes(options, std::move(font));
}

void Shapes::draw(const meta::Primitive& shape, memory::Size picture, Brush& brush) {
    std::visit(Overloaded{[&](const meta::Blur& blur) { draw_blur(blur, brush); },
                          [&](const meta::Rectangle& box) { draw_rectangle(box, brush); },
                          [&](const meta::Line& line) { brush.draw_line(line); },
                          [&](const meta::Text& text) { draw_text(text, picture, brush); }},
               shape);
}

void Shapes::draw_text(const meta::Text& text, memory::Size picture, Brush& brush) {
    if (text.text.empty() || !std::isfinite(text.at.x) || !std::isfinite(text.at.y)) return;
    bool own_size = !(text.size > 0) || !std::isfinite(text.size);
    int px = own_size ? text_px(options_, picture.height)
                      : static_cast<int>(std::min<float>(text.size, Font::kMostPx));
    px = std::clamp(px, Font::kLeastPx, Font::kMostPx);
    memory::Size extent = font_->lay_out(text.text, px, letters_);

    int padding = label_padding(px);
    int width = extent.width + 2 * padding;
    int height = std::max(label_height(px), extent.height);
    int left = to_pixel(text.at.x);
    int top = to_pixel(text.at.y);
    bool starts_inside = left >= 0 && top >= 0 && left < picture.width && top < picture.height;
    if (starts_inside) {
        left = std::clamp(picture.width - width, 0, left);
        top = std::clamp(picture.height - height, 0, top);
    }
    PixelRect label{left, top, left + width, top + height};
    brush.fill(label, text.background);
    PixelRect inside = label.cut(picture);
    if (inside.empty()) return;
    brush.write(inside, left + padding, top + (height - extent.height) / 2, letters_, text.color);
}

BlurSquares blur_squares(PixelRect where) {
    where.left = even_below(where.left);
    where.top = even_below(where.top);
    int longer = std::max(where.width(), where.height());
    return {where, even_below(std::max(kLeastSquarePx, longer / kBlurSquares) + 1)};
}

}  // namespace sluice::osd
