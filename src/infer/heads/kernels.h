#pragma once

#include <cstddef>

namespace sluice::infer::heads {

/// The largest of `count` (> 0) floats. What NaN gives is unspecified but harmless.
float max_value(const float* values, std::size_t count);

/// best[i] = the largest of values[row * stride + i] over all rows; `rows` > 0, i < count.
void max_over_rows(
    const float* values, std::size_t rows, std::size_t stride, std::size_t count, float* best);

/// Index of the first largest of `count` (> 0) floats that lie `stride` apart.
std::size_t index_of_max(const float* values, std::size_t count, std::size_t stride = 1);

}  // namespace sluice::infer::heads
