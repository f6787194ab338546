#pragma once

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// Makes one FakeQuantize of what ONNX's QuantizeLinear and DequantizeLinear are read as: rounding,
/// conversion to integers and back, zero point and scale; and floats with a FakeQuantize of weights
/// that are kept as integers. Returns how many. Before constants are folded: that would hide what
/// the weights were.
int join_quantisation(ov::Model& model);

}  // namespace sluice::infer
