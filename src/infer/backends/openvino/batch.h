#pragma once

#include <memory>

#include <openvino/core/model.hpp>

#include "sluice/base/result.h"

namespace sluice::infer {

struct BatchChange {
    std::shared_ptr<ov::Model> model;
    int repaired = 0;  ///< Reshapes in which a batch was baked
};

/// A copy of the model that takes `batch` items at once, its constants folded, every input and
/// output with `batch` as first extent. Where the export baked its own batch into Reshape targets,
/// those are made to copy the extent. May throw what OpenVINO throws. An Error says which tensor
/// keeps no batch. The model's other extents must be fixed.
Result<BatchChange> rebatch(const std::shared_ptr<const ov::Model>& model, int batch);

}  // namespace sluice::infer
