#include "sluice/infer/model_file.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::infer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

TensorSpec image(int height, int width) {
    return {"images", memory::ElementType::kF32, {1, 3, height, width}, Layout::kNchw};
}
TensorSpec output(const std::string& name, const memory::Shape& shape) {
    return {name, memory::ElementType::kF32, shape, Layout::kOther};
}

const std::vector<TensorSpec> kYoloxInput{image(416, 416)};
const std::vector<TensorSpec> kYoloxOutput{output("output", {1, 3549, 85})};

Result<ModelDescription> yolox(std::string_view text) {
    ModelFile file = SLUICE_TRY(ModelFile::parse(text, "/models/m.yaml"));
    return file.describe(kYoloxInput, kYoloxOutput);
}

class ModelFolder : public testing::Test {
protected:
    ModelFolder()
        : folder(fs::temp_directory_path() /
                 ("sluice-" +
                  std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
        fs::create_directories(folder);
    }
    ~ModelFolder() override { fs::remove_all(folder); }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder / name) << text;
    }
    fs::path folder;
};

TEST(ModelFile, ABareModelTakesItsFamilysConventions) {
    auto model = ModelFile().describe(kYoloxInput, kYoloxOutput).value();
    EXPECT_EQ(model.head.kind(), HeadKind::kYolox);
    EXPECT_EQ(model.preprocess.model_color_format, image::ChannelOrder::kBgr);
    EXPECT_TRUE(model.preprocess.maintain_aspect_ratio);
    EXPECT_FALSE(model.preprocess.symmetric_padding);
    EXPECT_EQ(model.preprocess.fill_value, 114);
    EXPECT_FLOAT_EQ(model.preprocess.net_scale_factor, 1);
    EXPECT_EQ(model.labels.classes.size(), 80u);
    EXPECT_EQ(model.labels.classes[0].view(), "person");
    EXPECT_THAT(model.summary, HasSubstr("head yolox"));
}

TEST(ModelFile, TheFileGoesOverConventionsAndTheUserOverTheFile) {
    ModelFile file = ModelFile::parse(
                         "pre-cluster-threshold: 0.4\n"
                         "class-attrs-all: {nms-iou-threshold: 0.6}\n"
                         "class-attrs-2: {topk: 5}\n"
                         "offsets: [1, 2, 3]\n"
                         "cluster-mode: 4\n",
                         "m.yaml")
                         .value();
    ASSERT_TRUE(file.set("pre-cluster-threshold", "0.7"));
    ASSERT_TRUE(file.set("class-attrs-3.detected-min-w", "9"));
    auto model = file.describe(kYoloxInput, kYoloxOutput).value();
    EXPECT_FLOAT_EQ(model.postprocess.all.pre_cluster_threshold, 0.7f);
    EXPECT_FLOAT_EQ(model.postprocess.all.nms_iou_threshold, 0.6f);
    EXPECT_EQ(model.postprocess.cluster_mode, ClusterMode::kNone);
    EXPECT_THAT(model.preprocess.offsets, ElementsAre(1, 2, 3));
    EXPECT_EQ(model.preprocess.fill_value, 114) << "still the family's";
    ASSERT_EQ(model.postprocess.by_class.size(), 2u);
    EXPECT_EQ(model.postprocess.by_class[0].second.topk, 5);
    EXPECT_FLOAT_EQ(model.postprocess.by_class[0].second.pre_cluster_threshold, 0.7f);
    EXPECT_EQ(model.postprocess.by_class[1].second.detected_min_w, 9);
}

TEST(ModelFile, ErrorsNameTheLineAndTheNearestOption) {
    auto error = [](std::string_view text) { return ModelFile::parse(text, "m.yaml").error(); };
    EXPECT_EQ(error("head: yolox\nofsets: 1\n").text(),
              "m.yaml:2: no option 'ofsets'; did you mean 'offsets'?");
    EXPECT_EQ(error("\nhead: yolo\n").where, "m.yaml:2");
    EXPECT_EQ(error("topk: -2").where, "m.yaml:1");
    EXPECT_EQ(error("class-attrs-x: {topk: 1}").where, "m.yaml:1");
    EXPECT_EQ(error("class-attrs-1:\n  topq: 1").where, "m.yaml:2");
    EXPECT_EQ(error("cluster-mode: 3").where, "m.yaml:1");
    EXPECT_THAT(error("offsets: [1, 2]").message, HasSubstr("offsets"));
    EXPECT_THAT(error("channel-std: [1, 0, 1]").message, HasSubstr("channel-std"));
    EXPECT_THAT(error("infer-dims: [3, 4]").message, HasSubstr("infer-dims"));
    EXPECT_EQ(error("- a\n- b").code, ErrorCode::kInvalidArgument);
}

