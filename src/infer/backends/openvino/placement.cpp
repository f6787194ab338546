#include "sluice/infer/backends/openvino/placement.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include <openvino/op/constant.hpp>
#include <openvino/op/interpolate.hpp>

namespace sluice::infer {
namespace {

using Port = ov::Output<ov::Node>;
using Reader = ov::Input<ov::Node>;

bool is_nearest(const ov::Node& node) {
    const auto* resize = ov::as_type<const ov::op::util::InterpolateBase>(&node);
    return resize &&
           resize->get_attrs().mode == ov::op::util::InterpolateBase::InterpolateMode::NEAREST;
}

/// Every number that it gives is one that it was given.
bool only_moves(const ov::Node& node) {
    constexpr auto kTypes = std::to_array<std::string_view>({"Concat",
                                                             "DepthToSpace",
                                                             "MaxPool",
                                                             "Reshape",
                                                             "ShuffleChannels",
                                                             "Slice",
                                                             "SpaceToDepth",
                                                             "Split",
                                                             "Squeeze",
                                                             "StridedSlice",
                                                             "Transpose",
                                                             "Unsqueeze",
                                                             "VariadicSplit"});
    return is_nearest(node) ||
           std::find(kTypes.begin(), kTypes.end(), node.get_type_name()) != kTypes.end();
}

bool from_constant(const Port& port) {
    return ov::is_type<ov::op::v0::Constant>(port.get_node());
}

/// Of a node that only moves numbers: does this input carry them, or say where to?
bool carries(const Reader& input) {
    return input.get_index() == 0 ||
           input.get_node()->get_type_name() == std::string_view("Concat");
}

std::vector<Port> moved_by(ov::Node& node) {
    std::vector<Port> moved;
    for (const Reader& input : node.inputs()) {
        if (carries(input)) moved.push_back(input.get_source_output());
    }
    return moved;
}

bool is_sum(const ov::Node& node) {
    return node.get_type_name() == std::string_view("Add") && !from_constant(node.input_value(0)) &&
           !from_constant(node.input_value(1));
}

class Placer {
public:
    Placer(const ov::Model& model, const std::vector<const ov::Node*>& layers)
        : ordered_(model.get_ordered_ops()), layers_(layers.begin(), layers.end()) {}

    Placement run(const std::vector<const ov::Node*>& layers) {
        for (auto node = ordered_.rbegin(); node != ordered_.rend(); ++node)
            decide(**node);
        join_groups();
        Placement placement;
        for (const std::shared_ptr<ov::Node>& node : ordered_) {
            if (moving_.contains(node.get())) continue;  // was rounded before it
            for (const Port& port : node->outputs())
                add(port, placement);
        }
        for (const ov::Node* layer : layers)
            placement.groups.push_back(group_of(layer->input_value(0)));
        return placement;
    }

private:
    enum class Answer { kWants, kMayHave, kRefuses };

    Answer ask(const Reader& reader) const {
        const ov::Node* node = reader.get_node();
        if (reader.get_index() == 0 && layers_.contains(node)) return Answer::kWants;
        if (moving_.contains(node) && carries(reader)) return Answer::kWants;
        return is_sum(*node) ? Answer::kMayHave : Answer::kRefuses;
    }

    bool wanted_by_all(const Port& port) const {
        bool wanted = false;
        for (const Reader& reader : port.get_target_inputs()) {
            const Answer answer = ask(reader);
            if (answer == Answer::kRefuses) return false;
            wanted = wanted || answer == Answer::kWants;
        }
        return wanted;
    }

    /// Its readers have been decided before it.
    void decide(ov::Node& node) {
        if (!only_moves(node)) return;
        const std::vector<Port> moved = moved_by(node);
        if (std::any_of(moved.begin(), moved.end(), from_constant)) return;
        for (const Port& port : node.outputs()) {
            if (!port.get_target_inputs().empty() && !wanted_by_all(port)) return;
        }
        moving_.insert(&node);
    }

    void join_groups() {
        for (const std::shared_ptr<ov::Node>& node : ordered_) {
            if (!moving_.contains(node.get())) continue;
            const int group = group_of(node->output(0));
            for (const Port& port : moved_by(*node))
                join(group, group_of(port));
            for (const Port& port : node->outputs())
                join(group, group_of(port));
        }
    }

    int group_of(const Port& port) {
        const auto [known, added] = ids_.insert({port, static_cast<int>(parents_.size())});
        if (added) parents_.push_back(known->second);
        return root(known->second);
    }
    int root(int id) const {
        while (parents_[static_cast<std::size_t>(id)] != id)
            id = parents_[static_cast<std::size_t>(id)];
        return id;
    }
    void join(int a, int b) { parents_[static_cast<std::size_t>(root(b))] = root(a); }

    void add(const Port& port, Placement& placement) {
        const bool everywhere = wanted_by_all(port);
        RoundedTensor rounded;
        for (const Reader& reader : port.get_target_inputs()) {
            if (everywhere || ask(reader) == Answer::kWants) rounded.readers.push_back(reader);
        }
        if (rounded.readers.empty()) return;
        rounded.tensor = port;
        rounded.group = group_of(port);
        placement.tensors.push_back(std::move(rounded));
    }

    ov::NodeVector ordered_;
    std::set<const ov::Node*> layers_;
    std::set<const ov::Node*> moving_;  ///< only move numbers, and all that they give is wanted
    std::map<Port, int> ids_;
    std::vector<int> parents_;  ///< of ids; a group's root is its own
};

}  // namespace

Placement place(const ov::Model& model, const std::vector<const ov::Node*>& layers) {
    return Placer(model, layers).run(layers);
}

}  // namespace sluice::infer
