#include "sluice/infer/calibration_file.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/folder_testing.h"
#include "sluice/infer/model_hash.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

Calibration example() {
    Calibration made;
    made.model = "0123";
    made.method = "mse";
    made.images = "/data/my images";
    made.image_count = 16;
    made.measure = "F1";
    made.floor = 0.1;
    made.forced = true;
    made.tensors = {{"conv 1: out", -0.1f, 1.5f}, {"687", 0, 0.3f}};
    made.usual = {{"conv 1: out", -0.25f, 0.5f}};
    made.float_layers = {{"Conv_44", "depthwise, and so on"}, {"Conv 2", ""}};
    made.bias = {{"Conv_41", {0.25f, -1e-7f}}};
    made.measured = {{"AMD EPYC", Precision::kFp32, 130, 0, true},
                     {"AMD EPYC", Precision::kBf16, 197.25, 0.001, true},
                     {"AMD EPYC", Precision::kInt8, 230, 0.2, false},
                     {"NVIDIA H200", Precision::kInt8, 9000, 0.003, true}};
    return made;
}

class CalibrationFile : public InFolder {
protected:
    std::string written(const Calibration& calibration) const {
        const std::string path = file("written");
        EXPECT_TRUE(write_calibration(calibration, path));
        return text_of(path);
    }
    Error error_of(const std::string& text) const {
        auto read = read_calibration(write(file("broken"), text));
        return read ? internal_error("no error") : read.error();
    }
    /// A model, and its calibration beside it.
    std::string model_with(Calibration calibration) const {
        std::string model = write(file("net.onnx"), "a network");
        calibration.model = model_hash(model).value();
        EXPECT_TRUE(write_calibration(calibration, calibration_beside(model)));
        return model;
    }
};

TEST_F(CalibrationFile, ReadsWhatItWrote) {
    const Calibration made = example();
    ASSERT_TRUE(write_calibration(made, file("a")));
    auto read = read_calibration(file("a"));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(written(*read), written(made));
    EXPECT_EQ(read->tensors[0].tensor, "conv 1: out");
    EXPECT_EQ(read->tensors[0].low, -0.1f);
    EXPECT_EQ(read->tensors[1].high, 0.3f);
    ASSERT_EQ(read->usual.size(), 1u);
    EXPECT_EQ(read->usual[0].tensor, "conv 1: out");
    EXPECT_EQ(read->usual[0].mean, -0.25f);
    EXPECT_EQ(read->usual[0].spread, 0.5f);
    EXPECT_EQ(read->float_layers[0].why, "depthwise, and so on");
    EXPECT_EQ(read->bias[0].add, made.bias[0].add);
    EXPECT_EQ(read->images, made.images);
    EXPECT_TRUE(read->forced);
    ASSERT_EQ(read->measured.size(), 4u);
    EXPECT_EQ(read->measured[1].device, "AMD EPYC");
    EXPECT_EQ(read->measured[1].images_per_second, 197.25);
    EXPECT_FALSE(read->measured[2].passed);
    EXPECT_FALSE(std::filesystem::exists(file("a.part")));
}

TEST_F(CalibrationFile, RefusesToWriteWhatItCouldNotRead) {
    Calibration made = example();
    made.tensors[0].low = 1;  // 0 is outside
    EXPECT_EQ(write_calibration(made, file("a")).error().code, ErrorCode::kInvalidArgument);
    made = example();
    made.tensors[0].tensor = "two\nlines";
    EXPECT_EQ(write_calibration(made, file("a")).error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(std::filesystem::exists(file("a")));
    EXPECT_EQ(write_calibration(example(), file("none/a")).error().code, ErrorCode::kIo);
}

TEST_F(CalibrationFile, NamesWhatIsMissing) {
    auto read = read_calibration(file("none"));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(read.error().text(), HasSubstr("sluice calibrate"));
}

TEST_F(CalibrationFile, RefusesWhatIsNoCalibration) {
    EXPECT_EQ(error_of("").code, ErrorCode::kCorrupt);
    EXPECT_EQ(error_of("Dear friend,\n").code, ErrorCode::kCorrupt);
    EXPECT_THAT(error_of("sluice calibration 99\nend\n").text(), HasSubstr("another version"));
}

TEST_F(CalibrationFile, RefusesOneThatWasCutOffAnywhere) {
    const std::string whole = written(example());
    for (std::size_t length = 0; length + 1 < whole.size(); length += 7)
        EXPECT_EQ(error_of(whole.substr(0, length)).code, ErrorCode::kCorrupt) << length;
}

TEST_F(CalibrationFile, NamesTheLineThatIsWrong) {
    const std::string begin = "sluice calibration 1\nmethod max\n";
    for (const char* line : {"nonsense 1",
                             "range 0.5 1 a",  // without 0
                             "range -1 1",
                             "range -1 one a",
                             "float ",
                             "bias a 1 2",
                             "measured int8 10 0.1 perhaps CPU",
                             "measured int9 10 0.1 passed CPU",
                             "image-count many"}) {
        Error error = error_of(begin + line + "\nend\n");
        EXPECT_EQ(error.code, ErrorCode::kCorrupt) << line;
        EXPECT_THAT(error.text(), HasSubstr("broken:3")) << line;
    }
}

TEST_F(CalibrationFile, HashesWhatChangesTheNumbersOnly) {
    const std::string hash = calibration_hash(example());
    Calibration other = example();
    other.measured.clear();
    other.images = "elsewhere";
    other.float_layers[0].why = "taste";
    EXPECT_EQ(calibration_hash(other), hash);
    other = example();
    other.tensors[0].high *= 2;
    EXPECT_NE(calibration_hash(other), hash);
    other = example();
    other.float_layers.pop_back();
    EXPECT_NE(calibration_hash(other), hash);
    other = example();
    other.bias[0].add[0] = 0;
    EXPECT_NE(calibration_hash(other), hash);
}

TEST_F(CalibrationFile, IsFoundWhereTheOptionsSayThenBesideTheModel) {
    const std::string model = write(file("net.onnx"), "a network");
    EngineOptions options;
    auto found = find_calibration(model, options, {});
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, nullptr);

    model_with(example());
    found = find_calibration(model, options, {});
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ((*found)->method, "mse");

    Calibration named = example();
    named.model.clear();
    named.method = "max";
    ASSERT_TRUE(write_calibration(named, file("named")));
    options.int8_calib_file = file("named");
    EXPECT_EQ(find_calibration(model, options, {}).value()->method, "max");
    named.method = "percentile";
    options.calibration = std::make_shared<const Calibration>(named);
    EXPECT_EQ(find_calibration(model, options, {}).value()->method, "percentile");
}

