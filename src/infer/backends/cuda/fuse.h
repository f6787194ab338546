#pragma once

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// Makes fewer and larger nodes that compute the same: scales and shifts go into the convolution
/// before them, activations and sums become steps of the node that makes their input, a first
/// layer of stride 2 reads four times the channels at half the size; and what regroup.h says.
void fuse(Graph& graph);

}  // namespace sluice::infer::cuda
