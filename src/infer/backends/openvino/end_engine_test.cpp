#include "sluice/infer/backends/openvino/end_engine.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/suppressing_models.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

constexpr int kBatch = 3;

using Items = std::vector<std::vector<std::vector<float>>>;  ///< [output][item]

EngineOptions in_fp32() {
    EngineOptions options;
    options.precision = Precision::kFp32;
    options.batch_size = kBatch;
    options.device = "cpu";
    return options;
}

Items answers(Engine& engine, Request& request, int count, unsigned seed) {
    for (int item = 0; item < count; ++item) {
        const std::span<std::byte> bytes = request.item(0, item);
        const auto pixels =
            cuda::random_numbers(bytes.size(), seed + static_cast<unsigned>(item), 0, 255);
        std::transform(pixels.begin(), pixels.end(), bytes.begin(), [](float pixel) {
            return static_cast<std::byte>(pixel);
        });
    }
    request.set_count(count);
    EXPECT_TRUE(engine.submit(request));
    EXPECT_FALSE(engine.submit(request)) << "it runs already";
    EXPECT_TRUE(engine.wait(request));
    EXPECT_TRUE(engine.wait(request)) << "nothing runs";
    Items all;
    for (const memory::TensorView& view : request.outputs()) {
        EXPECT_EQ(view.shape[0], count);
        const auto numbers = view.floats();
        const auto length = static_cast<std::ptrdiff_t>(numbers.size()) / count;
        auto& items = all.emplace_back();
        for (int item = 0; item < count; ++item)
            items.emplace_back(numbers.begin() + item * length,
                               numbers.begin() + (item + 1) * length);
    }
    return all;
}

void expect_alike(const Items& got, const Items& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t output = 0; output < got.size(); ++output) {
        for (std::size_t item = 0; item < got[output].size(); ++item) {
            EXPECT_THAT(got[output][item],
                        testing::Pointwise(testing::FloatNear(1e-4f), wanted[output][item]))
                << "output " << output << " of item " << item;
        }
    }
}

std::unique_ptr<Engine> on_the_cpu(const std::shared_ptr<ov::Model>& model) {
    auto engine = compile_model("whole", model, in_fp32(), {});
    EXPECT_TRUE(engine) << engine.error().text();
    return engine ? std::move(*engine) : nullptr;
}

/// The CPU in the place of the device, all of the batch at once as a device computes it.
std::unique_ptr<Engine> in_two_parts(const std::shared_ptr<ov::Model>& model) {
    auto parts = split_model(*model, {});
    EXPECT_TRUE(parts && *parts);
    EngineOptions options = in_fp32();
    options.device_batch = kBatch;
    auto body = compile_model("body", (*parts)->body, options, {});
    EXPECT_TRUE(body) << body.error().text();
    EXPECT_THAT((*body)->description(), HasSubstr("batch 3 as 1 x 3"));
    return EndEngine::create("parts", std::move(*body), **parts).value();
}

/// None, having said why, where there is no device.
std::unique_ptr<Engine> on_a_gpu(const std::shared_ptr<ov::Model>& model) {
    auto engine = cuda::compile("gpu", *model, in_fp32(), {}, 0);
    EXPECT_TRUE(engine) << engine.error().text();
    return engine ? std::move(*engine) : nullptr;
}

struct Case {
    std::string name;
    std::shared_ptr<ov::Model> (*model)();
    std::unique_ptr<Engine> (*make)(const std::shared_ptr<ov::Model>& model);
    bool device;
};

class EndEngines : public testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        if (!GetParam().device) return;
        const auto present = cuda::check_present(0);
        if (!present) GTEST_SKIP() << present.error().text();
    }
};

TEST_P(EndEngines, GiveWhatTheWholeModelDoes) {
    const auto model = GetParam().model();
    const auto whole = on_the_cpu(model);
    const auto parts = GetParam().make(model);
    ASSERT_TRUE(whole && parts);
    EXPECT_THAT(parts->description(), HasSubstr("the end ("));
    ASSERT_EQ(parts->outputs().size(), whole->outputs().size());
    for (std::size_t i = 0; i < whole->outputs().size(); ++i) {
        EXPECT_EQ(parts->outputs()[i].name, whole->outputs()[i].name);
        EXPECT_EQ(parts->outputs()[i].shape, whole->outputs()[i].shape);
        EXPECT_EQ(parts->outputs()[i].type, whole->outputs()[i].type);
    }
    const auto reference = whole->create_request().value();
    const auto request = parts->create_request().value();
    for (int count : {kBatch, 1, 2}) {
        const auto seed = static_cast<unsigned>(10 * count);
        const Items wanted = answers(*whole, *reference, count, seed);
        expect_alike(answers(*parts, *request, count, seed), wanted);
        ASSERT_FALSE(wanted.empty());
        EXPECT_TRUE(std::any_of(wanted[0][0].begin(), wanted[0][0].end(), [](float number) {
            return number > 0.3f;
        })) << "it has to find something";
    }
}

INSTANTIATE_TEST_SUITE_P(Both,
                         EndEngines,
                         testing::Values(Case{"SsdOnTheHost", ssd_model, in_two_parts, false},
                                         Case{"NmsOnTheHost", nms_model, in_two_parts, false},
                                         Case{"SsdOnAGpu", ssd_model, on_a_gpu, true},
                                         Case{"NmsOnAGpu", nms_model, on_a_gpu, true}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace sluice::infer
