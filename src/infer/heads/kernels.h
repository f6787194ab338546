#pragma once

#include <cstddef>

namespace sluice::infer::heads {

/// The largest of `count` (> 0) floats. What NaN gives is unspecified but harmless.
float max_value(const float* values, std::size_t count);

/// best[i] = the largest of values[row * stride + i] over all rows; `rows` > 0, i < count.
void max_over_rows(
    const float* values, std::size_t rows, std::size_t stride, std::size_t count, float* best);

/// Index of the first largest of `count` (> 0) floats; among NaN, any.
std::size_t index_of_max(const float* values, std::size_t count);
/// The same of floats that lie `stride` apart.
std::size_t index_of_max(const float* values, std::size_t count, std::size_t stride);

/// Boxes by their edges, a column each.
struct BoxColumns {
    const float* left;
    const float* top;
    const float* right;
    const float* bottom;
    const float* area;
    std::size_t count;
};
/// One of these boxes.
struct Edges {
    float left;
    float top;
    float right;
    float bottom;
    float area;
};
/// Is the intersection with any of the boxes more than `threshold` of the union?
bool overlaps_any(const BoxColumns& boxes, const Edges& box, float threshold);

}  // namespace sluice::infer::heads
