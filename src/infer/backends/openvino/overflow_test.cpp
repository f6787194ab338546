#include "sluice/infer/backends/openvino/overflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openvino/op/fake_quantize.hpp>

#include "sluice/infer/backends/cuda/test_graphs.h"

namespace sluice::infer {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

std::shared_ptr<ov::Node> constant(const ov::Shape& shape, const std::vector<float>& values) {
    return ov::op::v0::Constant::create(ov::element::f32, shape, values);
}

/// What becomes of the ranges of a 1x1 convolution's weights, whose largest is 1.
std::vector<float> widened(std::size_t outputs, const std::vector<float>& weights) {
    const std::size_t inputs = weights.size() / outputs;
    const ov::Shape each{outputs, 1, 1, 1};
    const auto low = constant(each, std::vector<float>(outputs, -1));
    const auto high = constant(each, std::vector<float>(outputs, 1));
    const auto rounds = std::make_shared<ov::op::v0::FakeQuantize>(
        constant({outputs, inputs, 1, 1}, weights), low, high, low, high, 255);
    const auto model =
        cuda::graph_of("one", {1, inputs, 4, 4}, [&](const cuda::Port& x) {
            return ov::OutputVector{cuda::make<ov::op::v1::Convolution>(x,
                                                                        rounds,
                                                                        ov::Strides{1, 1},
                                                                        ov::CoordinateDiff{0, 0},
                                                                        ov::CoordinateDiff{0, 0},
                                                                        ov::Strides{1, 1})};
        }).make();
    widen_weights(*model);
    const auto bound = [&](std::size_t input) {
        return ov::as_type<ov::op::v0::Constant>(rounds->get_input_node_ptr(input))
            ->cast_vector<float>();
    };
    EXPECT_EQ(bound(4), bound(2));
    EXPECT_EQ(bound(3), bound(1));
    EXPECT_EQ(bound(1)[0], -bound(2)[0]);
    return bound(2);
}

TEST(WidenWeights, ChannelsWhosePairsFitStayAsTheyAre) {
    EXPECT_THAT(widened(2, {1, -1, 0, 0, 0.4f, 0.5f, 0.3f, -1}),
                ElementsAre(FloatEq(1), FloatEq(1)));
}

TEST(WidenWeights, TwoLargeOnesOfASignHalveTheSteps) {
    EXPECT_THAT(widened(2, {0, 0, 1, 1, 1, 0.25f, -1, 0.5f}),
                ElementsAre(FloatNear(2, 0.01f), FloatNear(1.255f, 0.001f)));
    EXPECT_THAT(widened(1, {-1, -1, 0}), ElementsAre(FloatNear(2, 0.01f)));
}

TEST(WidenWeights, OnlyTheFirstTwoTheNextTwoAndSoOnMeet) {
    EXPECT_THAT(widened(1, {0, 1, 1, 0, 1}), ElementsAre(FloatEq(1)));
}

}  // namespace
}  // namespace sluice::infer
