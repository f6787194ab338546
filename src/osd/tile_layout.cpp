#include "sluice/osd/tile_layout.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>

#include <fmt/format.h>

namespace sluice::osd {
namespace {

int even(int value) {
    return value & ~1;
}

/// Where something of the frame lies in the tile.
struct Move {
    float scale_x, scale_y, left, top;

    meta::Point point(meta::Point p) const { return {left + p.x * scale_x, top + p.y * scale_y}; }
    meta::PixelBox box(const meta::PixelBox& b) const {
        return {
            left + b.left * scale_x, top + b.top * scale_y, b.width * scale_x, b.height * scale_y};
    }
    /// Zero-sized boxes stand for "none" and stay so.
    meta::PixelBox box_if_any(const meta::PixelBox& b) const { return b.area() > 0 ? box(b) : b; }

    void shape(meta::Blur& blur) const { blur.box = box(blur.box); }
    void shape(meta::Rectangle& rectangle) const { rectangle.box = box(rectangle.box); }
    void shape(meta::Line& line) const {
        for (meta::Point& p : line.points)
            p = point(p);
    }
    void shape(meta::Text& text) const { text.at = point(text.at); }
};

meta::PixelBox cut(const meta::PixelBox& box, const TileRect& place) {
    meta::PixelBox local = box;
    local.left -= static_cast<float>(place.left);
    local.top -= static_cast<float>(place.top);
    local = meta::clip(local, static_cast<float>(place.width), static_cast<float>(place.height));
    local.left += static_cast<float>(place.left);
    local.top += static_cast<float>(place.top);
    return local;
}

}  // namespace

Result<TileLayout> TileLayout::create(int tiles, int rows, int columns, memory::Size picture) {
    if (tiles < 1 || rows < 0 || columns < 0) {
        return invalid_argument(
            fmt::format("{} tiles in {} rows and {} columns make no grid", tiles, rows, columns));
    }
    auto needed = [&](int others) { return (tiles - 1) / others + 1; };
    if (rows == 0 && columns == 0)
        columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(tiles))));
    if (rows == 0) rows = needed(columns);
    if (columns == 0) columns = needed(rows);
    if (std::int64_t{rows} * columns < tiles) {
        return invalid_argument(
            fmt::format("{} rows and {} columns have no room for {} tiles", rows, columns, tiles));
    }
    if (even(picture.width / columns) < 2 || even(picture.height / rows) < 2) {
        return invalid_argument(
            fmt::format("a {}x{} picture is too small for {} rows and {} columns",
                        picture.width,
                        picture.height,
                        rows,
                        columns));
    }
    return TileLayout(rows, columns, picture);
}

TileRect TileLayout::tile(int index) const {
    if (index < 0 || index >= rows_ * columns_) return {};
    auto edge = [](int extent, int i, int count) {
        return even(static_cast<int>(std::int64_t{extent} * i / count));
    };
    int column = index % columns_;
    int row = index / columns_;
    int left = edge(picture_.width, column, columns_);
    int top = edge(picture_.height, row, rows_);
    return {left,
            top,
            edge(picture_.width, column + 1, columns_) - left,
            edge(picture_.height, row + 1, rows_) - top};
}

TileRect letterbox(const TileRect& tile, memory::Size source) {
    if (source.width <= 0 || source.height <= 0) return tile;
    double scale = std::min(static_cast<double>(tile.width) / source.width,
                            static_cast<double>(tile.height) / source.height);
    auto fit = [&](int extent, int most) {
        int pixels = even(static_cast<int>(std::lround(extent * scale)) + 1);
        return most - pixels < 2 ? most : std::max(2, pixels);
    };
    int width = std::min(tile.width, fit(source.width, tile.width));
    int height = std::min(tile.height, fit(source.height, tile.height));
    return {tile.left + even((tile.width - width) / 2),
            tile.top + even((tile.height - height) / 2),
            width,
            height};
}

void move_to_tile(meta::Frame& frame, const TileRect& place, memory::Size picture) {
    Move move{static_cast<float>(place.width) / static_cast<float>(std::max(1, frame.size.width)),
              static_cast<float>(place.height) / static_cast<float>(std::max(1, frame.size.height)),
              static_cast<float>(place.left),
              static_cast<float>(place.top)};
    for (meta::Object& object : frame.objects) {
        object.box = cut(move.box(object.box), place);
        object.detector_box = move.box_if_any(object.detector_box);
        object.tracker_box = move.box_if_any(object.tracker_box);
    }
    for (meta::Primitive& primitive : frame.display)
        std::visit([&](auto& shape) { move.shape(shape); }, primitive);
    frame.size = picture;
    frame.content = {static_cast<float>(place.left),
                     static_cast<float>(place.top),
                     static_cast<float>(place.width),
                     static_cast<float>(place.height)};
}

void append(meta::Frame& tiled, const meta::Frame& moved) {
    auto before = static_cast<std::int32_t>(tiled.objects.size());
    for (const meta::Object& object : moved.objects) {
        tiled.objects.push_back(object);
        if (object.parent != meta::kNoParent) tiled.objects.back().parent += before;
    }
    tiled.display.insert(tiled.display.end(), moved.display.begin(), moved.display.end());
    tiled.tensors.insert(tiled.tensors.end(), moved.tensors.begin(), moved.tensors.end());
    tiled.user_data.insert(tiled.user_data.end(), moved.user_data.begin(), moved.user_data.end());
}

}  // namespace sluice::osd
