#include "sluice/infer/backends/openvino/quantize.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openvino/op/constant.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <unistd.h>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/test_models.h"
#include "sluice/infer/calibration/ranges.h"
#include "sluice/infer/calibration/tensorrt_cache.h"
#include "sluice/infer/calibration_file.h"

namespace sluice::infer {
namespace {

using ov::op::v0::FakeQuantize;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::shared_ptr<ov::Model> prepared(const std::string& name) {
    auto made = prepare(name, *openvino_core().read_model(micro_model(name)), {}, 1);
    EXPECT_TRUE(made) << made.error().text();
    return made ? made->model : nullptr;
}

std::unique_ptr<Model> model_of(const std::string& name) {
    auto model = read_model(micro_model(name));
    EXPECT_TRUE(model) << model.error().text();
    return model ? std::move(*model) : nullptr;
}

/// Ranges that hold what the "joined" model sees; its depthwise layer in float.
Calibration of_joined() {
    Calibration made;
    made.tensors = {with_zero({"image", 0, 255}, Steps::kAsymmetric),
                    with_zero({"both", 0, 6}, Steps::kAsymmetric),
                    with_zero({"sum", 0, 40}, Steps::kSymmetric)};
    made.float_layers = {{"depthwise", "a test"}};
    return made;
}

/// "tensor -> reader, reader" of each FakeQuantize that is on no constant.
std::set<std::string> roundings(const ov::Model& model) {
    std::set<std::string> found;
    for (const auto& node : model.get_ordered_ops()) {
        if (!ov::is_type<FakeQuantize>(node)) continue;
        const ov::Output<ov::Node> from = node->input_value(0);
        if (ov::is_type<ov::op::v0::Constant>(from.get_node())) continue;
        std::set<std::string> readers;
        for (const auto& reader : node->output(0).get_target_inputs())
            readers.insert(reader.get_node()->get_friendly_name());
        found.insert(fmt::format("{} -> {}",
                                 from.get_names().empty() ? "image" : from.get_any_name(),
                                 fmt::join(readers, ", ")));
    }
    return found;
}

std::vector<float> range_before(const ov::Model& model, const std::string& reader) {
    for (const auto& node : model.get_ordered_ops()) {
        if (node->get_friendly_name() != reader) continue;
        const auto rounds = ov::as_type_ptr<FakeQuantize>(node->get_input_node_shared_ptr(0));
        if (!rounds) return {};
        std::vector<float> ends;
        for (std::size_t i : {1, 2}) {
            const auto end =
                ov::as_type_ptr<ov::op::v0::Constant>(rounds->get_input_node_shared_ptr(i));
            ends.push_back(end->cast_vector<float>()[0]);
        }
        return ends;
    }
    return {};
}

std::vector<std::vector<float>> run(Engine& engine) {
    auto request = engine.create_request().value();
    int value = 0;
    for (std::byte& byte : request->item(0, 0))
        byte = static_cast<std::byte>(value++ * 7 % 251);
    EXPECT_TRUE(engine.submit(*request));
    EXPECT_TRUE(engine.wait(*request));
    std::vector<std::vector<float>> outputs;
    for (const auto& view : request->outputs())
        outputs.emplace_back(view.floats().begin(), view.floats().end());
    return outputs;
}

/// The largest difference, as a share of the largest number.
float distance(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    float most = 0;
    float largest = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        most = std::max(most, std::fabs(a[i] - b[i]));
        largest = std::max(largest, std::fabs(a[i]));
    }
    return most / largest;
}

TEST(Quantizable, DescribesEachLayer) {
    const auto layers = model_of("joined")->quantizable({}).value();
    ASSERT_EQ(layers.size(), 4u);
    EXPECT_EQ(layers[0].name, "conv_a");
    EXPECT_EQ(layers[0].kind, "Conv 3x3 s1 3->8 on 16x16");
    EXPECT_EQ(layers[0].input, "image");
    EXPECT_EQ(layers[0].output, "a0");
    EXPECT_EQ(layers[0].multiply_adds, 8 * 16 * 16 * 3 * 9);
    EXPECT_TRUE(layers[0].first && layers[0].padded);
    EXPECT_FALSE(layers[0].last || layers[0].depthwise);
    EXPECT_EQ(layers[1].input, "both");
    EXPECT_FALSE(layers[1].padded || layers[1].first || layers[1].last);
    EXPECT_EQ(layers[2].name, "depthwise");
    EXPECT_TRUE(layers[2].depthwise);
    EXPECT_EQ(layers[2].multiply_adds, 8 * 16 * 16 * 9);
    EXPECT_EQ(layers[3].input, "sum");
    EXPECT_TRUE(layers[3].last);
}

TEST(Quantizable, NamesWhatIsReadInPlaceOfAnAdaptedInput) {
    InputAdaptation adaptation;
    adaptation.mean = {1};
    adaptation.scale = {0.5f};
    const auto layers = model_of("joined")->quantizable(adaptation).value();
    EXPECT_EQ(layers[0].input, "image");
    auto engine = model_of("joined")->observe(adaptation, {"image"}, nullptr, memory::kHostMemory);
    ASSERT_TRUE(engine) << engine.error().text();
    EXPECT_EQ(run(**engine)[1][4], (28 - 1) * 0.5f);
}

TEST(Quantize, RoundsTensorsWhereOnlyInt8ReadsThem) {
    const auto model = prepared("joined");
    EXPECT_EQ(quantize(*model, of_joined()).value(), 3);
    // Before the concatenation, once for both of its inputs; the sum behind it; nothing for what
    // the depthwise layer reads.
    EXPECT_THAT(
        roundings(*model),
        UnorderedElementsAre(
            "image -> conv_a/WithoutBiases", HasSubstr("a -> "), "sum -> conv_e/WithoutBiases"));
    EXPECT_THAT(roundings(*model),
                testing::Contains(testing::AllOf(HasSubstr("both"), HasSubstr("pooled"))));
}

TEST(Quantize, LeavesFloatLayersWhatTheyRead) {
    const auto model = prepared("joined");
    Calibration calibration = of_joined();
    calibration.float_layers.clear();
    calibration.float_layers = {{"conv_b", "a test"}};
    calibration.tensors = {{"b", 0, 6}, {"sum", 0, 40}};
    EXPECT_EQ(quantize(*model, calibration).value(), 2);
    // The addition may read what was rounded for the depthwise layer.
    EXPECT_THAT(roundings(*model),
                testing::Contains(
                    testing::AllOf(HasSubstr("b -> "), HasSubstr("depthwise"), HasSubstr("sum"))));
    EXPECT_THAT(range_before(*model, "conv_a/WithoutBiases"), testing::IsEmpty());
    EXPECT_THAT(range_before(*model, "conv_b"), testing::IsEmpty());
}

TEST(Quantize, RoundsOnTheWayWhereAFloatLayerReadsToo) {
    const auto model = prepared("joined");
    Calibration calibration;
    calibration.tensors = {{"both", 0, 6}};
    EXPECT_EQ(quantize(*model, calibration).value(), 1);
    EXPECT_EQ(roundings(*model).size(), 1u);
}

TEST(Quantize, KeepsRangesAsTheyAre) {
    const auto model = prepared("joined");
    ASSERT_TRUE(quantize(*model, of_joined()));
    EXPECT_THAT(range_before(*model, "conv_a/WithoutBiases"), ElementsAre(0, 255));
    EXPECT_THAT(range_before(*model, "conv_e/WithoutBiases"), ElementsAre(-40.0f * 128 / 127, 40));
    EXPECT_THAT(range_before(*model, "both"), ElementsAre(0, 6));
}

TEST(Quantize, CorrectsBiasWhereThereIsOneAndWhereNot) {
    const auto plain = prepared("joined");
    const auto corrected = prepared("joined");
    Calibration calibration = of_joined();
    ASSERT_TRUE(quantize(*plain, calibration));
    calibration.bias = {{"conv_e", {1, 2, 3, 4}}, {"conv_b", std::vector<float>(8, 0.0f)}};
    ASSERT_TRUE(quantize(*corrected, calibration));
    auto infer = [](const std::shared_ptr<ov::Model>& model) {
        auto request =
            openvino_core()
                .compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32))
                .create_infer_request();
        std::fill_n(request.get_input_tensor().data<std::uint8_t>(), 3 * 16 * 16, std::uint8_t{9});
        request.infer();
        const float* data = request.get_output_tensor().data<float>();
        return std::vector<float>(data, data + 4 * 256);
    };
    const auto before = infer(plain);
    const auto after = infer(corrected);
    for (std::size_t channel = 0; channel < 4; ++channel)
        EXPECT_NEAR(
            after[channel * 256], before[channel * 256] + static_cast<float>(channel + 1), 1e-3f);
}

