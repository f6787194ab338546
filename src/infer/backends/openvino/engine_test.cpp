#include "sluice/infer/backends/openvino/engine.h"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/test_models.h"
#include "sluice/infer/model_file.h"

namespace sluice::infer {
namespace {

using memory::ElementType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// "auto" would be CUDA where there is a device.
EngineOptions on_cpu() {
    EngineOptions options;
    options.device = "cpu";
    return options;
}

std::unique_ptr<Engine> engine_of(const std::string& name,
                                  const EngineOptions& options = on_cpu(),
                                  const InputAdaptation& adaptation = {}) {
    auto engine = create_engine(micro_model(name), options, adaptation);
    EXPECT_TRUE(engine) << engine.error().text();
    return engine ? std::move(*engine) : nullptr;
}

Error error_of(const std::string& name,
               const EngineOptions& options,
               const InputAdaptation& adaptation = {}) {
    auto engine = create_engine(micro_model(name), options, adaptation);
    return engine ? internal_error("no error") : engine.error();
}

EngineOptions batch_of(int batch_size, int device_batch = 0) {
    EngineOptions options = on_cpu();
    options.precision = Precision::kFp32;
    options.batch_size = batch_size;
    options.device_batch = device_batch;
    return options;
}

/// Item `item` gets bytes item + 0, 1, 2, ...
void fill(Request& request, int items) {
    for (int item = 0; item < items; ++item) {
        int value = item;
        for (std::byte& byte : request.item(0, item))
            byte = static_cast<std::byte>(value++ % 251);
    }
}

std::vector<float> run(Engine& engine, Request& request) {
    auto submitted = engine.submit(request);
    EXPECT_TRUE(submitted) << submitted.error().text();
    auto waited = engine.wait(request);
    EXPECT_TRUE(waited) << waited.error().text();
    auto floats = request.outputs()[0].floats();
    return {floats.begin(), floats.end()};
}

TEST(Engine, TakesPixelsAsBytesByDefault) {
    auto engine = engine_of("identity", batch_of(2));
    EXPECT_EQ(engine->inputs()[0].type, ElementType::kU8);
    EXPECT_EQ(engine->inputs()[0].layout, Layout::kNchw);
    EXPECT_THAT(engine->inputs()[0].shape, ElementsAre(2, 3, 4, 6));
    EXPECT_EQ(engine->inputs()[0].item_bytes(), 72u);
}

TEST(Engine, KeepsEveryByteExactWithoutMeanAndScale) {
    EngineOptions options = on_cpu();
    options.precision = Precision::kFp32;
    auto engine = engine_of("identity", options);
    auto request = engine->create_request().value();
    for (int start = 0; start < 256; start += 64) {
        auto item = request->item(0, 0);
        for (std::size_t i = 0; i < item.size(); ++i)
            item[i] = static_cast<std::byte>(static_cast<std::size_t>(start) + i);
        auto numbers = run(*engine, *request);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            EXPECT_EQ(numbers[i], static_cast<float>(std::to_integer<int>(item[i])));
    }
}

TEST(Engine, AppliesMeanAndScalePerChannel) {
    InputAdaptation adaptation;
    adaptation.mean = {1, 2, 3};
    adaptation.scale = {0.5f, 0.25f, 1.0f / 255};
    auto engine = engine_of("identity", batch_of(1), adaptation);
    auto request = engine->create_request().value();
    fill(*request, 1);
    auto numbers = run(*engine, *request);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::size_t channel = i / 24;
        EXPECT_FLOAT_EQ(
            numbers[i],
            (static_cast<float>(i) - adaptation.mean[channel]) * adaptation.scale[channel]);
    }
}

TEST(Engine, TurnsTheLayoutWhereAsked) {
    InputAdaptation adaptation;
    adaptation.layout = Layout::kNhwc;
    auto engine = engine_of("identity", batch_of(1), adaptation);
    EXPECT_THAT(engine->inputs()[0].shape, ElementsAre(1, 4, 6, 3));
    auto request = engine->create_request().value();
    fill(*request, 1);
    auto numbers = run(*engine, *request);
    EXPECT_EQ(numbers[0], 0);
    EXPECT_EQ(numbers[1], 3);   // the next column of the first channel
    EXPECT_EQ(numbers[24], 1);  // the second channel
}

TEST(Engine, TakesFloatsWhereAsked) {
    InputAdaptation adaptation;
    adaptation.type = ElementType::kF32;
    auto engine = engine_of("identity", batch_of(1), adaptation);
    auto request = engine->create_request().value();
    auto item = request->item(0, 0);
    ASSERT_EQ(item.size(), 72u * 4);
    std::vector<float> values(72, 0.1f);
    std::memcpy(item.data(), values.data(), item.size());
    EXPECT_EQ(run(*engine, *request), values);
}

TEST(Engine, GivesIntegersAsFloats) {
    auto image = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1, 3, 4, 6});
    auto classes = std::make_shared<ov::op::v0::Convert>(image, ov::element::i64);
    auto model = std::make_shared<ov::Model>(ov::OutputVector{classes}, ov::ParameterVector{image});
    auto engine = compile_model("classes", model, batch_of(2), {}).value();
    EXPECT_EQ(engine->outputs()[0].type, ElementType::kF32);
    auto request = engine->create_request().value();
    fill(*request, 2);
    auto numbers = run(*engine, *request);
    EXPECT_EQ(numbers[0], 0);
    EXPECT_EQ(numbers[72 + 5], 6);
}

