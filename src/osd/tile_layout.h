#pragma once

#include "sluice/base/result.h"
#include "sluice/memory/image.h"
#include "sluice/meta/frame.h"

namespace sluice::osd {

/// A rectangle of whole pixels; all four are even, so that 4:2:0 chroma is never split.
struct TileRect {
    int left = 0;
    int top = 0;
    int width = 0;
    int height = 0;
    friend bool operator==(const TileRect&, const TileRect&) = default;
};

/// A grid of equal tiles in a picture, filled row by row.
class TileLayout {
public:
    /// Rows or columns that are 0 are chosen for `tiles` tiles: near-square, wider than high. Fails
    /// (kInvalidArgument) on negative numbers, a grid with less than `tiles` places, or tiles
    /// smaller than 2x2 pixels.
    static Result<TileLayout> create(int tiles, int rows, int columns, memory::Size picture);

    int rows() const { return rows_; }
    int columns() const { return columns_; }
    memory::Size picture() const { return picture_; }

    /// The place of tile `index`; empty for an index outside the grid.
    TileRect tile(int index) const;

private:
    TileLayout(int rows, int columns, memory::Size picture)
        : rows_(rows), columns_(columns), picture_(picture) {}

    int rows_;
    int columns_;
    memory::Size picture_;
};

/// The largest even rectangle of the source's shape in the middle of the tile (the whole tile where
/// the difference is below two pixels).
TileRect letterbox(const TileRect& tile, memory::Size source);

/// Moves a frame's boxes, shapes and texts from its own space to where the tiler has put its
/// picture: afterwards frame.size is `picture` and frame.content the place. Boxes to be drawn are
/// cut at the place's edges, so that no neighbour is drawn on.
void move_to_tile(meta::Frame& frame, const TileRect& place, memory::Size picture);

/// Adds a moved frame's objects, shapes, tensors and user data to those of the tiled picture.
void append(meta::Frame& tiled, const meta::Frame& moved);

}  // namespace sluice::osd
