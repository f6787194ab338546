#include "sluice/infer/backends/cuda/import.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"
#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer::cuda {

namespace {

bool is_whole(const ov::element::Type& type) {
    return type.is_integral_number();
}

/// Operators that are not taken, by their first letters, and the nearest way without them.
struct Advice {
    std::string_view types;
    std::string_view text;
};
constexpr std::string_view kNoDecoding =
    "export the heads as they are, boxes are decoded after the network";
constexpr std::string_view kFixedShapes = "export the model with fixed shapes";
constexpr std::string_view kNoLoops =
    "nothing that repeats is taken: its steps written out are (MatMul, Add, Sigmoid, Tanh)";
constexpr std::string_view kNoScatter = "Concat of slices, or Select, can say the same";
constexpr std::array<Advice, 21> kAdvice{{
    {"Proposal", kNoDecoding},
    {"ExperimentalDetectron", kNoDecoding},
    {"RegionYolo", kNoDecoding},
    {"ShapeOf", kFixedShapes},
    {"NonZero", kFixedShapes},
    {"Range", kFixedShapes},
    {"LSTM", kNoLoops},
    {"GRU", kNoLoops},
    {"RNN", kNoLoops},
    {"Loop", kNoLoops},
    {"TensorIterator", kNoLoops},
    {"If", "export the branch that is meant"},
    {"Scatter", kNoScatter},
    {"CumSum", "MatMul with a triangle of ones can say the same"},
    {"Einsum", "MatMul and Transpose can say the same"},
    {"OneHot", "Equal with the numbers 0, 1, 2, .. can say the same"},
    {"Reverse", "Gather with fixed places can say the same"},
    {"Roll", "Concat of two slices can say the same"},
    {"DeformableConvolution", "GridSample and Convolution are taken"},
    {"AdaptiveAvgPool", "AvgPool and ReduceMean are taken"},
    {"AdaptiveMaxPool", "MaxPool and ReduceMax are taken"},
}};

/// ": .." behind an error, or "".
std::string advice(std::string_view type) {
    const auto known = std::find_if(kAdvice.begin(), kAdvice.end(), [&](const Advice& advice) {
        return type.starts_with(advice.types);
    });
    return known == kAdvice.end() ? std::string() : fmt::format(": {}", known->text);
}

/// "; nor are 'roll' (Roll): ..; 'pick' (NonZero): ..", or "": one error tells of all kinds of
/// nodes.
std::string others_not_taken(const ov::NodeVector& nodes, const std::string& told) {
    std::set<std::string> types;
    std::vector<std::string> others;
    for (const std::shared_ptr<ov::Node>& node : nodes) {
        const std::string type = node->get_type_name();
        const bool known = type == "Constant" || type == "Parameter" || type == "Result";
        if (known || type == told || find_handler(type) != nullptr) continue;
        if (!types.insert(type).second) continue;
        others.push_back(fmt::format("'{}' ({}){}", node->get_friendly_name(), type, advice(type)));
    }
    return others.empty() ? "" : fmt::format("; nor are {}", fmt::join(others, "; "));
}

}  // namespace

Shape shape_of(const ov::Output<const ov::Node>& port) {
    Shape shape;
    for (std::size_t extent : port.get_shape())
        shape.push_back(static_cast<std::int64_t>(extent));
    return shape;
}

Slice everything(std::size_t rank) {
    return {std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 1)};
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
    return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

ValueId Importer::constant(std::vector<float> data, Shape shape, std::string name) {
    Value value{std::move(name), std::move(shape)};
    value.data = std::make_shared<const std::vector<float>>(std::move(data));
    return graph_.add(std::move(value));
}

void Importer::add_constant(const ov::Node& node,
                            std::vector<float> data,
                            std::vector<float> steps) {
    const ValueId id =
        constant(std::move(data), shape_of(node.output(0)), node.get_friendly_name());
    graph_.value(id).steps = std::move(steps);
    alias(node, id);
}

