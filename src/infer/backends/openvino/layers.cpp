#include "sluice/infer/backends/openvino/layers.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>

#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer {
namespace {

using Nodes = std::set<const ov::Node*>;

bool is_convolution(const ov::Node& node) {
    return ov::is_type<ov::op::v1::Convolution>(&node) ||
           ov::is_type<ov::op::v1::GroupConvolution>(&node);
}

bool is_constant(const ov::Output<ov::Node>& port) {
    return ov::is_type<ov::op::v0::Constant>(port.get_node());
}

/// A layer's weights in the type that the model keeps; null where they are not constant.
std::shared_ptr<ov::op::v0::Constant> kept_weights(const ov::Node& layer) {
    ov::Output<ov::Node> source = layer.input_value(1);
    // Models kept in fp16 unpack their weights here.
    if (ov::is_type<ov::op::v0::Convert>(source.get_node()))
        source = source.get_node()->input_value(0);
    auto constant = ov::as_type_ptr<ov::op::v0::Constant>(source.get_node_shared_ptr());
    const bool is_matrix = constant && constant->get_shape().size() >= 2;
    return is_matrix && constant->get_element_type().is_real() ? constant : nullptr;
}

/// Distribution focal loss: the mean place of a softmax over places, written as a convolution.
bool decodes_boxes(const ov::Node& node) {
    if (!is_convolution(node) || output_channels(node) != 1) return false;
    const ov::Node* source = node.get_input_node_ptr(0);
    while (ov::is_type<ov::op::v1::Reshape>(source) || ov::is_type<ov::op::v1::Transpose>(source))
        source = source->get_input_node_ptr(0);
    return ov::is_type<ov::op::v1::Softmax>(source) || ov::is_type<ov::op::v8::Softmax>(source);
}

bool is_layer(const ov::Node& node) {
    if (!is_convolution(node) && !ov::is_type<ov::op::v0::MatMul>(&node)) return false;
    return node.get_output_partial_shape(0).is_static() && kept_weights(node) &&
           !is_constant(node.input_value(0)) &&
           !ov::is_type<ov::op::v0::FakeQuantize>(node.get_input_node_ptr(0)) &&
           !decodes_boxes(node);
}

/// "Conv_41/WithoutBiases" is what OpenVINO makes of ONNX's Conv_41.
std::string layer_name(const ov::Node& node) {
    constexpr std::string_view kSuffix = "/WithoutBiases";
    std::string name = node.get_friendly_name();
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    return name;
}

/// Of convolutions; all 1 and 0 for a matrix product.
struct Window {
    ov::Strides strides{1, 1};
    bool padded = false;
};
template <class Convolution>
Window window_as(const Convolution& convolution) {
    auto any = [](const ov::CoordinateDiff& pads) {
        return std::any_of(pads.begin(), pads.end(), [](auto pad) { return pad != 0; });
    };
    return {convolution.get_strides(),
            any(convolution.get_pads_begin()) || any(convolution.get_pads_end())};
}
Window window_of(const ov::Node& node) {
    if (const auto* plain = ov::as_type<const ov::op::v1::Convolution>(&node))
        return window_as(*plain);
    if (const auto* grouped = ov::as_type<const ov::op::v1::GroupConvolution>(&node))
        return window_as(*grouped);
    return {};
}

std::int64_t product(const ov::Shape& shape, std::size_t from) {
    std::int64_t result = 1;
    for (std::size_t i = from; i < shape.size(); ++i)
        result *= static_cast<std::int64_t>(shape[i]);
    return result;
}

std::string times(const ov::Shape& shape, std::size_t from) {
    std::vector<std::size_t> extents(shape.begin() + static_cast<std::ptrdiff_t>(from),
                                     shape.end());
    return fmt::format("{}", fmt::join(extents, "x"));
}

void describe(const ov::Node& node, QuantizableLayer& facts) {
    const ov::Shape& weights = node.get_input_shape(1);
    const ov::Shape& input = node.get_input_shape(0);
    const ov::Shape& output = node.get_output_shape(0);
    if (!is_convolution(node)) {
        const std::size_t channels = output_channels(node);
        const auto inner = static_cast<std::int64_t>(ov::shape_size(weights) / channels);
        facts.kind = fmt::format("MatMul {}->{}", inner, channels);
        facts.multiply_adds = product(output, 1) * inner;
        return;
    }
    const bool grouped = ov::is_type<ov::op::v1::GroupConvolution>(&node);
    const std::size_t spatial = grouped ? 3 : 2;
    const Window window = window_of(node);
    facts.padded = window.padded;
    facts.depthwise = grouped && weights[2] == 1;
    facts.kind = fmt::format("{} {} s{} {}->{} on {}",
                             facts.depthwise ? "Depthwise" : "Conv",
                             times(weights, spatial),
                             window.strides[0],
                             input[1],
                             output[1],
                             times(output, 2));
    facts.multiply_adds = product(output, 1) * product(weights, spatial - 1);
}

/// What the layer makes with its bias, if it has one.
ov::Output<ov::Node> with_bias(const std::shared_ptr<ov::Node>& node) {
    ov::Output<ov::Node> made = node->output(0);
    const auto consumers = made.get_target_inputs();
    if (consumers.size() != 1) return made;
    ov::Node* next = consumers.begin()->get_node();
    const bool is_bias = ov::is_type<ov::op::v1::Add>(next) &&
                         (is_constant(next->input_value(0)) || is_constant(next->input_value(1)));
    return is_bias ? next->output(0) : made;
}

/// Nodes with a layer somewhere before them, themselves not counted.
Nodes behind_layers(const ov::NodeVector& ordered) {
    Nodes behind;
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        for (const ov::Output<ov::Node>& input : node->input_values()) {
            if (behind.contains(input.get_node()) || is_layer(*input.get_node()))
                behind.insert(node.get());
        }
    }
    return behind;
}

