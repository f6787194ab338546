#pragma once

#include <map>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "sluice/infer/calibration.h"

/// Where int8 begins and ends in a network, as FakeQuantize nodes that every device reads in its
/// own way. All on the model as prepare() gives it.
namespace sluice::infer {

/// The layers that could compute in int8, in the order in which they run.
std::vector<QuantizableLayer> quantizable_layers(const ov::Model& model);

/// The places of tensors by the names that QuantizableLayer and TensorRange use: all names of a
/// port, and the name of an input for what the network reads after the adaptation.
std::map<std::string, ov::Output<ov::Node>> tensor_places(const ov::Model& model);

/// Puts FakeQuantize before and on the weights of every layer that is not a FloatLayer and whose
/// input has a range, and adds the bias corrections. Activations: 256 levels, one range (scalars,
/// input = output); a tensor that only int8 layers (and Add) read is quantised where it is made,
/// else on the way to them; tensors that Concat, MaxPool and the like join share the union of their
/// ranges. Weights: 255 levels, symmetric, per output channel, on the constant. Returns how many
/// layers are quantised. kInvalidArgument for a float layer, or bias, of a layer that is not there.
Result<int> quantize(ov::Model& model, const Calibration& calibration);

/// Has it FakeQuantize nodes, ours or its own?
bool is_quantised(const ov::Model& model);

}  // namespace sluice::infer