ValueId Importer::input(const ov::Node& node, std::size_t index) {
    const ov::Output<ov::Node> source = node.input_value(index);
    const Port key{source.get_node(), source.get_index()};
    if (auto known = values_.find(key); known != values_.end()) return known->second;
    // Only constants are left: everything else was imported before what reads it.
    const auto* data = ov::as_type<const ov::op::v0::Constant>(source.get_node());
    const ValueId id = constant(data->cast_vector<float>(), shape_of(source), data->get_name());
    graph_.value(id).whole = is_whole(data->get_element_type());
    values_[key] = id;
    return id;
}

ValueId Importer::add(const ov::Node& node,
                      Op op,
                      std::vector<ValueId> inputs,
                      std::vector<PointStep> steps,
                      std::size_t port) {
    const ValueId id = emit(node.get_friendly_name(),
                            std::move(op),
                            std::move(inputs),
                            shape_of(node.output(port)),
                            std::move(steps));
    values_[{&node, port}] = id;
    graph_.value(id).whole = is_whole(node.get_output_element_type(port));
    return id;
}

ValueId Importer::emit(const std::string& name,
                       Op op,
                       std::vector<ValueId> inputs,
                       Shape shape,
                       std::vector<PointStep> steps) {
    const ValueId id = graph_.add({name, std::move(shape)});
    graph_.value(id).whole = std::all_of(
        inputs.begin(), inputs.end(), [&](ValueId input) { return value(input).whole; });
    graph_.nodes.push_back({name, std::move(op), std::move(inputs), id, std::move(steps)});
    return id;
}

void Importer::alias(const ov::Node& node, ValueId id) {
    values_[{&node, 0}] = id;
}

Result<std::vector<std::int64_t>> Importer::integers(const ov::Node& node, std::size_t index) {
    const ov::Node* source = node.get_input_node_ptr(index);
    const auto* data = ov::as_type<const ov::op::v0::Constant>(source);
    if (data == nullptr) return refuse(node, fmt::format("input {} is computed, not fixed", index));
    return data->cast_vector<std::int64_t>();
}

Error Importer::refuse(const ov::Node& node, const std::string& why) {
    return unsupported(fmt::format(
        "node '{}' ({}): {} on CUDA", node.get_friendly_name(), node.get_type_name(), why));
}

Result<void> Importer::import(const ov::Node& node) {
    if (ov::is_type<ov::op::v0::Constant>(&node)) return {};
    if (ov::is_type<ov::op::v0::Parameter>(&node)) {
        Value value{tensor_name(node.output(0)), shape_of(node.output(0))};
        const auto specs = SLUICE_TRY(specs_of({node.output(0)}));
        value.type = specs[0].type;
        if (is_whole(node.get_output_element_type(0)) && value.type != memory::ElementType::kU8)
            return refuse(node, "an input of integers other than u8 is not supported");
        values_[{&node, 0}] = graph_.add(std::move(value));
        return {};
    }
    if (ov::is_type<ov::op::v0::Result>(&node)) return {};
    const std::string_view type = node.get_type_name();
    const Handler handler = find_handler(type);
    if (handler == nullptr) {
        Error error = refuse(node, "this operator is not supported");
        error.message += advice(type);
        return error;
    }
    if (is_whole(node.get_output_element_type(0)) && !takes_integers(type))
        return refuse(node, "integers are not supported here, floats are");
    return handler(*this, node);
}

Result<Graph> Importer::run(const ov::Model& model) {
    const ov::NodeVector nodes = model.get_ordered_ops();
    for (const std::shared_ptr<ov::Node>& node : nodes) {
        auto imported = import(*node);
        if (imported) continue;
        Error error = std::move(imported).error();
        error.message += others_not_taken(nodes, node->get_type_name());
        return error;
    }
    for (const auto& input : model.inputs())
        graph_.inputs.push_back(values_[{input.get_node(), 0}]);
    for (const auto& output : model.outputs()) {
        const ValueId id = this->input(*output.get_node(), 0);
        graph_.outputs.push_back(id);
    }
    return std::move(graph_);
}

Result<Graph> import_model(const ov::Model& model) {
    return Importer().run(model);
}

}  // namespace sluice::infer::cuda