TEST(Quantize, RefusesWhatTheModelDoesNotHave) {
    const auto model = prepared("joined");
    for (int kind = 0; kind < 4; ++kind) {
        Calibration calibration = of_joined();
        if (kind == 0) calibration.tensors.push_back({"nothing", 0, 1});
        if (kind == 1) calibration.float_layers.push_back({"nothing", ""});
        if (kind == 2) calibration.bias.push_back({"nothing", {1}});
        if (kind == 3) calibration.bias.push_back({"conv_a", {1}});
        auto done = quantize(*model, calibration);
        ASSERT_FALSE(done) << kind;
        EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
        EXPECT_FALSE(is_quantised(*model));
    }
}

TEST(Observe, GivesTheTensorsBehindTheModelsOutputs) {
    auto engine =
        model_of("joined")->observe({}, {"image", "both", "out"}, nullptr, memory::kHostMemory);
    ASSERT_TRUE(engine) << engine.error().text();
    ASSERT_EQ((*engine)->outputs().size(), 4u);
    EXPECT_EQ((*engine)->outputs()[1].name, "image");
    EXPECT_EQ((*engine)->outputs()[2].name, "both");
    const auto outputs = run(**engine);
    EXPECT_EQ(outputs[1][3], 21);  // the pixels as floats
    EXPECT_EQ(outputs[2].size(), 16u * 256);
    EXPECT_EQ(outputs[3], outputs[0]);  // an output may be looked at too
}

