#include "sluice/osd/cpu/line_mask.h"

#include <algorithm>
#include <cmath>

namespace sluice::osd {
void LineMask::draw(const meta::Line& line, Canvas& canvas) {
    line_segments(line, canvas.size(), segments_);
    start(canvas.size());
    for (const Segment& segment : segments_)
        add(segment, line_radius(line));
    blend(canvas, line.color);
}

void LineMask::start(memory::Size size) {
    size_ = size;
    std::size_t pixels =
        static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
    if (coverage_.size() < pixels) coverage_.resize(pixels);
    if (rows_.size() < static_cast<std::size_t>(size.height))
        rows_.resize(static_cast<std::size_t>(size.height));
    top_ = size.height;
    bottom_ = 0;
}

void LineMask::add(const Segment& cut, double radius) {
    double reach = radius + 1;
    auto bounded = [](double value, int high) {
        return static_cast<int>(std::clamp(value, 0.0, static_cast<double>(high)));
    };
    int top = bounded(std::floor(std::min(cut.ay, cut.by) - reach), size_.height);
    int bottom = bounded(std::ceil(std::max(cut.ay, cut.by) + reach), size_.height);
    double nx = cut.by - cut.ay;
    double ny = cut.ax - cut.bx;
    double length = std::hypot(nx, ny);
    double least = std::min(cut.ax, cut.bx) - reach;
    double most = std::max(cut.ax, cut.bx) + reach;
    for (int y = top; y < bottom; ++y) {
        double left = least;
        double right = most;
        if (std::abs(nx) > 1e-6) {
            // Where this row crosses the strip of `reach` on both sides of the line.
            double middle = cut.ax - ny * (y + 0.5 - cut.ay) / nx;
            double half = reach * length / std::abs(nx);
            left = std::max(left, middle - half);
            right = std::min(right, middle + half);
        }
        Extent extent{bounded(std::floor(left), size_.width),
                      bounded(std::ceil(right), size_.width)};
        if (extent.left < extent.right) add_row(cut, radius, y, extent);
    }
}

void LineMask::add_row(const Segment& s, double radius, int y, Extent extent) {
    auto row = static_cast<std::size_t>(y);
    std::uint8_t* out = coverage_.data() + row * static_cast<std::size_t>(size_.width);
    double dx = s.bx - s.ax;
    double dy = s.by - s.ay;
    double square = dx * dx + dy * dy;
    double py = y + 0.5 - s.ay;
    for (int x = extent.left; x < extent.right; ++x) {
        double px = x + 0.5 - s.ax;
        double t = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0;
        double ox = px - t * dx;
        double oy = py - t * dy;
        double distance = std::sqrt(ox * ox + oy * oy);
        double part = std::clamp(radius + 0.5 - distance, 0.0, 1.0);
        out[x] = std::max(out[x], static_cast<std::uint8_t>(part * 255 + 0.5));
    }
    rows_[row].left = std::min(rows_[row].left, extent.left);
    rows_[row].right = std::max(rows_[row].right, extent.right);
    top_ = std::min(top_, y);
    bottom_ = std::max(bottom_, y + 1);
}

/// Two rows at a time, for that is what a row of chroma needs.
void LineMask::blend(Canvas& canvas, meta::Color color) {
    for (int y = top_ & ~1; y < bottom_; y += 2) {
        PixelRect where{size_.width, y, 0, std::min(y + 2, size_.height)};
        for (int i = where.top; i < where.bottom; ++i) {
            where.left = std::min(where.left, rows_[static_cast<std::size_t>(i)].left);
            where.right = std::max(where.right, rows_[static_cast<std::size_t>(i)].right);
        }
        if (where.empty()) continue;
        std::uint8_t* from =
            coverage_.data() + static_cast<std::ptrdiff_t>(y) * size_.width + where.left;
        canvas.blend(where, from, size_.width, color);
        for (int i = where.top; i < where.bottom; ++i) {
            std::fill_n(from + static_cast<std::ptrdiff_t>(i - y) * size_.width, where.width(), 0);
            rows_[static_cast<std::size_t>(i)] = {};
        }
    }
}

}  // namespace sluice::osd
