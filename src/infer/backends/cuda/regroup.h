#pragma once

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// Largest values of 9x9 around a place are those of 5x5 over those of 5x5: where windows of
/// several sizes are taken of one input, each is made from the next smaller one.
void chain_pools(Graph& graph);

/// Convolutions that differ in their weights alone become one, of all their outputs, and slices of
/// it: the input is read once. One of them at most may go into a Concat, as its last part; it comes
/// first in the merged one, which lower() then lets overlap the end of the Concat.
void merge_siblings(Graph& graph);

}  // namespace sluice::infer::cuda
