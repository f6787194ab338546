#pragma once

#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/compiled_model.hpp>

#include "sluice/infer/engine.h"

/// In what the CPU computes.
namespace sluice::infer {

/// Adds what makes the CPU keep to the precision. int8 is the model's own affair (FakeQuantize);
/// what it leaves in float is fp32. fp32 means that such a model computes with rounded numbers, but
/// in fp32. kUnsupported, naming what there is.
Result<void> set_precision(Precision precision, const ov::Model& model, ov::AnyMap& config);

/// What it does compute in: "bf16", "int8 (63 of 83 layers) and fp32".
std::string precision_words(const ov::CompiledModel& compiled);

}  // namespace sluice::infer