TEST_F(CalibrationFile, OfAnotherModelIsRefused) {
    const std::string model = model_with(example());
    write(file("net.onnx"), "the network, trained again");
    auto found = find_calibration(model, {}, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(found.error().text(), HasSubstr("another model"));
    EXPECT_THAT(found.error().text(), HasSubstr("sluice calibrate"));
}

TEST(PrecisionOption, HasTheNumbersOfDeepstream) {
    EngineOptions options;
    for (const auto& [number, precision] : {std::pair("0", Precision::kFp32),
                                            std::pair("1", Precision::kInt8),
                                            std::pair("2", Precision::kFp16)}) {
        ASSERT_TRUE(set_field(options, "precision", number));
        EXPECT_EQ(options.precision, precision);
    }
}

TEST(Recommended, IsTheFastestThatPassedOnThatDevice) {
    const Calibration calibration = example();
    EXPECT_EQ(recommended(calibration, "AMD EPYC")->precision, Precision::kBf16);
    EXPECT_EQ(recommended(calibration, "NVIDIA H200")->precision, Precision::kInt8);
    EXPECT_FALSE(recommended(calibration, "Intel Xeon"));
}

TEST_F(CalibrationFile, DecidesWhatAutoTakes) {
    const std::string model = model_with(example());
    auto decided = decide_precision(model, {}, "NVIDIA H200");
    ASSERT_TRUE(decided) << decided.error().text();
    EXPECT_EQ(decided->options.precision, Precision::kInt8);
    ASSERT_TRUE(decided->options.calibration);
    EXPECT_THAT(decided->note, HasSubstr("int8 was the fastest that passed"));
    decided = decide_precision(model, {}, "Intel Xeon");
    EXPECT_EQ(decided->options.precision, Precision::kAuto);
    EXPECT_THAT(decided->note, HasSubstr("not made on this one"));
    EngineOptions options;
    options.precision = Precision::kFp32;
    decided = decide_precision(model, options, "NVIDIA H200");
    EXPECT_EQ(decided->options.precision, Precision::kFp32);
    EXPECT_EQ(decided->note, "");
    decided = decide_precision(write(file("other.onnx"), "x"), {}, "AMD EPYC");
    EXPECT_EQ(decided->options.precision, Precision::kAuto);
    EXPECT_EQ(decided->note, "");
}

TEST_F(CalibrationFile, ForcedInt8IsTold) {
    EngineOptions options;
    options.precision = Precision::kInt8;
    Calibration calibration = example();
    calibration.forced = false;
    EXPECT_EQ(decide_precision(model_with(calibration), options, "NVIDIA H200")->note, "");
    calibration.forced = true;
    auto decided = decide_precision(model_with(calibration), options, "NVIDIA H200");
    EXPECT_THAT(decided->note, HasSubstr("int8 was forced (--force): a loss of"));
}

TEST_F(CalibrationFile, AutoDoesWithoutOneThatOnlyLiesThere) {
    const std::string model = model_with(example());
    write(file("net.onnx"), "the network, trained again");
    auto decided = decide_precision(model, {}, "AMD EPYC");
    ASSERT_TRUE(decided) << decided.error().text();
    EXPECT_EQ(decided->options.precision, Precision::kAuto);
    EngineOptions options;
    options.int8_calib_file = calibration_beside(model);
    EXPECT_FALSE(decide_precision(model, options, "AMD EPYC"));
}

}  // namespace
}  // namespace sluice::infer
