#include "sluice/infer/calibration/tensorrt_cache.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sluice/infer/calibration_file.h"

namespace sluice::infer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr const char* kText =
    "TRT-8502-EntropyCalibration2\n"
    "input_1: 3c010a14\n"
    "(Unnamed Layer* 3) [Scale]: a_out: 4000890a\n"
    "conv/out: 3f800000\n";

std::string text_of(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Error error_of(const std::string& text) {
    auto read = parse_tensorrt_cache(text, "calib.table");
    return read ? internal_error("no error") : read.error();
}

QuantizableLayer layer(const std::string& name, const std::string& input, bool depthwise = false) {
    QuantizableLayer made;
    made.name = name;
    made.input = input;
    made.depthwise = depthwise;
    return made;
}

TEST(TensorrtCache, IsReadAsItsMakersMeanIt) {
    auto cache = parse_tensorrt_cache(kText, "calib.table");
    ASSERT_TRUE(cache) << cache.error().text();
    EXPECT_EQ(cache->version, "8502");
    EXPECT_EQ(cache->algorithm, "EntropyCalibration2");
    ASSERT_EQ(cache->scales.size(), 3u);
    EXPECT_EQ(cache->scales[0].first, "input_1");
    EXPECT_NEAR(cache->scales[0].second * 127, 1.0002, 1e-4);  // an input of 0..1
    EXPECT_EQ(cache->scales[1].first, "(Unnamed Layer* 3) [Scale]: a_out");
    EXPECT_NEAR(cache->scales[1].second * 127, 255.06, 1e-2);  // one of 0..255
    EXPECT_EQ(cache->scales[2].second, 1);
}

TEST(TensorrtCache, TakesCarriageReturnsAndOtherAlgorithms) {
    auto cache = parse_tensorrt_cache("TRT-100300-MinMaxCalibration\r\na: 3f800000\r\n\r\n", "c");
    ASSERT_TRUE(cache) << cache.error().text();
    EXPECT_EQ(cache->algorithm, "MinMaxCalibration");
    EXPECT_THAT(cache->scales, ElementsAre(Pair("a", 1.0f)));
}

TEST(TensorrtCache, NamesTheLineThatIsWrong) {
    EXPECT_THAT(error_of("").text(), HasSubstr("calib.table:1"));
    EXPECT_THAT(error_of("1,2,3\n").text(), HasSubstr("TRT-8502"));
    EXPECT_THAT(error_of("TRT-8502\na: 3f800000\n").text(), HasSubstr("calib.table:1"));
    for (const char* line :
         {"no colon", "a: 3f8000", "a: 3f80000g", "a: ff800000", "a: 7fc00000", "a: bf800000"}) {
        Error error = error_of(std::string("TRT-8502-X\nb: 3f800000\n") + line + "\n");
        EXPECT_EQ(error.code, ErrorCode::kCorrupt) << line;
        EXPECT_THAT(error.text(), HasSubstr("calib.table:3")) << line;
    }
    EXPECT_EQ(read_tensorrt_cache("/nowhere/calib.table").error().code, ErrorCode::kNotFound);
}

TEST(TensorrtCache, IsWrittenAsItWasRead) {
    const std::string path = testing::TempDir() + "/cache_" + std::to_string(getpid());
    ASSERT_TRUE(write_tensorrt_cache(parse_tensorrt_cache(kText, "").value(), path));
    EXPECT_EQ(text_of(path), kText);
    EXPECT_TRUE(is_tensorrt_cache(path));
    std::filesystem::remove(path);
    EXPECT_FALSE(is_tensorrt_cache(path));
    EXPECT_EQ(write_tensorrt_cache({}, "/nowhere/calib.table").error().code, ErrorCode::kIo);
}

TEST(TensorrtCache, GivesSymmetricRangesToTheTensorsOfLayers) {
    const auto cache = parse_tensorrt_cache(kText, "").value();
    auto made = calibration_of(cache,
                               {layer("a", "input_1"),
                                layer("b", "conv/out"),
                                layer("c", "conv/out", true),
                                layer("d", "?")},
                               "calib.table");
    ASSERT_TRUE(made) << made.error().text();
    ASSERT_EQ(made->tensors.size(), 2u);
    EXPECT_EQ(made->tensors[0].tensor, "conv/out");
    EXPECT_EQ(made->tensors[0].low, -128);
    EXPECT_EQ(made->tensors[0].high, 127);
    ASSERT_EQ(made->float_layers.size(), 2u);  // the depthwise one, and the one without a range
    EXPECT_EQ(made->float_layers[0].layer, "c");
    EXPECT_EQ(made->float_layers[1].layer, "d");
    EXPECT_TRUE(made->model.empty());
}

TEST(TensorrtCache, OfAnotherModelIsRefused) {
    auto made = calibration_of(
        parse_tensorrt_cache(kText, "").value(), {layer("a", "images")}, "calib.table");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(made.error().text(), HasSubstr("calib.table: this is a cache of another model"));
}

TEST(TensorrtCache, IsMadeOfOurRanges) {
    Calibration calibration;
    calibration.tensors = {{"a", -128, 127}, {"b", 0, 254}, {"c", -254, 10}};
    const TensorrtCache cache = tensorrt_cache_of(calibration);
    EXPECT_EQ(cache.scales[0], std::pair("a" + std::string(), 1.0f));
    EXPECT_EQ(cache.scales[1].second, 2);
    EXPECT_NEAR(cache.scales[2].second, 2, 0.02);
}

TEST(TensorrtCache, OfRealNetworksIsReadAndWrittenBack) {
    const char* root = std::getenv("SLUICE_TEST_DATA");
    const std::string folder =
        std::string(root ? root : SLUICE_TEST_DATA) + "/calibration/tensorrt-cache";
    if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no test data: " << folder;
    const std::string copy = testing::TempDir() + "/cache_copy_" + std::to_string(getpid());
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        auto cache = read_tensorrt_cache(entry.path());
        ASSERT_TRUE(cache) << cache.error().text();
        EXPECT_GT(cache->scales.size(), 50u) << entry.path();
        ASSERT_TRUE(write_tensorrt_cache(*cache, copy));
        EXPECT_EQ(text_of(copy), text_of(entry.path())) << entry.path();
        ++seen;
    }
    std::filesystem::remove(copy);
    EXPECT_EQ(seen, 7);
}

}  // namespace
}  // namespace sluice::infer