TEST(ModelFile, ABadOptionOfTheUserChangesNothing) {
    ModelFile file;
    EXPECT_THAT(file.set("topk", "many").error().text(), HasSubstr("topk"));
    EXPECT_THAT(file.set("tokp", "3").error().text(), HasSubstr("did you mean 'topk'"));
    EXPECT_TRUE(file.describe(kYoloxInput, kYoloxOutput));
}

TEST(ModelFile, LabelCountsMustMatchTheHead) {
    auto result = yolox("labels: [person, car]");
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().text(), HasSubstr("2 labels, but the head yolox has 80 classes"));
    EXPECT_THAT(result.error().where, HasSubstr("m.yaml:1"));
    EXPECT_THAT(yolox("labels: [a, b]\nnum-detected-classes: 80").error().message,
                HasSubstr("num-detected-classes is 80"));
    EXPECT_FALSE(yolox("labels: {a: [x, y], b: [z]}\nhead: yolox"));
    EXPECT_FALSE(yolox("labels: person"));
    EXPECT_FALSE(yolox("labels: [a]\nlabelfile-path: b.txt"));
}

TEST_F(ModelFolder, IsFoundBesideTheModelWithItsLabels) {
    write("m.onnx.yaml", "labelfile-path: names.txt\nhead: yolox\n");
    write("names.txt", "cat\ndog\n\n");
    ModelFile file = ModelFile::beside((folder / "m.onnx").string()).value();
    EXPECT_EQ(file.path(), (folder / "m.onnx.yaml").string());
    std::vector<TensorSpec> outputs{output("output", {1, 3549, 7})};
    auto model = file.describe(kYoloxInput, outputs).value();
    EXPECT_EQ(model.labels.classes[1].view(), "dog");

    write("n.yaml", "head: yolox\n");
    EXPECT_EQ(ModelFile::beside((folder / "n.onnx").string())->path(),
              (folder / "n.yaml").string());
    EXPECT_EQ(ModelFile::beside((folder / "none.onnx").string())->path(), "");
}

TEST_F(ModelFolder, MissingFilesAreNamed) {
    write("m.yaml", "head: yolox\nlabelfile-path: nowhere.txt\n");
    ModelFile file = ModelFile::read((folder / "m.yaml").string()).value();
    auto result = file.describe(kYoloxInput, kYoloxOutput);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(result.error().text(), HasSubstr("nowhere.txt"));
    EXPECT_THAT(result.error().where, HasSubstr("m.yaml:2"));
    EXPECT_EQ(ModelFile::read("/nonexistent.yaml").error().code, ErrorCode::kIo);
}

TEST(ModelFile, ClassifiersTakeOneAttributePerOutput) {
    std::vector<TensorSpec> inputs{image(72, 72)};
    std::vector<TensorSpec> outputs{output("color", {-1, 3, 1, 1}), output("type", {-1, 2, 1, 1})};
    auto file = ModelFile::parse("labels:\n  color: [red, green, blue]\n  type: [car, van]\n", "v");
    auto model = file->describe(inputs, outputs).value();
    EXPECT_EQ(model.head.kind(), HeadKind::kClassifier);
    EXPECT_EQ(model.labels.attributes[0].values[1].view(), "green");

    file = ModelFile::parse("labels:\n  color: [red, green]\n  type: [car, van]\n", "v");
    EXPECT_THAT(file->describe(inputs, outputs).error().message, HasSubstr("'color'"));
}