TEST(Engine, GivesEachItemItsOwnResult) {
    auto engine = engine_of("identity", batch_of(5));
    auto request = engine->create_request().value();
    fill(*request, 5);
    auto numbers = run(*engine, *request);
    for (std::size_t item = 0; item < 5; ++item)
        EXPECT_EQ(numbers[item * 72], static_cast<float>(item));
}

TEST(Engine, GivesAPartialBatchAsManyResults) {
    auto engine = engine_of("identity", batch_of(5, 2));
    auto request = engine->create_request().value();
    fill(*request, 3);
    request->set_count(3);
    auto numbers = run(*engine, *request);
    EXPECT_EQ(numbers.size(), 3u * 72);
    EXPECT_THAT(request->outputs()[0].shape, ElementsAre(3, 3, 4, 6));
    EXPECT_EQ(numbers[2 * 72], 2.0f);
}

TEST(Engine, GivesTheSameNumbersHoweverTheBatchIsCut) {
    std::vector<std::vector<float>> results;
    for (int device_batch : {1, 2, 4}) {
        auto engine = engine_of("baked_reshape", batch_of(4, device_batch));
        auto request = engine->create_request().value();
        fill(*request, 4);
        results.push_back(run(*engine, *request));
    }
    EXPECT_THAT(results[1], testing::Pointwise(testing::FloatNear(1e-3f), results[0]));
    EXPECT_THAT(results[2], testing::Pointwise(testing::FloatNear(1e-3f), results[0]));
}

TEST(Engine, SaysHowItRunsABatch) {
    EXPECT_THAT(engine_of("baked_reshape", batch_of(4, 4))->description(),
                HasSubstr("batch 4 as 1 x 4"));
    EXPECT_THAT(engine_of("unrepairable", batch_of(4, 4))->description(),
                HasSubstr("batch 4 as 4 x 1"));
    EXPECT_THAT(engine_of("mixes_items", batch_of(4, 4))->description(),
                HasSubstr("batch 4 as 4 x 1"));
}

TEST(Engine, AnswersRequestsInAnyOrder) {
    auto engine = engine_of("identity", batch_of(1));
    auto first = engine->create_request().value();
    auto second = engine->create_request().value();
    fill(*first, 1);
    fill(*second, 1);
    second->item(0, 0)[0] = std::byte{77};
    ASSERT_TRUE(engine->submit(*first));
    ASSERT_TRUE(engine->submit(*second));
    ASSERT_TRUE(engine->wait(*second));
    ASSERT_TRUE(engine->wait(*first));
    EXPECT_EQ(first->outputs()[0].floats()[0], 0);
    EXPECT_EQ(second->outputs()[0].floats()[0], 77);
}

TEST(Engine, RefusesARequestThatRunsAlready) {
    auto engine = engine_of("identity");
    auto request = engine->create_request().value();
    ASSERT_TRUE(engine->submit(*request));
    auto again = engine->submit(*request);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(engine->wait(*request));
}

TEST(Engine, HasNothingToWaitForBeforeASubmit) {
    auto engine = engine_of("identity");
    auto request = engine->create_request().value();
    EXPECT_TRUE(engine->wait(*request));
}

TEST(Engine, MayDropARequestThatRuns) {
    auto engine = engine_of("identity", batch_of(4));
    auto request = engine->create_request().value();
    ASSERT_TRUE(engine->submit(*request));
}

TEST(Engine, ClosesOpenExtentsAsTold) {
    InputAdaptation adaptation;
    adaptation.height = 8;
    adaptation.width = 10;
    auto engine = engine_of("open_size", batch_of(1), adaptation);
    EXPECT_THAT(engine->inputs()[0].shape, ElementsAre(1, 3, 8, 10));
    EXPECT_THAT(engine->outputs()[0].shape, ElementsAre(1, 3, 8, 10));
}

