#pragma once

#include <vector>

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// A tensor to be rounded to its 256 steps, for these of its readers.
struct RoundedTensor {
    ov::Output<ov::Node> tensor;
    std::vector<ov::Input<ov::Node>> readers;
    /// Tensors of one group are joined somewhere (Concat, MaxPool, ...) and share their range.
    int group = 0;
};

struct Placement {
    std::vector<RoundedTensor> tensors;
    /// Of each layer's input, in the order of the layers.
    std::vector<int> groups;
};

/// Where to round so that these layers (their input 0) read int8: where a tensor is made if only
/// int8 layers and additions read it, else on the way to the int8 layers, so that float layers go
/// on reading floats. Before nodes that only move numbers, not behind them, if all that they give
/// is read as int8.
Placement place(const ov::Model& model, const std::vector<const ov::Node*>& layers);

}  // namespace sluice::infer
