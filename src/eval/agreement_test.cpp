#include "sluice/eval/agreement.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::eval {
namespace {

DetectedBox box(std::int64_t category, double left, double score) {
    return {1, category, {left, 0, 10, 10}, score};
}

Agreement total(const std::vector<DetectedBox>& reference, const std::vector<DetectedBox>& found) {
    Agreement sum;
    for (const auto& [category, agreement] : compare_detections(reference, found))
        sum += agreement;
    return sum;
}

TEST(Agreement, EqualsAgreeInFull) {
    std::vector<DetectedBox> boxes{box(0, 0, 0.9), box(0, 2, 0.5), box(3, 0, 0.4)};
    Agreement agreement = total(boxes, boxes);
    EXPECT_EQ(agreement.matched, 3);
    EXPECT_EQ(agreement.f1(), 1);
    EXPECT_EQ(agreement.mean_overlap(), 1);
    EXPECT_DOUBLE_EQ(agreement.weighted_f1(), 1);
}

TEST(Agreement, NothingOnEitherSideIsAgreement) {
    EXPECT_EQ(total({}, {}).f1(), 1);
    EXPECT_EQ(total({}, {}).weighted_f1(), 1);
}

TEST(Agreement, WhatOneSideLacksCountsOnce) {
    EXPECT_DOUBLE_EQ(total({box(0, 0, 0.9), box(0, 50, 0.9)}, {box(0, 0, 0.9)}).f1(), 2.0 / 3);
    EXPECT_DOUBLE_EQ(total({box(0, 0, 0.9)}, {box(0, 0, 0.9), box(0, 50, 0.9)}).f1(), 2.0 / 3);
}

TEST(Agreement, ClassesDoNotMatchEachOther) {
    EXPECT_EQ(total({box(0, 0, 0.9)}, {box(1, 0, 0.9)}).matched, 0);
}

TEST(Agreement, TheBestOverlapIsTakenOnce) {
    // Both references overlap the one at 1; the surer one gets it.
    Agreement agreement =
        total({box(0, 2, 0.5), box(0, 1, 0.9)}, {box(0, 1, 0.9), box(0, 60, 0.2)});
    EXPECT_EQ(agreement.matched, 1);
    EXPECT_EQ(agreement.overlap, 1);
}

TEST(Agreement, LittleOverlapIsNone) {
    // 4 of 10 columns shared: IoU 4/16.
    EXPECT_EQ(total({box(0, 0, 0.9)}, {box(0, 6, 0.9)}).matched, 0);
    EXPECT_EQ(total({box(0, 0, 0.9)}, {box(0, 3, 0.9)}).matched, 1);  // 7/13
}

TEST(Agreement, WeightsSeeWhatAThresholdDoesNot) {
    Agreement agreement = total({box(0, 0, 0.8)}, {box(0, 0, 0.4)});
    EXPECT_EQ(agreement.f1(), 1);
    EXPECT_DOUBLE_EQ(agreement.weighted_f1(), 2 * 0.4 / 1.2);
}

}  // namespace
}  // namespace sluice::eval
