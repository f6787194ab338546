#include "sluice/infer/backends/openvino/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/group_conv.hpp>

#include "sluice/base/text.h"
#include "sluice/infer/backends/openvino/layers.h"
#include "sluice/infer/backends/openvino/placement.h"
#include "sluice/infer/calibration/ranges.h"
#include "sluice/infer/calibration_file.h"

namespace sluice::infer {
namespace {

using ov::op::v0::Constant;

constexpr std::size_t kLevels = 256;
/// -127..127: as far on both sides.
constexpr std::size_t kWeightLevels = 255;

std::shared_ptr<Constant> scalar(float value) {
    return Constant::create(ov::element::f32, ov::Shape{}, {value});
}

std::shared_ptr<ov::Node> rounded(const ov::Output<ov::Node>& tensor,
                                  const std::shared_ptr<Constant>& low,
                                  const std::shared_ptr<Constant>& high,
                                  std::size_t levels,
                                  const std::string& name) {
    auto node = std::make_shared<ov::op::v0::FakeQuantize>(tensor, low, high, low, high, levels);
    node->set_friendly_name(name + "/int8");
    return node;
}

bool is_symmetric(const TensorRange& range) {
    const float step = range.high / 127;
    return std::fabs(range.low + 128 * step) < step / 2;
}

/// One range for tensors that are joined somewhere. Stays symmetric where one of them is: a padded
/// convolution among their readers wants it.
TensorRange united(const TensorRange& a, const TensorRange& b) {
    TensorRange range{a.tensor, std::min(a.low, b.low), std::max(a.high, b.high)};
    if ((range.low == a.low && range.high == a.high) ||
        (range.low == b.low && range.high == b.high))
        return range;
    const bool symmetric = is_symmetric(a) || is_symmetric(b);
    return with_zero(range, symmetric ? Steps::kSymmetric : Steps::kAsymmetric);
}

/// The scale of each output channel, spread over the weights.
ov::Shape channel_shape(const ov::Node& layer) {
    const ov::Shape& weights = layer.get_input_shape(1);
    ov::Shape shape(weights.size(), 1);
    if (ov::is_type<ov::op::v1::GroupConvolution>(&layer)) {
        shape[0] = weights[0];
        shape[1] = weights[1];
    } else {
        const std::size_t axis = output_channel_axis(layer);
        shape[axis] = weights[axis];
    }
    return shape;
}

std::vector<float> largest_weights(const ov::Node& layer, const Constant& weights) {
    const ov::Shape& shape = weights.get_shape();
    const std::size_t channels = output_channels(layer);
    std::size_t inner = 1;  // weights from one channel to the next
    const bool grouped = ov::is_type<ov::op::v1::GroupConvolution>(&layer);
    for (std::size_t i = grouped ? 2 : output_channel_axis(layer) + 1; i < shape.size(); ++i)
        inner *= shape[i];
    std::vector<float> largest(channels, 0);
    const float* values = weights.get_data_ptr<float>();
    for (std::size_t i = 0; i < ov::shape_size(shape); ++i) {
        float& most = largest[i / inner % channels];
        most = std::max(most, std::fabs(values[i]));
    }
    for (float& most : largest) {
        if (most == 0) most = 1;  // a channel of zeros, which any range keeps
    }
    return largest;
}

void round_weights(const Layer& layer) {
    const auto weights = weights_of(*layer.node);
    const std::vector<float> high = largest_weights(*layer.node, *weights);
    std::vector<float> low(high.size());
    std::transform(high.begin(), high.end(), low.begin(), std::negate<>());
    const ov::Shape shape = channel_shape(*layer.node);
    layer.node->input(1).replace_source_output(
        rounded(weights,
                Constant::create(ov::element::f32, shape, low),
                Constant::create(ov::element::f32, shape, high),
                kWeightLevels,
                layer.facts.name + "/weights")
            ->output(0));
}

/// To the layer's bias where it has one of its size; else as a bias of its own.
void add_bias(const Layer& layer, const std::vector<float>& add) {
    const ov::Output<ov::Node> made = layer.node->output(0);
    const auto readers = made.get_target_inputs();
    ov::Node* next = readers.size() == 1 ? readers.begin()->get_node() : nullptr;
    if (next && ov::is_type<ov::op::v1::Add>(next)) {
        const std::size_t index = 1 - readers.begin()->get_index();
        const auto bias = ov::as_type_ptr<Constant>(next->get_input_node_shared_ptr(index));
        if (bias && ov::shape_size(bias->get_shape()) == add.size()) {
            std::vector<float> sum = bias->cast_vector<float>();
            std::transform(sum.begin(), sum.end(), add.begin(), sum.begin(), std::plus<>());
            next->input(index).replace_source_output(
                Constant::create(ov::element::f32, bias->get_shape(), sum)->output(0));
            return;
        }
    }
    ov::Shape shape(made.get_shape().size(), 1);
    const bool is_matrix = layer.node->get_type_name() == std::string_view("MatMul");
    shape[is_matrix ? shape.size() - 1 : 1] = add.size();
    const auto sum =
        std::make_shared<ov::op::v1::Add>(made, Constant::create(ov::element::f32, shape, add));
    sum->set_friendly_name(layer.facts.name + "/bias");
    for (ov::Input<ov::Node> reader : readers)
        reader.replace_source_output(sum->output(0));
}

/// Layers and tensors by name, and what the calibration says of them.
struct Plan {
    std::vector<Layer> layers;
    std::map<std::string, TensorRange> ranges;
    std::map<std::string, const std::vector<float>*> bias;
    std::map<std::string, std::string> stays_float;  ///< and why
};

Error no_such(const char* what, const std::string& name) {
    return invalid_argument(fmt::format(
        "the calibration names the {} '{}', which this model does not have: make it anew with "
        "`sluice calibrate`",
        what,
        name));
}

Result<Plan> read_plan(const ov::Model& model, const Calibration& calibration) {
    Plan plan;
    plan.layers = layers_of(model);
    std::map<std::string, std::size_t> channels;
    for (const Layer& layer : plan.layers)
        channels[layer.facts.name] = output_channels(*layer.node);
    const TensorNames names(model);
    for (const TensorRange& range : calibration.tensors) {
        if (!names.find(range.tensor).get_node()) return no_such("tensor", range.tensor);
        plan.ranges[range.tensor] = range;
    }
    for (const FloatLayer& layer : calibration.float_layers) {
        if (!channels.contains(layer.layer)) return no_such("layer", layer.layer);
        plan.stays_float[layer.layer] = layer.why;
    }
    for (const BiasCorrection& bias : calibration.bias) {
        if (!channels.contains(bias.layer)) return no_such("layer", bias.layer);
        if (channels[bias.layer] != bias.add.size()) {
            return invalid_argument(
                fmt::format("the calibration corrects {} channels of layer "
                            "'{}', which has {}",
                            bias.add.size(),
                            bias.layer,
                            channels[bias.layer]));
        }
        plan.bias[bias.layer] = &bias.add;
    }
    return plan;
}

void round_tensors(const Placement& placement, const std::map<int, TensorRange>& ranges) {
    for (const RoundedTensor& place : placement.tensors) {
        const TensorRange& range = ranges.at(place.group);
        const auto node = rounded(place.tensor,
                                  scalar(range.low),
                                  scalar(range.high),
                                  kLevels,
                                  place.tensor.get_node()->get_friendly_name());
        for (ov::Input<ov::Node> reader : place.readers)
            reader.replace_source_output(node->output(0));
    }
}

}  // namespace

std::vector<QuantizableLayer> quantizable_layers(const ov::Model& model) {
    std::vector<QuantizableLayer> facts;
    for (const Layer& layer : layers_of(model))
        facts.push_back(layer.facts);
    return facts;
}

Result<int> quantize(ov::Model& model, const Calibration& calibration) {
    const Plan plan = SLUICE_TRY(read_plan(model, calibration));
    std::vector<Layer> layers;
    std::vector<const ov::Node*> nodes;
    for (const Layer& layer : plan.layers) {
        if (plan.stays_float.contains(layer.facts.name)) continue;
        if (!plan.ranges.contains(layer.facts.input)) continue;
        layers.push_back(layer);
        nodes.push_back(layer.node.get());
    }
    const Placement placement = place(model, nodes);
    std::map<int, TensorRange> ranges;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const TensorRange& range = plan.ranges.at(layers[i].facts.input);
        const auto [known, added] = ranges.insert({placement.groups[i], range});
        if (!added) known->second = united(known->second, range);
    }
    for (const Layer& layer : layers) {
        round_weights(layer);
        if (const auto bias = plan.bias.find(layer.facts.name); bias != plan.bias.end())
            add_bias(layer, *bias->second);
    }
    round_tensors(placement, ranges);
    model.validate_nodes_and_infer_types();
    return static_cast<int>(layers.size());
}

bool is_quantised(const ov::Model& model) {
    const auto ops = model.get_ops();
    return std::any_of(ops.begin(), ops.end(), [](const std::shared_ptr<ov::Node>& node) {
        return ov::is_type<ov::op::v0::FakeQuantize>(node);
    });
}

Result<void> make_int8(const std::string& path, const EngineOptions& options, ov::Model& model) {
    if (is_quantised(model)) return {};
    const auto calibration = SLUICE_TRY(find_calibration(path, options, quantizable_layers(model)));
    if (!calibration) {
        return not_found(fmt::format("option 'precision': int8 needs a calibration of this model, "
                                     "which `sluice calibrate {} --images DIR` makes",
                                     path),
                         path);
    }
    if (SLUICE_TRY(quantize(model, *calibration)) == 0) {
        return invalid_argument(
            "option 'precision': the calibration leaves every layer in float; "
            "fp16 or bf16 is what it asks for",
            path);
    }
    return {};
}

}  // namespace sluice::infer
