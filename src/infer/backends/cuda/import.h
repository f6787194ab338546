#pragma once

#include <memory>

#include <openvino/core/model.hpp>

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

/// The model as a graph of our own. Its shapes must be fixed and its constants folded. An operator
/// that has no counterpart is kUnsupported and named with its node. May throw what OpenVINO throws.
Result<Graph> import_model(const ov::Model& model);

}  // namespace sluice::infer::cuda
