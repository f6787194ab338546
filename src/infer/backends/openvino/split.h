#pragma once

#include <memory>
#include <optional>
#include <string>

#include <openvino/core/model.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer {

/// A model that suppresses boxes by itself, in two: most of it, for the device, and what follows
/// the suppression's inputs, for the CPU.
struct SplitModel {
    std::shared_ptr<ov::Model> body;  ///< outputs: the end's inputs in order, batch first
    std::shared_ptr<ov::Model> end;   ///< of one item, fp32 in and out; outputs as the model's
    std::string suppression;          ///< the operator, "DetectionOutput"
};

/// None where nothing suppresses boxes, or does so without regard to the input. The end begins with
/// suppression, with what has no fixed shape, and with values whose first extent is not the item.
/// The model stays as it is. May throw what OpenVINO throws.
Result<std::optional<SplitModel>> split_model(const ov::Model& model,
                                              const InputAdaptation& adaptation);

}  // namespace sluice::infer
