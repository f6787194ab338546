#pragma once

#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/engine.h"

namespace sluice::infer {

/// The tensor's name, or its node's where the model gives none.
std::string tensor_name(const ov::Output<const ov::Node>& port);

/// kUnsupported for an element type that we do not carry.
Result<std::vector<TensorSpec>> specs_of(const std::vector<ov::Output<const ov::Node>>& ports);

ov::element::Type to_openvino(memory::ElementType type);

/// Where the channels are: the extent that is 3, else 1 or 4.
Layout layout_of(const ov::PartialShape& shape);

}  // namespace sluice::infer
