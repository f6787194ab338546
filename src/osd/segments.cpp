#include "sluice/osd/segments.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::osd {
namespace {

constexpr double kThinnestPx = 1;
constexpr double kThickestPx = 256;

/// Cuts the part of a..b off that lies beyond low..high in one direction (Liang and Barsky, "A new
/// concept and method for line clipping", 1984): narrows from..to, false when nothing is left.
bool clip_direction(double a, double delta, double low, double high, double& from, double& to) {
    if (delta == 0) return a >= low && a <= high;
    double enter = (low - a) / delta;
    double leave = (high - a) / delta;
    if (enter > leave) std::swap(enter, leave);
    from = std::max(from, enter);
    to = std::min(to, leave);
    return from <= to;
}

/// False when nothing of it is near the picture.
bool cut(Segment& s, memory::Size picture, double reach) {
    double dx = s.bx - s.ax;
    double dy = s.by - s.ay;
    double from = 0;
    double to = 1;
    if (!clip_direction(s.ax, dx, -reach, picture.width + reach, from, to)) return false;
    if (!clip_direction(s.ay, dy, -reach, picture.height + reach, from, to)) return false;
    // The clamp is for numbers so huge that the cut itself is inexact.
    auto at = [&](double start, double delta, double t, int extent) {
        return std::clamp(start + t * delta, -reach, extent + reach);
    };
    s = {at(s.ax, dx, from, picture.width),
         at(s.ay, dy, from, picture.height),
         at(s.ax, dx, to, picture.width),
         at(s.ay, dy, to, picture.height)};
    return true;
}

}  // namespace

double line_radius(const meta::Line& line) {
    return std::clamp<double>(line.line_width, kThinnestPx, kThickestPx) / 2;
}

void line_segments(const meta::Line& line, memory::Size picture, std::vector<Segment>& segments) {
    segments.clear();
    const std::vector<meta::Point>& points = line.points;
    if (points.size() < 2 || std::isnan(line.line_width)) return;
    for (const meta::Point& point : points) {
        if (!std::isfinite(point.x) || !std::isfinite(point.y)) return;
    }
    double reach = line_radius(line) + 1;
    std::size_t count = line.closed ? points.size() : points.size() - 1;
    for (std::size_t i = 0; i < count; ++i) {
        const meta::Point& a = points[i];
        const meta::Point& b = points[(i + 1) % points.size()];
        Segment segment{a.x, a.y, b.x, b.y};
        if (cut(segment, picture, reach)) segments.push_back(segment);
    }
}

}  // namespace sluice::osd
