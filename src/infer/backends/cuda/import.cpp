#include "sluice/infer/backends/cuda/import.h"

#include <algorithm>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"
#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer::cuda {

Shape shape_of(const ov::Output<const ov::Node>& port) {
    Shape shape;
    for (std::size_t extent : port.get_shape())
        shape.push_back(static_cast<std::int64_t>(extent));
    return shape;
}

ValueId Importer::constant(std::vector<float> data, Shape shape, std::string name) {
    Value value{std::move(name), std::move(shape)};
    value.data = std::make_shared<const std::vector<float>>(std::move(data));
    return graph_.add(std::move(value));
}

ValueId Importer::input(const ov::Node& node, std::size_t index) {
    const ov::Output<ov::Node> source = node.input_value(index);
    const Port key{source.get_node(), source.get_index()};
    if (auto known = values_.find(key); known != values_.end()) return known->second;
    // Only constants are left: everything else was imported before what reads it.
    const auto* data = ov::as_type<const ov::op::v0::Constant>(source.get_node());
    const ValueId id = constant(data->cast_vector<float>(), shape_of(source), data->get_name());
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
    return id;
}

ValueId Importer::emit(const std::string& name,
                       Op op,
                       std::vector<ValueId> inputs,
                       Shape shape,
                       std::vector<PointStep> steps) {
    const ValueId id = graph_.add({name, std::move(shape)});
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

namespace {

/// Float models compute in float; integers are there for shapes and indices, which are folded.
bool computes_in_float(const ov::Node& node) {
    return node.get_output_element_type(0).is_real();
}

}  // namespace

Result<void> Importer::import(const ov::Node& node) {
    if (ov::is_type<ov::op::v0::Constant>(&node)) return {};
    if (ov::is_type<ov::op::v0::Parameter>(&node)) {
        Value value{tensor_name(node.output(0)), shape_of(node.output(0))};
        const auto specs = SLUICE_TRY(specs_of({node.output(0)}));
        value.type = specs[0].type;
        values_[{&node, 0}] = graph_.add(std::move(value));
        return {};
    }
    if (ov::is_type<ov::op::v0::Result>(&node)) return {};
    if (!computes_in_float(node)) return refuse(node, "integer arithmetic is not supported");
    const Handler handler = find_handler(node.get_type_name());
    if (handler == nullptr) return refuse(node, "this operator is not supported");
    return handler(*this, node);
}

Result<Graph> Importer::run(const ov::Model& model) {
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops())
        SLUICE_TRY(import(*node));
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
