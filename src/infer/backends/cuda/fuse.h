#pragma once

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// Convolutions that differ in their weights alone (merge_siblings): which is faster is for the
/// device to say.
enum class Siblings { kApart, kMerged };

/// Makes fewer and larger nodes that compute the same: scales and shifts go into the convolution
/// before them, activations and sums become steps of the node that makes their input, a first
/// layer of stride 2 reads four times the channels at half the size, large pools are made of small
/// ones.
void fuse(Graph& graph, Siblings siblings = Siblings::kApart);

}  // namespace sluice::infer::cuda