/// Nodes with a layer somewhere behind them.
Nodes before_layers(const ov::NodeVector& ordered) {
    Nodes before;
    for (auto node = ordered.rbegin(); node != ordered.rend(); ++node) {
        if (!before.contains(node->get()) && !is_layer(**node)) continue;
        for (const ov::Output<ov::Node>& input : (*node)->input_values())
            before.insert(input.get_node());
    }
    return before;
}

/// Where a chain of nameless steps on an input alone ends: what the adaptation makes of it.
ov::Output<ov::Node> end_of_adaptation(const std::shared_ptr<ov::Node>& parameter) {
    ov::Output<ov::Node> port = parameter->output(0);
    while (true) {
        const auto consumers = port.get_target_inputs();
        if (consumers.size() != 1) return port;
        ov::Node* next = consumers.begin()->get_node();
        const bool adapts =
            ov::is_type<ov::op::v0::Convert>(next) || ov::is_type<ov::op::v1::Subtract>(next) ||
            ov::is_type<ov::op::v1::Multiply>(next) || ov::is_type<ov::op::v1::Transpose>(next);
        if (!adapts || !next->output(0).get_names().empty()) return port;
        port = next->output(0);
    }
}

}  // namespace

std::size_t output_channel_axis(const ov::Node& layer) {
    const auto* product = ov::as_type<const ov::op::v0::MatMul>(&layer);
    if (!product) return 0;
    return product->get_transpose_b() ? layer.get_input_shape(1).size() - 2
                                      : layer.get_input_shape(1).size() - 1;
}

std::size_t output_channels(const ov::Node& layer) {
    const ov::Shape& weights = layer.get_input_shape(1);
    if (ov::is_type<ov::op::v1::GroupConvolution>(&layer)) return weights[0] * weights[1];
    return weights[output_channel_axis(layer)];
}

std::shared_ptr<ov::op::v0::Constant> weights_of(const ov::Node& layer) {
    auto constant = kept_weights(layer);
    if (!constant || constant->get_element_type() == ov::element::f32) return constant;
    return ov::op::v0::Constant::create(
        ov::element::f32, constant->get_shape(), constant->cast_vector<float>());
}

std::vector<Layer> layers_of(const ov::Model& model) {
    const ov::NodeVector ordered = model.get_ordered_ops();
    const Nodes behind = behind_layers(ordered);
    const Nodes before = before_layers(ordered);
    const TensorNames names(model);
    std::vector<Layer> layers;
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        if (!is_layer(*node)) continue;
        Layer layer;
        layer.node = node;
        layer.facts.name = layer_name(*node);
        layer.facts.input = names.of(node->input_value(0));
        layer.facts.output = names.of(with_bias(node));
        layer.facts.first = !behind.contains(node.get());
        layer.facts.last = !before.contains(node.get());
        describe(*node, layer.facts);
        layers.push_back(std::move(layer));
    }
    return layers;
}

TensorNames::TensorNames(const ov::Model& model) {
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
        if (is_constant(node->output(0)) || node->get_output_size() == 0) continue;
        for (const ov::Output<ov::Node>& port : node->outputs()) {
            places_.insert({tensor_name(port), port});
            for (const std::string& name : port.get_names())
                places_.insert({name, port});
        }
    }
    for (const auto& parameter : model.get_parameters()) {
        const ov::Output<ov::Node> end = end_of_adaptation(parameter);
        if (end == parameter->output(0)) continue;
        const std::string name = tensor_name(parameter->output(0));
        adapted_[end] = name;
        for (const std::string& other : parameter->output(0).get_names())
            places_[other] = end;
        places_[name] = end;
    }
}

std::string TensorNames::of(const ov::Output<ov::Node>& port) const {
    const auto adapted = adapted_.find(port);
    return adapted == adapted_.end() ? tensor_name(port) : adapted->second;
}

ov::Output<ov::Node> TensorNames::find(const std::string& name) const {
    const auto place = places_.find(name);
    return place == places_.end() ? ov::Output<ov::Node>() : place->second;
}

}  // namespace sluice::infer
