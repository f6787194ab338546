#include "sluice/eval/coco_metrics.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/eval/readers.h"

namespace sluice::eval {
namespace {

constexpr double kTolerance = 1e-6;

std::string test_file(const std::string& name) {
    return SLUICE_SOURCE_DIR "/src/eval/testdata/" + name;
}

TEST(Coco, InventedDetectionsScoreAsPycocotoolsScoredThem) {
    auto truth = read_coco_truth(test_file("coco.gt.json"));
    ASSERT_TRUE(truth) << truth.error().text();
    auto detections = read_coco_results(test_file("coco.results.json"));
    ASSERT_TRUE(detections) << detections.error().text();
    auto scores = evaluate_detections(*truth, *detections);
    ASSERT_TRUE(scores) << scores.error().text();
    std::ifstream file(test_file("coco.expected.json"));
    auto reference = nlohmann::json::parse(file);

    std::vector<double> ours{scores->ap,
                             scores->ap50,
                             scores->ap75,
                             scores->ap_small,
                             scores->ap_medium,
                             scores->ap_large,
                             scores->ar_1,
                             scores->ar_10,
                             scores->ar_100,
                             scores->ar_small,
                             scores->ar_medium,
                             scores->ar_large};
    auto stats = reference["stats"].get<std::vector<double>>();
    EXPECT_THAT(ours, testing::Pointwise(testing::DoubleNear(kTolerance), stats));
    ASSERT_EQ(scores->categories.size(), 4u);
    for (const CategoryScores& category : scores->categories) {
        const auto& row = reference["classes"][std::to_string(category.id)];
        EXPECT_NEAR(category.ap, row[0].get<double>(), kTolerance) << category.name;
        EXPECT_NEAR(category.ap50, row[1].get<double>(), kTolerance) << category.name;
    }
}

DetectionTruth one_box() {
    return {{{1, "a.jpg", 100, 100}}, {{0, "cat"}}, {{1, 0, {10, 10, 40, 40}, 1600, false}}};
}

TEST(Coco, ThePerfectDetectionScoresFull) {
    std::vector<DetectedBox> detections{{1, 0, {10, 10, 40, 40}, 0.1}};
    auto scores = evaluate_detections(one_box(), detections);
    ASSERT_TRUE(scores);
    EXPECT_NEAR(scores->ap, 1, 1e-12);
    EXPECT_EQ(scores->ap_small, kNoScore);
    EXPECT_NEAR(scores->ap_medium, 1, 1e-12);
}

TEST(Coco, WithoutDetectionsTheScoreIsZero) {
    auto scores = evaluate_detections(one_box(), {});
    ASSERT_TRUE(scores);
    EXPECT_EQ(scores->ap, 0);
    EXPECT_EQ(scores->ar_100, 0);
}

TEST(Coco, AnImageThatTheTruthLacksIsAnError) {
    std::vector<DetectedBox> detections{{2, 0, {10, 10, 40, 40}, 0.1}};
    auto scores = evaluate_detections(one_box(), detections);
    ASSERT_FALSE(scores);
    EXPECT_EQ(scores.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(scores.error().message, testing::HasSubstr("image 2"));
}

}  // namespace
}  // namespace sluice::eval
