#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/heads/head.h"
#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;
using Outputs = std::vector<std::pair<std::string, memory::Shape>>;

std::vector<TensorSpec> specs(const Outputs& outputs) {
    std::vector<TensorSpec> out;
    for (const auto& [name, shape] : outputs)
        out.push_back({name, memory::ElementType::kF32, shape, Layout::kOther});
    return out;
}

struct Case {
    const char* what;
    Outputs outputs;
    memory::Size input;
    int known;  // classes by the labels
    HeadKind kind;
    int classes;
};

class RecogniseFamily : public testing::TestWithParam<Case> {};

TEST_P(RecogniseFamily, TellsTheFamilyByTheOutputs) {
    const Case& c = GetParam();
    HeadOptions options;
    options.num_detected_classes = c.known;
    auto layout = recognise(specs(c.outputs), c.input, options);
    ASSERT_TRUE(layout) << c.what << ": " << layout.error().text();
    EXPECT_EQ(to_text(layout->kind()), to_text(c.kind)) << c.what;
    EXPECT_EQ(layout->detects() ? layout->classes() : 0, c.classes) << c.what;
}

const memory::Size k640{640, 640};
const memory::Size k416{416, 416};
INSTANTIATE_TEST_SUITE_P(
    Families,
    RecogniseFamily,
    testing::Values(
        Case{"yolox nano", {{"output", {1, 3549, 85}}}, k416, 0, HeadKind::kYolox, 80},
        Case{"yolov5", {{"output0", {1, 25200, 85}}}, k640, 0, HeadKind::kYolov5, 80},
        Case{"yolov5, raw grids along",
             {{"output", {1, 25200, 85}}, {"a", {1, 3, 80, 80, 85}}, {"b", {1, 3, 40, 40, 85}}},
             k640,
             0,
             HeadKind::kYolov5,
             80},
        Case{"yolov5, one class", {{"output0", {1, 25200, 6}}}, k640, 1, HeadKind::kYolov5, 1},
        Case{"yolov8", {{"output0", {1, 84, 8400}}}, k640, 0, HeadKind::kYolov8, 80},
        Case{"yolov8, open", {{"output0", {-1, 84, -1}}}, k640, 0, HeadKind::kYolov8, 80},
        Case{"yolov8 by rows", {{"o", {1, 8400, 84}}}, k640, 0, HeadKind::kYolov8, 80},
        Case{"yolov8 by rows, labels", {{"o", {1, 8400, 9}}}, k640, 5, HeadKind::kYolov8, 5},
        Case{"yolox, labels", {{"o", {1, 8400, 9}}}, k640, 4, HeadKind::kYolox, 4},
        Case{"yolov10", {{"output0", {1, 300, 6}}}, k640, 0, HeadKind::kEndToEnd, 80},
        Case{"DeepStream-Yolo", {{"output", {-1, 8400, 6}}}, k640, 4, HeadKind::kEndToEnd, 4},
        Case{"rt-detr of Ultralytics", {{"output0", {1, 300, 84}}}, k640, 0, HeadKind::kDetr, 80},
        Case{"rt-detr",
             {{"pred_logits", {1, 300, 80}}, {"pred_boxes", {1, 300, 4}}},
             k640,
             0,
             HeadKind::kDetr,
             80},
        Case{"detr",
             {{"pred_logits", {1, 100, 92}}, {"pred_boxes", {1, 100, 4}}},
             {800, 800},
             0,
             HeadKind::kDetr,
             91},
        Case{"rt-detr, three lists",
             {{"labels", {1, 300}}, {"boxes", {1, 300, 4}}, {"scores", {1, 300}}},
             k640,
             80,
             HeadKind::kSsd,
             80},
        Case{"ssd of TFLite",
             {{"TFLite_Detection_PostProcess", {1, 10, 4}},
              {"TFLite_Detection_PostProcess:1", {1, 10}},
              {"TFLite_Detection_PostProcess:2", {1, 10}},
              {"TFLite_Detection_PostProcess:3", {1}}},
             {300, 300},
             0,
             HeadKind::kSsd,
             91},
        Case{"open model zoo",
             {{"detection_out", {1, 1, 200, 7}}},
             {300, 300},
             0,
             HeadKind::kDetectionOutput,
             91},
        Case{"centernet of human",
             {{"tower_0/wh", {1, 4, 128, 128}}, {"tower_0/keypoints", {1, 80, 128, 128}}},
             {512, 512},
             0,
             HeadKind::kCenternet,
             80},
        Case{"nanodet-plus", {{"output", {1, 3598, 112}}}, k416, 0, HeadKind::kNanodet, 80},
        Case{"nanodet, three strides",
             {{"output", {1, 3549, 112}}},
             k416,
             0,
             HeadKind::kNanodet,
             80},
        Case{"fastestdet", {{"758", {1, 85, 22, 22}}}, {352, 352}, 0, HeadKind::kFastestdet, 80},
        Case{"vehicle attributes",
             {{"color", {-1, 7, 1, 1}}, {"type", {-1, 4, 1, 1}}},
             {72, 72},
             0,
             HeadKind::kClassifier,
             0},
        Case{"classifier by labels", {{"out", {1, 12}}}, {224, 224}, 12, HeadKind::kClassifier, 0},
        Case{"embedding", {{"output", {1, 512}}}, {128, 256}, 0, HeadKind::kTensors, 0}));

TEST(Recognise, UnknownHeadsListTheOutputsAndSayWhatToDo) {
    auto result = recognise(specs({{"mystery", {1, 7, 11, 13}}, {"p", {1, 2}}}), k640, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(result.error().message, HasSubstr("'mystery' 1x7x11x13, 'p' 1x2"));
    EXPECT_THAT(result.error().message, HasSubstr("'head: ' yolox"));
    EXPECT_THAT(result.error().message, HasSubstr("parse-bbox-func-name"));
}

TEST(Recognise, SegmentationIsNotTakenForDetection) {
    EXPECT_FALSE(
        recognise(specs({{"output0", {1, 116, 8400}}, {"output1", {1, 32, 160, 160}}}), k640, {}));
}

TEST(Recognise, NamedHeadsMustFit) {
    HeadOptions options;
    options.head = HeadKind::kYolox;
    auto result = recognise(specs({{"o", {1, 100, 85}}}), k640, options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(result.error().message, HasSubstr("the head 'yolox' does not fit"));

    options.head = HeadKind::kYolov5;  // decoded YOLOX: rows of a single grid
    EXPECT_EQ(recognise(specs({{"o", {1, 8400, 85}}}), k640, options)->classes(), 80);
}

TEST(Recognise, StridesMayBeGiven) {
    HeadOptions options;
    options.strides = {16, 32};
    EXPECT_EQ(recognise(specs({{"o", {1, 26 * 26 + 13 * 13, 85}}}), k416, options)->kind(),
              HeadKind::kYolox);
    options.strides = {0};
    EXPECT_EQ(recognise({}, k416, options).error().code, ErrorCode::kInvalidArgument);
}

TEST(Recognise, WhatDoesNotDetectMakesNoHead) {
    auto outputs = specs({{"output", {1, 512}}});
    auto layout = recognise(outputs, {128, 256}, {}).value();
    EXPECT_EQ(create_head(outputs, layout).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::infer
