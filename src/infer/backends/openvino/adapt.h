#pragma once

#include <memory>

#include <openvino/core/model.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer {

/// Gives open rows and columns of the first input the extents of the adaptation. kInvalidArgument
/// when they are not given.
Result<void> close_extents(ov::Model& model, const InputAdaptation& adaptation);

/// Puts the adaptation into the graph and makes all outputs f32, classes and counts that the model
/// gives as integers too: heads read floats.
Result<std::shared_ptr<ov::Model>> adapt(const std::shared_ptr<ov::Model>& model,
                                         const InputAdaptation& adaptation);

}  // namespace sluice::infer
