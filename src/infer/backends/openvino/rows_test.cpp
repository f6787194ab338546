#include "sluice/infer/backends/openvino/rows.h"

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/transpose.hpp>

#include "sluice/infer/backends/openvino/verify.h"

namespace sluice::infer {
namespace {

std::shared_ptr<ov::op::v0::Constant> numbers(const std::vector<std::int64_t>& values) {
    return ov::op::v0::Constant::create(ov::element::i64, {values.size()}, values);
}

/// Two grids of five channels, joined as columns and transposed by `order`.
std::shared_ptr<ov::Model> head(std::size_t batch,
                                const std::vector<std::int64_t>& order,
                                bool columns_are_read = false) {
    auto image =
        std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{batch, 5, 4, 6});
    auto pooled = std::make_shared<ov::op::v1::MaxPool>(
        image->output(0), ov::Strides{2, 2}, ov::Shape{0, 0}, ov::Shape{0, 0}, ov::Shape{2, 2});
    ov::OutputVector columns;
    for (const ov::Output<ov::Node>& grid : {image->output(0), pooled->output(0)})
        columns.push_back(std::make_shared<ov::op::v1::Reshape>(grid, numbers({0, 5, -1}), true));
    auto joined = std::make_shared<ov::op::v0::Concat>(columns, 2);
    ov::OutputVector outputs{std::make_shared<ov::op::v1::Transpose>(joined, numbers(order))};
    if (columns_are_read) outputs.push_back(joined);
    return std::make_shared<ov::Model>(outputs, ov::ParameterVector{image});
}

TEST(JoinAsRows, GivesTheSameNumbers) {
    auto turned = head(2, {0, 2, 1});
    EXPECT_EQ(join_as_rows(*turned), 1);
    EXPECT_EQ(turned->output(0).get_shape(), (ov::Shape{2, 30, 5}));
    EXPECT_TRUE(items_agree(head(1, {0, 2, 1}), turned));
    for (const std::shared_ptr<ov::Node>& node : turned->get_ordered_ops()) {
        auto transpose = ov::as_type_ptr<ov::op::v1::Transpose>(node);
        if (!transpose) continue;
        EXPECT_EQ(transpose->get_input_shape(0).size(), 4u) << "only of grids";
    }
}

TEST(JoinAsRows, LeavesOtherHeadsAlone) {
    EXPECT_EQ(join_as_rows(*head(1, {2, 0, 1})), 0);
    EXPECT_EQ(join_as_rows(*head(1, {0, 2, 1}, true)), 0) << "the columns are wanted, too";
}

}  // namespace
}  // namespace sluice::infer
