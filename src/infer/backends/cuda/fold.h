#pragma once

#include <span>
#include <vector>

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// The step's operand for each of `channels`; empty where it is nothing of that kind.
std::vector<float> per_channel(const Graph& graph,
                               std::span<const ValueId> inputs,
                               const PointStep& step,
                               std::size_t channels);

/// Folds the steps that only scale and shift whole channels into the convolution's weights and
/// bias. `inputs` are the inputs that the steps speak of. Returns how many steps, from the first
/// on, are in the convolution now.
std::size_t fold_into(Conv& conv,
                      const Graph& graph,
                      std::span<const ValueId> inputs,
                      std::span<const PointStep> steps);

/// Lets first layers of stride 2 over at most 4 channels read a SpaceToDepth of their input.
void widen_first_layers(Graph& graph);

}  // namespace sluice::infer::cuda
