#pragma once

#include <vector>

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// What the graph computes, in plain loops over fp32: what kernels, fusions and the importer are
/// judged by. `inputs` in the order of graph.inputs, row-major; so are the results.
std::vector<std::vector<float>> run_reference(const Graph& graph,
                                              const std::vector<std::vector<float>>& inputs);

/// One step on x; `saved` is what kSave keeps.
float apply_step(const PointStep& step, float x, float y, float& saved);

}  // namespace sluice::infer::cuda
