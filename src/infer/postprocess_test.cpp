#include "sluice/infer/postprocess.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

meta::Detection box(float left, float top, float width, float height, float score, int id = 0) {
    return {{left, top, width, height}, score, meta::ClassId(id), Name()};
}

/// By the definition: a box stays unless a better one that stays overlaps it too much.
std::vector<meta::Detection> slow_nms(std::vector<meta::Detection> boxes,
                                      float threshold,
                                      bool across) {
    std::stable_sort(
        boxes.begin(), boxes.end(), [](auto& a, auto& b) { return a.score > b.score; });
    std::vector<meta::Detection> kept;
    for (const auto& candidate : boxes) {
        bool stays = true;
        for (const auto& better : kept) {
            if ((across || better.class_id == candidate.class_id) &&
                meta::iou(better.box, candidate.box) > threshold)
                stays = false;
        }
        if (stays) kept.push_back(candidate);
    }
    return kept;
}

class NmsScope : public testing::TestWithParam<Nms::Scope> {};

TEST_P(NmsScope, AgreesWithTheDefinition) {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> number(0, 100);
    Nms nms;
    for (int round = 0; round < 20; ++round) {
        std::vector<meta::Detection> boxes;
        for (int i = 0; i < 120; ++i) {
            auto at = [&] { return static_cast<float>(number(random)); };
            boxes.push_back(box(at(), at(), 20 + at(), 20 + at(), at() / 100, number(random) % 3));
        }
        boxes.push_back(boxes.front());  // a tie
        auto wanted = slow_nms(boxes, 0.45f, GetParam() == Nms::Scope::kAcrossClasses);
        nms.run(boxes, std::vector(3, 0.45f), GetParam());
        ASSERT_EQ(boxes.size(), wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            EXPECT_EQ(boxes[i].score, wanted[i].score);
            EXPECT_EQ(boxes[i].box, wanted[i].box);
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Scopes,
                         NmsScope,
                         testing::Values(Nms::Scope::kPerClass, Nms::Scope::kAcrossClasses));

TEST(Nms, EmptyAndFlatBoxesAreNoTrouble) {
    Nms nms;
    std::vector<meta::Detection> boxes;
    nms.run(boxes, {}, Nms::Scope::kPerClass);
    EXPECT_TRUE(boxes.empty());
    boxes = {box(1, 1, 0, 0, 0.5f), box(1, 1, 0, 0, 0.6f)};
    nms.run(boxes, std::vector(1, 0.5f), Nms::Scope::kPerClass);
    EXPECT_EQ(boxes.size(), 2u) << "no area, no overlap";
}

/// A network that reports the boxes given, by edges in pixels.
class Reporting : public testing::Test {
protected:
    void report(const std::vector<meta::Detection>& boxes) {
        auto& rows = outputs.add("output", {1, static_cast<int>(boxes.size()), 6});
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            const meta::PixelBox& b = boxes[i].box;
            const std::vector<float> row{b.left,
                                         b.top,
                                         b.right(),
                                         b.bottom(),
                                         boxes[i].score,
                                         static_cast<float>(boxes[i].class_id.value)};
            std::copy(row.begin(), row.end(), rows.begin() + static_cast<long>(6 * i));
        }
    }
    Result<std::unique_ptr<Postprocessor>> make() {
        HeadOptions head;
        head.num_detected_classes = 3;
        auto layout = recognise(outputs.specs, {640, 640}, head).value();
        return Postprocessor::create(outputs.specs, layout, options, labels);
    }
    std::vector<meta::Detection> found(const BoxMap& map = {}) {
        std::vector<meta::Detection> boxes;
        auto post = make().value();
        EXPECT_TRUE(post->find(outputs.views, 0, boxes));
        post->finish(map, boxes);
        return boxes;
    }
    TestOutputs outputs;
    PostprocessOptions options;
    std::vector<Name> labels{Name("cat"), Name("dog")};
};

TEST_F(Reporting, ScoresLabelsAndOrder) {
    report({box(0, 0, 9, 9, 0.3f, 0), box(100, 0, 9, 9, 0.9f, 2), box(200, 0, 9, 9, 0.1f, 1)});
    auto boxes = found();
    ASSERT_EQ(boxes.size(), 2u) << "0.1 is below the threshold of 0.2";
    EXPECT_EQ(boxes[0].label.view(), "2") << "no label: its number";
    EXPECT_EQ(boxes[1].label.view(), "cat");
}

TEST_F(Reporting, ClassesHaveTheirOwnThresholds) {
    report({box(0, 0, 9, 9, 0.3f, 0), box(100, 0, 9, 9, 0.3f, 1), box(200, 0, 9, 9, 0.8f, 1)});
    ClassAttributes strict;
    strict.pre_cluster_threshold = 0.5f;
    options.by_class = {{1, strict}};
    auto boxes = found();
    ASSERT_EQ(boxes.size(), 2u);
    EXPECT_FLOAT_EQ(boxes[0].score, 0.8f);
    EXPECT_EQ(boxes[1].class_id, meta::ClassId(0));
}

TEST_F(Reporting, ClusterModeNoneKeepsOverlaps) {
    report({box(0, 0, 9, 9, 0.5f), box(0, 0, 9, 9, 0.6f)});
    EXPECT_EQ(found().size(), 1u);
    options.cluster_mode = ClusterMode::kNone;
    auto boxes = found();
    ASSERT_EQ(boxes.size(), 2u);
    EXPECT_GT(boxes[0].score, boxes[1].score);
}

TEST_F(Reporting, AgnosticNmsSuppressesAcrossClasses) {
    report({box(0, 0, 9, 9, 0.5f, 0), box(0, 0, 9, 9, 0.6f, 1)});
    EXPECT_EQ(found().size(), 2u);
    options.nms_class_agnostic = true;
    EXPECT_EQ(found().size(), 1u);
}

TEST_F(Reporting, TopkAndPostClusterThresholdAndFilteredClasses) {
    report({box(0, 0, 9, 9, 0.5f, 0),
            box(50, 0, 9, 9, 0.6f, 0),
            box(100, 0, 9, 9, 0.7f, 0),
            box(150, 0, 9, 9, 0.9f, 1)});
    options.all.topk = 2;
    options.filter_out_class_ids = {1};
    auto boxes = found();
    ASSERT_EQ(boxes.size(), 2u);
    EXPECT_FLOAT_EQ(boxes[0].score, 0.7f);
    options.all.post_cluster_threshold = 0.65f;
    EXPECT_EQ(found().size(), 1u);
}

TEST_F(Reporting, SizesAreJudgedAfterMapping) {
    report({box(0, 0, 10, 10, 0.9f), box(100, 0, 30, 30, 0.8f), box(200, 0, 50, 90, 0.7f)});
    options.all.detected_min_w = 50;
    options.all.detected_max_h = 100;
    auto boxes = found({2, 2, 0, 0, {}});
    ASSERT_EQ(boxes.size(), 1u);
    EXPECT_FLOAT_EQ(boxes[0].box.left, 200);
    EXPECT_FLOAT_EQ(boxes[0].box.width, 60);
}

TEST_F(Reporting, FinishesWhatWasFoundElsewhere) {
    report({box(0, 0, 9, 9, 0.3f)});
    options.all.topk = 1;
    auto post = make().value();
    std::vector<meta::Detection> boxes{box(1, 2, 3, 4, 0.9f, 1), box(9, 9, 9, 9, 0.8f, 1)};
    post->finish({2, 2, 10, 0, {}}, boxes);
    ASSERT_EQ(boxes.size(), 1u);
    EXPECT_EQ(boxes[0].box, (meta::PixelBox{12, 4, 6, 8}));
    EXPECT_EQ(boxes[0].label.view(), "dog");
}

TEST_F(Reporting, BoxesOutsideTheBoundsAreDropped) {
    report({box(0, 0, 9, 9, 0.9f), box(100, 0, 9, 9, 0.8f)});
    EXPECT_EQ(found({1, 1, 0, 0, {0, 0, 50, 50}}).size(), 1u);
}

TEST_F(Reporting, ClassesBeyondTheNetworksAreRefused) {
    report({box(0, 0, 9, 9, 0.5f)});
    options.filter_out_class_ids = {3};
    EXPECT_EQ(make().error().code, ErrorCode::kInvalidArgument);
    options.filter_out_class_ids = {};
    options.by_class = {{7, {}}};
    EXPECT_THAT(make().error().message, HasSubstr("class-attrs-7"));
    options.by_class = {};
    labels.resize(4);
    EXPECT_EQ(make().error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Reporting, AFailedDecodeLeavesNothing) {
    report({box(0, 0, 9, 9, 0.5f, 9)});  // no class 9
    auto post = make().value();
    std::vector<meta::Detection> boxes(3);
    EXPECT_FALSE(post->find(outputs.views, 0, boxes));
    EXPECT_TRUE(boxes.empty());
}

TEST(BoxMap, LeadsBackThroughLetterboxAndProcessingResolution) {
    image::Placement placement;
    placement.crop = {0, 0, 1280, 720};
    placement.content = {0, 140, 640, 360};
    placement.scale_x = placement.scale_y = 0.5f;
    meta::PixelBox in_source = to_source(placement)({100, 240, 50, 60});
    EXPECT_EQ(in_source, (meta::PixelBox{200, 200, 100, 120}));

    meta::Frame frame;
    frame.source_size = {1280, 720};
    frame.size = {960, 960};
    frame.content = {0, 210, 960, 540};
    meta::PixelBox in_frame = to_processing(placement, frame)({100, 240, 50, 60});
    EXPECT_NEAR(in_frame.left, 150, 1e-3);
    EXPECT_NEAR(in_frame.top, 360, 1e-3);
    EXPECT_NEAR(in_frame.width, 75, 1e-3);
    EXPECT_NEAR(in_frame.height, 90, 1e-3);
}

TEST(BoxMap, CutsToWhatTheNetworkSaw) {
    image::Placement placement;
    placement.crop = {100, 50, 200, 100};
    placement.content = {0, 0, 400, 200};
    placement.scale_x = placement.scale_y = 2;
    BoxMap map = to_source(placement);
    EXPECT_EQ(map({-20, 20, 100, 400}), (meta::PixelBox{100, 60, 40, 90}));
    EXPECT_EQ(map({500, 20, 100, 40}).width, 0) << "in the letterbox's bar";
}

}  // namespace
}  // namespace sluice::infer