TEST(ModelFile, TheModelsOwnNamesAreItsLabels) {
    std::vector<std::pair<std::string, std::string>> metadata{{"names", "{0: 'cat', 1: 'dog'}"}};
    std::vector<TensorSpec> inputs{image(640, 640)};
    std::vector<TensorSpec> outputs{output("output0", {1, 6, 8400})};
    auto model = ModelFile().describe(inputs, outputs, metadata).value();
    EXPECT_EQ(model.labels.classes[1].view(), "dog");
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

TEST(ModelFile, UltralyticsSayHowTheirRtDetrGivesBoxes) {
    std::vector<TensorSpec> inputs{image(640, 640)};
    std::vector<TensorSpec> outputs{output("output0", {1, 300, 6})};
    Metadata metadata{{"author", "Ultralytics"}, {"task", "detect"}, {"head", "RTDETRDecoder"}};
    auto model = ModelFile().describe(inputs, outputs, metadata).value();
    EXPECT_EQ(model.head.kind(), HeadKind::kEndToEnd);
    EXPECT_EQ(model.head.options.box_layout, BoxLayout::kCxcywh);
    EXPECT_EQ(model.head.options.box_unit, BoxUnit::kNormalized);
    EXPECT_FALSE(model.preprocess.maintain_aspect_ratio) << "they stretch";

    metadata.back().second = "v10Detect";
    model = ModelFile().describe(inputs, outputs, metadata).value();
    EXPECT_EQ(model.head.options.box_layout, BoxLayout::kXyxy);
    EXPECT_TRUE(model.preprocess.maintain_aspect_ratio);
}

TEST(ModelFile, UltralyticsClassifiersSeeNumbersFromZeroToOne) {
    std::vector<TensorSpec> inputs{image(224, 224)};
    std::vector<TensorSpec> outputs{output("output0", {1, 1000})};
    EXPECT_FALSE(ModelFile().describe(inputs, outputs)->preprocess.offsets.empty());
    Metadata metadata{{"author", "Ultralytics"}, {"task", "classify"}};
    auto model = ModelFile().describe(inputs, outputs, metadata).value();
    EXPECT_TRUE(model.preprocess.offsets.empty());
    EXPECT_FLOAT_EQ(model.preprocess.net_scale_factor, 1 / 255.f);
}

TEST(ModelFile, TasksThatAreNotDecodedAreNamed) {
    std::vector<TensorSpec> inputs{image(640, 640)};
    std::vector<TensorSpec> outputs{output("output0", {1, 85, 8400})};
    Metadata metadata{{"author", "Ultralytics"}, {"task", "obb"}};
    Error error = ModelFile().describe(inputs, outputs, metadata).error();
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.message, HasSubstr("'obb'"));
    EXPECT_TRUE(ModelFile::parse("head: tensors\n", "m")->describe(inputs, outputs, metadata));
}

TEST(ModelFile, OpenInputsNeedExtents) {
    std::vector<TensorSpec> inputs{image(-1, -1)};
    ModelFile file;
    EXPECT_THAT(file.describe(inputs, kYoloxOutput).error().message, HasSubstr("infer-dims"));
    ASSERT_TRUE(file.set("infer-dims", "3;416;416"));
    EXPECT_EQ(file.wanted_input(), (memory::Size{416, 416}));
    EXPECT_TRUE(file.describe(inputs, kYoloxOutput));
    ASSERT_TRUE(file.set("infer-dims", "3;320;320"));
    EXPECT_FALSE(file.describe(kYoloxInput, kYoloxOutput)) << "the model is fixed at 416";
    std::vector<TensorSpec> none{output("tokens", {1, 16})};
    EXPECT_EQ(ModelFile().describe(none, kYoloxOutput).error().code, ErrorCode::kUnsupported);
}

TEST(ModelFile, ScalesAndPlansFollowTheOptions) {
    PreprocessOptions options;
    EXPECT_TRUE(adaptation(options).scale.empty()) << "as written";
    options.net_scale_factor = 0.5f;
    options.offsets = {1, 2, 3};
    options.channel_std = {1, 2, 4};
    options.maintain_aspect_ratio = options.symmetric_padding = true;
    EXPECT_THAT(adaptation(options).mean, ElementsAre(1, 2, 3));
    EXPECT_THAT(adaptation(options).scale, ElementsAre(0.5f, 0.25f, 0.125f));
    auto made = plan(options, image(320, 416)).value();
    EXPECT_EQ(made.size, (memory::Size{416, 320}));
    EXPECT_EQ(made.fit, image::Fit::kLetterbox);
    EXPECT_EQ(made.anchor, image::Anchor::kCenter);
    EXPECT_EQ(plan(options, output("o", {1, 5})).error().code, ErrorCode::kUnsupported);
}

