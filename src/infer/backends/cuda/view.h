#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// Where a value lies: element [i, j, ...] is at offset + i * strides[0] + j * strides[1] + ...
/// elements of a storage. Moving numbers around (transpose, slice, most reshapes, concatenation)
/// then costs nothing: it is another view.
struct View {
    int storage = -1;
    std::int64_t offset = 0;
    Shape extents;
    std::vector<std::int64_t> strides;

    bool placed() const { return storage >= 0; }
    friend bool operator==(const View&, const View&) = default;
};

/// Row-major, without gaps.
View dense_view(int storage, const Shape& extents);

/// NCHW extents stored pixel by pixel; `pitch` elements from one pixel to the next.
View image_view(int storage, const Shape& extents, std::int64_t pitch);

/// The same elements under other extents; none where no strides say that.
std::optional<View> reshaped(const View& view, const Shape& extents);

View transposed(const View& view, const std::vector<int>& order);
/// What `transposed` was made from, given its result.
View untransposed(const View& view, const std::vector<int>& order);
View sliced(const View& view, const Slice& slice, const Shape& extents);

/// The view spread to `extents`; where it spreads, its stride is 0.
View spread_to(const View& view, const Shape& extents);

}  // namespace sluice::infer::cuda