TEST(Engine, AsksForTheSizeThatTheModelLeavesOpen) {
    Error error = error_of("open_size", on_cpu());
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.text(), HasSubstr("width and height"));
}

TEST(Engine, RefusesAnOutputWithoutABatch) {
    Error error = error_of("no_batch", on_cpu());
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.text(), HasSubstr("'rows'"));
}

TEST(Engine, RefusesAnUnknownDeviceNamingWhatThereIs) {
    EngineOptions options;
    options.device = "npu";
    Error error = error_of("identity", options);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.text(), HasSubstr("'npu'"));
    EXPECT_THAT(error.text(), HasSubstr("cpu"));
}

TEST(Engine, SaysWhyThereIsNoSuchCudaDevice) {
    EngineOptions options;
    options.device = "cuda:99";  // no CUDA in the build, no driver, or no device of that number
    Error error = error_of("identity", options);
    EXPECT_NE(error.code, ErrorCode::kInternal);
    EXPECT_THAT(error.text(), HasSubstr("CUDA"));
}

TEST(Engine, SaysWhyItIsNotOnCudaWhereThatWasLeftOpen) {
    auto engine = engine_of("identity", {});
    if (engine->description().starts_with("CUDA")) GTEST_SKIP() << "there is a CUDA device here";
    EXPECT_THAT(engine->description(), testing::ContainsRegex("\\(.*(CUDA|cuDNN).*\\)"));
    EXPECT_THAT(engine_of("identity")->description(), Not(HasSubstr("CUDA")));
}

TEST(Engine, IsNotBuiltForACpu) {
    auto built = build_engine(micro_model("identity"), {}, on_cpu(), {});
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(built.error().text(), HasSubstr("'cpu'"));
}

TEST(Engine, IsNotBuiltWithoutADevice) {
    EngineOptions options;
    options.device = "cuda:99";
    auto built = build_engine(micro_model("identity"), {}, options, {});
    ASSERT_FALSE(built);
    EXPECT_NE(built.error().code, ErrorCode::kInternal);
    EXPECT_THAT(built.error().text(), HasSubstr("CUDA"));
}

TEST(Engine, RefusesMeansThatDoNotFitTheChannels) {
    InputAdaptation adaptation;
    adaptation.mean = {1, 2};
    Error error = error_of("identity", on_cpu(), adaptation);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.text(), HasSubstr("3 channels"));
}

TEST(Engine, NamesThePrecisionsThatTheCpuHas) {
    EngineOptions options = on_cpu();
    options.precision = Precision::kFp8;
    Error error = error_of("identity", options);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.text(), HasSubstr("fp8"));
    EXPECT_THAT(error.text(), HasSubstr("fp32"));
}

TEST(Engine, ReadsPrecisionByWordAndByDeepstreamsNumber) {
    EngineOptions options;
    ASSERT_TRUE(set_field(options, "precision", "2"));
    EXPECT_EQ(options.precision, Precision::kFp16);
    ASSERT_TRUE(set_field(options, "precision", "int8"));
    EXPECT_EQ(options.precision, Precision::kInt8);
    EXPECT_FALSE(set_field(options, "precision", "int9"));
}

TEST(Engine, ComputesInFp32WhenFp32IsAsked) {
    auto engine = engine_of("precision", batch_of(1));
    EXPECT_THAT(engine->description(), HasSubstr("fp32"));
    auto& openvino = dynamic_cast<OpenvinoEngine&>(*engine);
    for (const auto& node : openvino.compiled().get_runtime_model()->get_ops()) {
        auto precision = node->get_rt_info().find("runtimePrecision");
        if (precision == node->get_rt_info().end()) continue;
        EXPECT_THAT(precision->second.as<std::string>(), Not(HasSubstr("bf16")))
            << node->get_friendly_name();
        EXPECT_THAT(precision->second.as<std::string>(), Not(HasSubstr("f16")))
            << node->get_friendly_name();
    }
}

TEST(Engine, SaysInWhichPrecisionTheDeviceComputesByItself) {
    auto engine = engine_of("precision");
    EXPECT_THAT(engine->description(), testing::ContainsRegex("CPU, (fp32|bf16|fp16)"));
}

TEST(Engine, KeepsMoreThanOneRequestInFlight) {
    EXPECT_GE(engine_of("identity")->request_count(), 2);
    EngineOptions options = on_cpu();
    options.num_requests = 1;
    EXPECT_EQ(engine_of("identity", options)->request_count(), 1);
}

}  // namespace
}  // namespace sluice::infer
