#include "sluice/infer/backends/openvino/split.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>

#include "sluice/infer/backends/openvino/adapt.h"
#include "sluice/infer/backends/openvino/batch.h"
#include "sluice/infer/backends/openvino/qdq.h"

namespace sluice::infer {
namespace {

using Nodes = std::set<const ov::Node*>;
using Port = ov::Output<ov::Node>;

bool suppresses(const ov::Node& node) {
    constexpr std::array<std::string_view, 5> kTypes{
        "DetectionOutput", "NonMaxSuppression", "MatrixNms", "MulticlassNms", "NMSRotated"};
    return std::find(kTypes.begin(), kTypes.end(), node.get_type_name()) != kTypes.end();
}

bool has_open_output(const ov::Node& node) {
    const auto outputs = node.outputs();
    return std::any_of(outputs.begin(), outputs.end(), [](const auto& output) {
        return output.get_partial_shape().is_dynamic();
    });
}

/// Adds whatever reads what is in there.
void add_readers(const ov::NodeVector& ordered, Nodes& end) {
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        const auto inputs = node->input_values();
        if (std::any_of(inputs.begin(), inputs.end(), [&](const Port& input) {
                return end.contains(input.get_node());
            }))
            end.insert(node.get());
    }
}

/// What the end reads of the body, each once; all of the model's results are in the end.
std::vector<Port> border(const ov::NodeVector& ordered, const Nodes& end) {
    std::vector<Port> ports;
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        if (!end.contains(node.get())) continue;
        for (const Port& input : node->input_values()) {
            const bool inside = end.contains(input.get_node()) ||
                                ov::is_type<ov::op::v0::Constant>(input.get_node());
            if (!inside && std::find(ports.begin(), ports.end(), input) == ports.end())
                ports.push_back(input);
        }
    }
    return ports;
}

/// What begins with the batch, as far as shapes of one item tell: something that it is made of has
/// to, for an extent of 1 may also be put there.
Nodes told_by_item(const ov::NodeVector& ordered) {
    Nodes told;
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        const auto inputs = node->input_values();
        const bool made_of_items =
            std::any_of(inputs.begin(), inputs.end(), [&](const Port& input) {
                return told.contains(input.get_node());
            });
        if (!made_of_items && !ov::is_type<ov::op::v0::Parameter>(node)) continue;
        const auto outputs = node->outputs();
        if (std::all_of(outputs.begin(), outputs.end(), [](const Port& output) {
                const ov::PartialShape& shape = output.get_partial_shape();
                return shape.is_static() && shape.size() > 0 && shape[0] == 1;
            }))
            told.insert(node.get());
    }
    return told;
}

/// The ports where the model is cut.
std::vector<Port> grow(const ov::NodeVector& ordered, Nodes& end) {
    const Nodes told = told_by_item(ordered);
    while (true) {
        add_readers(ordered, end);
        std::vector<Port> ports = border(ordered, end);
        const auto odd = std::find_if_not(ports.begin(), ports.end(), [&](const Port& port) {
            return told.contains(port.get_node());
        });
        if (odd == ports.end()) return ports;
        end.insert(odd->get_node());
    }
}

/// The end reads parameters instead, in fp32 as devices write.
ov::ParameterVector cut(const std::vector<Port>& ports, const Nodes& end) {
    ov::ParameterVector parameters;
    for (const Port& port : ports) {
        auto parameter =
            std::make_shared<ov::op::v0::Parameter>(ov::element::f32, port.get_partial_shape());
        Port value = parameter;
        if (port.get_element_type() != ov::element::f32)
            value = std::make_shared<ov::op::v0::Convert>(value, port.get_element_type());
        for (ov::Input<ov::Node> reader : port.get_target_inputs()) {
            if (end.contains(reader.get_node())) reader.replace_source_output(value);
        }
        parameters.push_back(std::move(parameter));
    }
    return parameters;
}

/// The same results of the end, as floats. Names are taken from before the cut, which may have
/// left a result with nothing but a parameter.
ov::ResultVector floats_of(const ov::ResultVector& results,
                           const std::vector<std::unordered_set<std::string>>& names) {
    ov::ResultVector made;
    for (std::size_t i = 0; i < results.size(); ++i) {
        Port value = results[i]->input_value(0);
        if (value.get_element_type() != ov::element::f32) {
            value.get_tensor().set_names({});
            value = std::make_shared<ov::op::v0::Convert>(value, ov::element::f32);
        }
        made.push_back(std::make_shared<ov::op::v0::Result>(value));
        made.back()->set_friendly_name(results[i]->get_friendly_name());
        made.back()->output(0).set_names(names[i]);
    }
    return made;
}

}  // namespace

Result<std::optional<SplitModel>> split_model(const ov::Model& model,
                                              const InputAdaptation& adaptation) {
    const ov::NodeVector all = model.get_ops();
    if (std::none_of(all.begin(), all.end(), [](const auto& node) { return suppresses(*node); }))
        return std::optional<SplitModel>();
    std::shared_ptr<ov::Model> whole = model.clone();
    join_quantisation(*whole);
    SLUICE_TRY(close_extents(*whole, adaptation));
    whole = SLUICE_TRY(rebatch(whole, 1)).model;

    SplitModel parts;
    Nodes end;
    const ov::NodeVector ordered = whole->get_ordered_ops();
    for (const std::shared_ptr<ov::Node>& node : ordered) {
        if (suppresses(*node)) parts.suppression = node->get_type_name();
        const bool begins = suppresses(*node) || has_open_output(*node);
        if (begins || ov::is_type<ov::op::v0::Result>(node)) end.insert(node.get());
    }
    const std::vector<Port> ports = grow(ordered, end);
    if (parts.suppression.empty() || ports.empty()) return std::optional<SplitModel>();
    const ov::ResultVector results = whole->get_results();
    const ov::ParameterVector inputs = whole->get_parameters();
    std::vector<std::unordered_set<std::string>> names;
    for (const auto& output : whole->outputs())
        names.push_back(output.get_names());
    const ov::ParameterVector between = cut(ports, end);
    parts.body = std::make_shared<ov::Model>(ports, inputs, whole->get_friendly_name());
    parts.end = ov::Model(floats_of(results, names), between).clone();
    return std::optional(std::move(parts));
}

}  // namespace sluice::infer
