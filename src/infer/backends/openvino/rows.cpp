#include "sluice/infer/backends/openvino/rows.h"

#include <cstdint>
#include <vector>

#include <openvino/core/graph_util.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/transpose.hpp>

namespace sluice::infer {
namespace {

std::shared_ptr<ov::op::v0::Constant> numbers(const std::vector<std::int64_t>& values) {
    return ov::op::v0::Constant::create(ov::element::i64, {values.size()}, values);
}

/// Channels by places of a grid, item x channels x (rows * columns), as places by channels; null
/// where it is something else.
std::shared_ptr<ov::Node> as_rows(const ov::Output<ov::Node>& columns) {
    auto reshape = ov::as_type_ptr<ov::op::v1::Reshape>(columns.get_node_shared_ptr());
    if (!reshape || reshape->get_input_partial_shape(0).is_dynamic()) return nullptr;
    const ov::Shape& grid = reshape->get_input_shape(0);
    if (grid.size() != 4) return nullptr;
    const std::size_t places = grid[2] * grid[3];
    if (columns.get_partial_shape() != ov::PartialShape(ov::Shape{grid[0], grid[1], places}))
        return nullptr;
    auto turned =
        std::make_shared<ov::op::v1::Transpose>(reshape->input_value(0), numbers({0, 2, 3, 1}));
    return std::make_shared<ov::op::v1::Reshape>(
        turned,
        numbers({0, static_cast<std::int64_t>(places), static_cast<std::int64_t>(grid[1])}),
        true);
}

bool turn(const std::shared_ptr<ov::op::v1::Transpose>& transpose) {
    auto order = ov::as_type_ptr<ov::op::v0::Constant>(transpose->get_input_node_shared_ptr(1));
    auto concat = ov::as_type_ptr<ov::op::v0::Concat>(transpose->get_input_node_shared_ptr(0));
    if (!order || order->cast_vector<std::int64_t>() != std::vector<std::int64_t>{0, 2, 1})
        return false;
    if (!concat || concat->get_output_target_inputs(0).size() != 1) return false;
    if (concat->get_axis() != 2 && concat->get_axis() != -1) return false;
    ov::OutputVector rows;
    for (const ov::Output<ov::Node>& columns : concat->input_values()) {
        auto turned = as_rows(columns);
        if (!turned) return false;
        rows.push_back(turned);
    }
    auto joined = std::make_shared<ov::op::v0::Concat>(rows, 1);
    joined->set_friendly_name(transpose->get_friendly_name());
    ov::replace_node(transpose, joined);
    return true;
}

}  // namespace

int join_as_rows(ov::Model& model) {
    int turned = 0;
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
        auto transpose = ov::as_type_ptr<ov::op::v1::Transpose>(node);
        if (transpose && turn(transpose)) ++turned;
    }
    return turned;
}

}  // namespace sluice::infer
