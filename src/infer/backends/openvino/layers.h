#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>

#include "sluice/infer/calibration.h"

/// Which layers of a network could compute in int8, and what its tensors are called.
namespace sluice::infer {

struct Layer {
    QuantizableLayer facts;
    std::shared_ptr<ov::Node> node;  ///< Convolution, GroupConvolution or MatMul
};

/// Convolutions and matrix products with constant weights, in the order in which they run. Not
/// those that are quantised already, nor those that only decode boxes.
std::vector<Layer> layers_of(const ov::Model& model);

/// Of the layer's weights, of which there is one range for each.
std::size_t output_channel_axis(const ov::Node& layer);
std::size_t output_channels(const ov::Node& layer);
/// Its weights as f32; null where they are not constant.
std::shared_ptr<ov::op::v0::Constant> weights_of(const ov::Node& layer);

/// Tensors by the names that QuantizableLayer and TensorRange use, and the other way round.
class TensorNames {
public:
    explicit TensorNames(const ov::Model& model);

    std::string of(const ov::Output<ov::Node>& port) const;
    /// A null port where there is no such tensor.
    ov::Output<ov::Node> find(const std::string& name) const;

private:
    /// What the network reads in place of an input that was adapted goes by the input's name, as
    /// in the model's file and in calibration caches of others.
    std::map<ov::Output<ov::Node>, std::string> adapted_;
    std::map<std::string, ov::Output<ov::Node>> places_;
};

}  // namespace sluice::infer
