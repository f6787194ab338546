#include "sluice/tuner/accuracy.h"

#include <gtest/gtest.h>

namespace sluice::tuner {
namespace {

Answer boxes(std::vector<double> scores) {
    Answer answer;
    for (std::size_t i = 0; i < scores.size(); ++i)
        answer.boxes.push_back({0, 0, {100 * static_cast<double>(i), 0, 10, 10}, scores[i]});
    return answer;
}
Answer vectors(std::vector<std::vector<float>> values) {
    Answer answer;
    answer.vectors = std::move(values);
    return answer;
}
double between(const Answer& a, const Answer& b) {
    return distance(std::span(&a, 1), std::span(&b, 1));
}

TEST(Distance, IsNothingBetweenEquals) {
    EXPECT_DOUBLE_EQ(between(boxes({0.9, 0.3}), boxes({0.9, 0.3})), 0);
    EXPECT_DOUBLE_EQ(between(vectors({{1, 2}, {3}}), vectors({{1, 2}, {3}})), 0);
    EXPECT_DOUBLE_EQ(between(boxes({}), boxes({})), 0);
}
TEST(Distance, GrowsWithoutJumps) {
    const Answer reference = boxes({0.9, 0.3});
    EXPECT_LT(between(reference, boxes({0.9, 0.29})), between(reference, boxes({0.9, 0.28})));
    EXPECT_LT(between(reference, boxes({0.9, 0.28})), between(reference, boxes({0.9})));
    EXPECT_DOUBLE_EQ(between(reference, boxes({})), 1);
}
TEST(Distance, LooksPastBoxesThatMeanNothing) {
    EXPECT_DOUBLE_EQ(between(boxes({0.9, 0.05}), boxes({0.9})), 0);
}
TEST(Distance, OfOutputsIsRelativeToEach) {
    // A hundredth of the power of the first, nothing of the second.
    EXPECT_NEAR(between(vectors({{10, 0}, {1000}}), vectors({{10, 1}, {1000}})), 0.005, 1e-12);
}

}  // namespace
}  // namespace sluice::tuner
