#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/test_models.h"
#include "sluice/infer/engine.h"

namespace sluice::infer {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Error error_of(const std::string& path) {
    auto model = read_model(path);
    return model ? internal_error("no error") : model.error();
}

TEST(ReadModel, SaysWhatGoesInAndComesOut) {
    auto model = read_model(micro_model("baked_reshape"));
    ASSERT_TRUE(model) << model.error().text();
    ASSERT_EQ((*model)->inputs().size(), 1u);
    const TensorSpec& input = (*model)->inputs()[0];
    EXPECT_EQ(input.name, "image");
    EXPECT_EQ(input.type, memory::ElementType::kF32);
    EXPECT_THAT(input.shape, ElementsAre(1, 3, 4, 6));
    EXPECT_EQ(input.layout, Layout::kNchw);
    EXPECT_EQ((*model)->outputs()[0].name, "boxes");
    EXPECT_THAT((*model)->outputs()[0].shape, ElementsAre(1, 5, 24));
}

TEST(ReadModel, MarksOpenExtents) {
    auto model = read_model(micro_model("open_size"));
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_THAT((*model)->inputs()[0].shape, ElementsAre(-1, 3, -1, -1));
}

TEST(ReadModel, KnowsChannelsLast) {
    auto model = read_model(micro_model("identity_nhwc"));
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ((*model)->inputs()[0].layout, Layout::kNhwc);
}

TEST(ReadModel, GivesTheFilesMetadata) {
    auto model = read_model(micro_model("identity"));
    ASSERT_TRUE(model) << model.error().text();
    std::vector<std::pair<std::string, std::string>> metadata((*model)->metadata().begin(),
                                                              (*model)->metadata().end());
    EXPECT_THAT(metadata, Contains(Pair("names", "{0: 'person'}")));
}

TEST(ReadModel, NamesAMissingFile) {
    Error error = error_of("/nowhere/model.onnx");
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.text(), HasSubstr("/nowhere/model.onnx"));
}

TEST(ReadModel, RefusesAnEmptyFile) {
    Error error = error_of(micro_model("empty"));
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_THAT(error.text(), HasSubstr("empty"));
}

TEST(ReadModel, RefusesATruncatedModel) {
    Error error = error_of(micro_model("truncated"));
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_THAT(error.text(), HasSubstr("truncated.onnx"));
    EXPECT_THAT(error.text(), HasSubstr("cut off"));
}

TEST(ReadModel, RefusesWhatIsNoModel) {
    EXPECT_EQ(error_of(micro_model("no_model")).code, ErrorCode::kCorrupt);
}

TEST(ReadModel, NamesTheMissingWeights) {
    Error error = error_of(micro_model("missing_weights"));
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.text(), HasSubstr("absent.bin"));
}

TEST(ReadModel, NamesTheUnknownOperator) {
    Error error = error_of(micro_model("unknown_operator"));
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_EQ(error.message, "No conversion rule found for operations: nobody.Frobnicate");
}

TEST(ReadModel, NamesTheMissingHalfOfAnIr) {
    std::string path = testing::TempDir() + "/lonely.xml";
    std::ofstream(path) << R"(<?xml version="1.0"?><net name="x" version="11"><layers>
<layer id="0" name="c" type="Const" version="opset1">
<data element_type="f32" shape="1,1" offset="0" size="4"/>
<output><port id="0" precision="FP32"><dim>1</dim><dim>1</dim></port></output></layer>
<layer id="1" name="r" type="Result" version="opset1">
<input><port id="0"><dim>1</dim><dim>1</dim></port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>)";
    Error error = error_of(path);
    std::filesystem::remove(path);
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.text(), HasSubstr(".bin"));
}

TEST(Essence, LeavesOutSourcePlacesAndChecks) {
    EXPECT_EQ(essence("Exception from a.cpp:1:\nCheck 'x' failed at b.cpp:2:\nNo rule\n\n"),
              "No rule");
}

TEST(Guarded, TurnsWhatIsThrownIntoAnError) {
    auto outcome = guarded("m.onnx", []() -> Result<int> { throw std::runtime_error("boom"); });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().text(), "m.onnx: boom");
}

TEST(Guarded, TurnsEvenANumberThrownIntoAnError) {
    auto outcome = guarded("m.onnx", []() -> Result<int> { throw 7; });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace sluice::infer
