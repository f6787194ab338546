#pragma once

#include <optional>
#include <vector>

#include "sluice/infer/backends/cuda/graph.h"
#include "sluice/infer/backends/cuda/grid.h"

namespace sluice::infer::cuda {

/// Of each value that a convolution wants in 8 bits, and that holds numbers of one grid alone:
/// which. Those are rounded where they are made, or only moved from where they were.
std::vector<std::optional<Grid>> find_grids(const Graph& graph);

/// Can the convolution compute in 8 bits from what lies on that grid? Zeros around the input have
/// to be zeros there, and channels are not told apart in groups.
bool computes_in_int8(const Conv& conv, const Grid& input);

}  // namespace sluice::infer::cuda