TEST(Observe, ComputesWhatInt8Would) {
    auto model = model_of("joined");
    const Calibration calibration = of_joined();
    const auto exact = run(*model->observe({}, {}, nullptr, memory::kHostMemory).value());
    const auto rounded = run(*model->observe({}, {}, &calibration, memory::kHostMemory).value());
    EXPECT_LT(distance(exact[0], rounded[0]), 0.03f);
    EXPECT_GT(distance(exact[0], rounded[0]), 1e-5f);
    EngineOptions options;
    options.device = "cpu";
    options.precision = Precision::kInt8;
    options.calibration = std::make_shared<const Calibration>(calibration);
    auto engine = model->compile(options, {});
    ASSERT_TRUE(engine) << engine.error().text();
    // Also on CPUs whose own choice is bf16, which would take numbers to other steps.
    EXPECT_THAT((*engine)->description(), HasSubstr("int8 (3 of 4 layers) and fp32"));
    EXPECT_LT(distance(rounded[0], run(**engine)[0]), 1e-5f);
}

TEST(Observe, LeavesTheModelForOthers) {
    auto model = model_of("joined");
    const Calibration calibration = of_joined();
    InputAdaptation adaptation;
    adaptation.scale = {0.5f};
    const auto exact = run(*model->observe({}, {"image"}, nullptr, memory::kHostMemory).value());
    ASSERT_TRUE(model->observe({}, {"both"}, &calibration, memory::kHostMemory));
    const auto halved =
        run(*model->observe(adaptation, {"image"}, nullptr, memory::kHostMemory).value());
    EXPECT_EQ(halved[1][3], exact[1][3] / 2);
    EXPECT_EQ(model->quantizable(adaptation)->size(), 4u);
    EXPECT_EQ(run(*model->observe({}, {"image"}, nullptr, memory::kHostMemory).value()), exact);
}

TEST(Observe, NamesTheTensorThatThereIsNot) {
    auto engine = model_of("joined")->observe({}, {"nothing"}, nullptr, memory::kHostMemory);
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(engine.error().text(), HasSubstr("'nothing'"));
}

TEST(Int8, TakesTheCalibrationBesideTheModelAndATensorrtCache) {
    const std::string folder = testing::TempDir() + "/sluice_int8_" + std::to_string(getpid());
    std::filesystem::create_directories(folder);
    const std::string path = folder + "/joined.onnx";
    std::filesystem::copy_file(micro_model("joined"), path);
    EngineOptions options;
    options.device = "cpu";
    options.precision = Precision::kInt8;
    auto none = create_engine(path, options, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(none.error().text(), HasSubstr("sluice calibrate"));

    ASSERT_TRUE(write_calibration(of_joined(), calibration_beside(path)));
    auto beside = create_engine(path, options, {});
    ASSERT_TRUE(beside) << beside.error().text();
    EXPECT_THAT((*beside)->description(), HasSubstr("int8 (3 of 4 layers)"));

    options.int8_calib_file = folder + "/calib.table";
    ASSERT_TRUE(write_tensorrt_cache(tensorrt_cache_of(of_joined()), options.int8_calib_file));
    auto cache = create_engine(path, options, {});
    ASSERT_TRUE(cache) << cache.error().text();
    EXPECT_THAT((*cache)->description(), HasSubstr("int8 (3 of 4 layers)"));
    std::filesystem::remove_all(folder);
}

TEST(Int8, RunsAModelThatItsMakerQuantised) {
    const auto model = prepared("qdq");
    EXPECT_THAT(roundings(*model),
                UnorderedElementsAre("image -> conv_a/WithoutBiases", "a -> out"));
    EXPECT_THAT(range_before(*model, "out"),
                ElementsAre(testing::FloatEq(-0.15f), testing::FloatEq(12.6f)));
    EngineOptions options;
    options.device = "cpu";
    options.precision = Precision::kInt8;
    auto engine = model_of("qdq")->compile(options, {});
    ASSERT_TRUE(engine) << engine.error().text();
    EXPECT_THAT((*engine)->description(), HasSubstr("int8 (2 of 2 layers)"));
    options.precision = Precision::kFp32;
    auto exact = model_of("qdq")->compile(options, {});
    ASSERT_TRUE(exact) << exact.error().text();
    EXPECT_THAT((*exact)->description(), HasSubstr("CPU, fp32"));
    EXPECT_LT(distance(run(**exact)[0], run(**engine)[0]), 0.02f);
    EXPECT_TRUE(model_of("qdq")->quantizable({})->empty());
}

}  // namespace
}  // namespace sluice::infer