TEST(Labels, LinesAreClassesAndSemicolonsAttributes) {
    EXPECT_EQ(parse_labels("a\r\nb\n\n", "f")->classes.size(), 2u);
    auto labels = parse_labels("red;green\ncar;van;bus\n", "f").value();
    ASSERT_EQ(labels.attributes.size(), 2u);
    EXPECT_EQ(labels.attributes[1].values[2].view(), "bus");
    EXPECT_EQ(parse_labels("\n", "f").error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(parse_labels("a\n\nb", "f").error().where, "f:2");
    EXPECT_EQ(read_labels("/nonexistent").error().code, ErrorCode::kNotFound);
}

TEST(Classifier, BestClassOfEachOutputAboveTheThreshold) {
    std::vector<float> color{0, 0, 0, 0.1f, 0.7f, 0.2f};
    std::vector<float> type{0, 0, 0.5f, 0.5f};
    std::vector<TensorSpec> specs{output("color", {2, 3, 1, 1}), output("type", {2, 2})};
    std::vector<memory::TensorView> views{
        {"color", memory::ElementType::kF32, {2, 3, 1, 1}, color.data()},
        {"type", memory::ElementType::kF32, {2, 2}, type.data()}};
    Labels labels = parse_labels("red;green;blue\ncar;van", "f").value();
    auto classifier = Classifier::create(specs, {0.6f}, labels, 4).value();
    std::vector<meta::Label> found;
    ASSERT_TRUE(classifier.classify(views, 1, found));
    ASSERT_EQ(found.size(), 1u) << "0.5 is not above 0.6";
    EXPECT_EQ(found[0].attribute.view(), "color");
    EXPECT_EQ(found[0].value.view(), "green");
    EXPECT_EQ(found[0].component_id, 4u);

    EXPECT_EQ(classifier.classify(views, 2, found).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(found.size(), 1u);
    labels.attributes.pop_back();
    EXPECT_FALSE(Classifier::create(specs, {}, labels, 0));
    EXPECT_EQ(Classifier::create(std::vector{output("o", {1, -1})}, {}, {}, 0).error().code,
              ErrorCode::kUnsupported);
}

// The files that come with the project are read as they are.
TEST(Samples, DescriptionsFitTheirModels) {
    const std::string folder = SLUICE_SOURCE_DIR "/samples/models/";
    auto describe = [&](const std::string& name,
                        const TensorSpec& input,
                        const std::vector<TensorSpec>& outputs) {
        auto file = ModelFile::read(folder + name);
        EXPECT_TRUE(file) << file.error().text();
        auto model = file->describe(std::vector{input}, outputs);
        EXPECT_TRUE(model) << model.error().text();
        return std::move(model).value();
    };
    EXPECT_EQ(describe("yolox_nano.yaml", image(416, 416), kYoloxOutput).head.classes(), 80);
    EXPECT_EQ(describe("centernet.yaml",
                       image(512, 512),
                       {output("tower_0/wh", {1, 4, 128, 128}),
                        output("tower_0/keypoints", {1, 80, 128, 128})})
                  .head.kind(),
              HeadKind::kCenternet);
    EXPECT_EQ(
        describe("fastestdet.yaml", image(352, 352), {output("758", {1, 85, 22, 22})}).head.kind(),
        HeadKind::kFastestdet);
    EXPECT_EQ(
        describe("osnet_x0_25.yaml", image(256, 128), {output("output", {1, 512})}).head.kind(),
        HeadKind::kTensors);
    EXPECT_EQ(describe("vehicle_attributes_0039.yaml",
                       image(72, 72),
                       {output("color", {-1, 7, 1, 1}), output("type", {-1, 4, 1, 1})})
                  .labels.attributes.size(),
              2u);
}

}  // namespace
}  // namespace sluice::infer
