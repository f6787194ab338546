#pragma once

#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "sluice/infer/calibration.h"

/// Where int8 begins and ends in a network, as FakeQuantize nodes that every device reads in its
/// own way. All on the model as prepare() gives it.
namespace sluice::infer {

/// The layers that could compute in int8, in the order in which they run.
std::vector<QuantizableLayer> quantizable_layers(const ov::Model& model);

/// Puts FakeQuantize before and on the weights of every layer that is no FloatLayer and whose input
/// has a range, and adds the bias corrections.
/// - Activations: 256 levels, one range (scalars, input = output). A tensor that only int8 layers
///   and additions read is rounded where it is made, else on the way to the int8 layers; tensors
///   that Concat, MaxPool and the like join share the union of their ranges (placement.h).
/// - Weights: 255 levels, symmetric, a range for each output channel, on the constant.
/// Returns how many layers are quantised. kInvalidArgument for a layer or tensor that there is not;
/// then nothing has changed.
Result<int> quantize(ov::Model& model, const Calibration& calibration);

/// Whether it has FakeQuantize nodes, ours or its own.
bool is_quantised(const ov::Model& model);

/// What `precision: int8` makes of a prepared model: quantize() by the calibration that the options
/// name; a model that is quantised already stays as it is. kNotFound where there is no calibration.
Result<void> make_int8(const std::string& path, const EngineOptions& options, ov::Model& model);

}  // namespace sluice::infer
