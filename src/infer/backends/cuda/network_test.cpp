#include "sluice/infer/backends/cuda/network.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/cuda/own_conv.h"
#include "sluice/infer/backends/cuda/reference.h"
#include "sluice/infer/backends/cuda/step_problem.h"
#include "sluice/infer/backends/cuda/test_graphs.h"
#include "sluice/infer/backends/openvino/test_models.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using memory::cuda::Stream;
using Numbers = std::vector<float>;

struct Arithmetic {
    ElementType type;
    bool tf32 = false;
    bool int8 = false;
    bool own = true;
};
constexpr Arithmetic kFp32{ElementType::kF32};
constexpr Arithmetic kTf32{ElementType::kF32, true};
constexpr Arithmetic kFp16{ElementType::kF16};
constexpr Arithmetic kInt8{ElementType::kF16, false, true};
constexpr Arithmetic kCudnnInt8{ElementType::kF16, false, true, false};

template <class Param>
class NetworkOnDevice : public OnDevice<testing::TestWithParam<Param>> {
protected:
    static void expect_right(const ov::Model& model,
                             Arithmetic arithmetic,
                             double tolerance,
                             float low = -1,
                             float high = 1,
                             OwnKernels own_kernels = OwnKernels::kIfFaster) {
        Graph graph = import_model(model).value();
        const auto inputs = random_inputs(graph, 11, low, high);
        const auto wanted = run_reference(graph, inputs);
        fuse(graph);
        Network::Options options{0, arithmetic.tf32, {}, own_kernels};
        options.plans.own = arithmetic.own;
        auto network =
            Network::create(lower(std::move(graph), arithmetic.type, arithmetic.int8), options);
        ASSERT_TRUE(network) << network.error().text();
        const auto got = run(**network, inputs);
        ASSERT_EQ(got.size(), wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i)
            EXPECT_LT(error_of(got[i], wanted[i]), tolerance) << "output " << i;
    }

private:
    /// As fp32 or, where that is all there is room for, as bytes.
    static void fill(const memory::cuda::Buffer& to, const Numbers& numbers) {
        const void* from = numbers.data();
        std::vector<std::uint8_t> bytes;
        if (to.bytes() == numbers.size()) {
            bytes.assign(numbers.begin(), numbers.end());
            from = bytes.data();
        }
        EXPECT_TRUE(upload(from, to, "uploading an input"));
    }
    /// Twice: what the first run leaves behind must not matter.
    static std::vector<Numbers> run(const Network& network, const std::vector<Numbers>& inputs) {
        NetworkMemory memory = network.allocate().value();
        Stream stream = Stream::create().value();
        auto graph = captured(stream, [&] { return network.enqueue(memory, stream); });
        EXPECT_TRUE(graph) << graph.error().text();
        cudaMemset(memory.arena.data(), 0xff, memory.arena.bytes());
        for (std::size_t i = 0; i < inputs.size(); ++i)
            fill(memory.inputs[i], inputs[i]);
        std::vector<Numbers> outputs;
        for (int round = 0; round < 2; ++round) {
            outputs.clear();
            for (const auto& output : memory.outputs)
                cudaMemset(output.data(), 0xff, output.bytes());
            cudaDeviceSynchronize();  // the stream does not wait for what is set outside of it
            EXPECT_TRUE(launch(*graph, stream));
            EXPECT_TRUE(stream.wait());
            for (const auto& output : memory.outputs) {
                outputs.emplace_back(output.bytes() / sizeof(float));
                cudaMemcpy(
                    outputs.back().data(), output.data(), output.bytes(), cudaMemcpyDeviceToHost);
            }
        }
        return outputs;
    }
};

class CudaGraph : public NetworkOnDevice<TestGraph> {};

TEST_P(CudaGraph, ComputesInFp32WhatTheReferenceComputes) {
    expect_right(*GetParam().make(), kFp32, 1e-5);
}

TEST_P(CudaGraph, ComputesInTf32NearTheReference) {
    expect_right(*GetParam().make(), kTf32, 2e-3);
}

TEST_P(CudaGraph, ComputesInFp16NearTheReference) {
    // A comparison, or a rounding, whose edge fp16 rounds a number onto gives another answer.
    const double tolerance = std::string(GetParam().name) == "choices" ? 0.1 : 5e-3;
    expect_right(*GetParam().make(), kFp16, tolerance);
}

INSTANTIATE_TEST_SUITE_P(All, CudaGraph, testing::ValuesIn(test_graphs()), [](const auto& test) {
    return test.param.name;
});

/// In fp16 or not.
class RandomGraphsOnDevice : public NetworkOnDevice<bool> {};

TEST_P(RandomGraphsOnDevice, ComputeWhatTheReferenceComputes) {
    const bool fp16 = GetParam();
    for (const TestGraph& graph : random_graphs(!fp16)) {
        SCOPED_TRACE(graph.name);
        expect_right(*graph.make(), fp16 ? kFp16 : kFp32, fp16 ? 1e-2 : 1e-4);
    }
}

INSTANTIATE_TEST_SUITE_P(All, RandomGraphsOnDevice, testing::Bool(), [](const auto& test) {
    return test.param ? "Fp16" : "Fp32";
});

class CudaInt8 : public NetworkOnDevice<TestGraph> {};

// Of numbers on an edge some fall to the other side, and others after them.
TEST_P(CudaInt8, ComputesNearTheReference) {
    expect_right(*GetParam().make(), kInt8, 5e-2);
}

TEST_P(CudaInt8, ComputesNearTheReferenceByCudnnAlone) {
    expect_right(*GetParam().make(), kCudnnInt8, 5e-2);
}

TEST_P(CudaInt8, ComputesNearTheReferenceByOurOwnKernels) {
    expect_right(*GetParam().make(), kInt8, 5e-2, -1, 1, OwnKernels::kAlways);
}

TEST_P(CudaInt8, ComputesInFp16NearTheReference) {
    expect_right(*GetParam().make(), kFp16, 0.1);
}

INSTANTIATE_TEST_SUITE_P(All, CudaInt8, testing::ValuesIn(int8_graphs()), [](const auto& test) {
    return test.param.name;
});

Program lowered_shortcuts() {
    for (const TestGraph& test : int8_graphs()) {
        if (test.name != "shortcuts") continue;
        Graph graph = import_model(*test.make()).value();
        fuse(graph);
        return lower(std::move(graph), ElementType::kF16, true);
    }
    return {};
}

class CudaPairs : public OnDevice<> {};

TEST_F(CudaPairs, AreOneStepOnHopper) {
    auto network = Network::create(lowered_shortcuts(), {0, false, {}, OwnKernels::kAlways});
    ASSERT_TRUE(network) << network.error().text();
    int pairs = 0;
    for (std::size_t i = 0; i < (*network)->program().steps.size(); ++i) {
        const LayerTime layer = (*network)->describe(i);
        if (layer.name.find(" + ") == std::string::npos) continue;
        ++pairs;
        EXPECT_TRUE(layer.plan.starts_with(kOwnPlan)) << layer.plan;
    }
    EXPECT_EQ(pairs, is_hopper() ? 4 : 0);
    EXPECT_EQ((*network)->int8_share().of, 17);
}

TEST(Pairs, AreForOurOwnKernelsOnHopperAlone) {
    const Program program = lowered_shortcuts();
    auto problem = [&](std::size_t step) {
        return problem_of(program, program.steps[step], false, true).problem;
    };
    std::set<std::string> keys;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const auto pair = pair_of(program, i);
        if (!pair) continue;
        const ConvProblem both =
            pair_problem(problem(pair->first()), problem(pair->second()), problem(pair->joining));
        keys.insert(both.key());
        EXPECT_FALSE(own_convs(both, true).empty()) << both.key();
        EXPECT_TRUE(own_convs(both, false).empty()) << both.key();
        // Kept plans of problems without a second convolution stay known.
        ConvProblem alone = both;
        alone.second = {};
        EXPECT_TRUE(both.key().starts_with(alone.key() + " and "));
    }
    EXPECT_EQ(keys.size(), 4);
}

/// Pixels less a mean, divided, and a first layer.
std::function<ov::OutputVector(const Port&)> first_layer(std::size_t outputs,
                                                         std::size_t kernel,
                                                         std::ptrdiff_t pad,
                                                         Port (*activation)(const Port&),
                                                         float span = 1) {
    return [=](const Port& x) -> ov::OutputVector {
        const ov::Shape channels{1, 3, 1, 1};
        Port y =
            make<ov::op::v1::Subtract>(x, random_constant(channels, 1, 0.2f * span, 0.5f * span));
        y = make<ov::op::v1::Divide>(y, random_constant(channels, 2, 0.3f * span, 0.6f * span));
        return {activation(convolve(y, outputs, kernel, 2, pad))};
    };
}

Port relu(const Port& x) {
    return make<ov::op::v0::Relu>(x);
}
Port clamp(const Port& x) {
    return make<ov::op::v0::Clamp>(x, 0.0, 0.6);
}
Port same(const Port& x) {
    return x;
}

/// First layers of each shape that the kernel for them takes.
std::vector<TestGraph> stems() {
    return {graph_of("k7_64_relu", {2, 3, 74, 138}, first_layer(64, 7, 3, relu)),
            graph_of("k6_32_swish", {3, 3, 64, 128}, first_layer(32, 6, 2, swish)),
            graph_of("k6_48_swish", {2, 3, 36, 60}, first_layer(48, 6, 2, swish)),
            graph_of("k3_16_clamp", {2, 3, 34, 66}, first_layer(16, 3, 1, clamp)),
            graph_of("k3_20", {1, 3, 16, 12}, first_layer(20, 3, 0, same))};
}

class CudaStem : public NetworkOnDevice<TestGraph> {};

TEST_P(CudaStem, ComputesNearTheReferenceByItsOwnKernel) {
    expect_right(*GetParam().make(), kFp16, 2e-3, -1, 1, OwnKernels::kAlways);
}

TEST_P(CudaStem, ComputesNearTheReferenceByCudnn) {
    expect_right(*GetParam().make(), kFp16, 2e-3, -1, 1, OwnKernels::kNever);
}

INSTANTIATE_TEST_SUITE_P(All, CudaStem, testing::ValuesIn(stems()), [](const auto& test) {
    return test.param.name;
});

/// The same of pixels of 8 bits, as the pre-processing writes them.
std::vector<TestGraph> pixel_stems() {
    return {graph_of_pixels("k7_64_relu", {2, 3, 74, 136}, first_layer(64, 7, 3, relu, 255)),
            graph_of_pixels("k6_32_swish", {3, 3, 64, 128}, first_layer(32, 6, 2, swish, 255)),
            graph_of_pixels("k6_48_swish", {2, 3, 36, 60}, first_layer(48, 6, 2, swish, 255)),
            graph_of_pixels("k3_20", {1, 3, 16, 14}, first_layer(20, 3, 0, same, 255))};
}

class CudaStemOfPixels : public NetworkOnDevice<TestGraph> {};

TEST_P(CudaStemOfPixels, ComputesNearTheReferenceByItsOwnKernel) {
    expect_right(*GetParam().make(), kFp16, 2e-3, 0, 255, OwnKernels::kAlways);
}

INSTANTIATE_TEST_SUITE_P(All,
                         CudaStemOfPixels,
                         testing::ValuesIn(pixel_stems()),
                         [](const auto& test) { return test.param.name; });

/// Boxes and scores side by side: two convolutions, each after one of its own where `apart`.
Port boxes_and_scores(const Port& x, std::size_t scores, bool activates, bool apart) {
    const auto channels = x.get_shape()[1];
    const Port of_boxes = apart ? relu(convolve(x, channels, 3, 1, 1, 2)) : x;
    const Port boxes = convolve(of_boxes, 4, 1, 1, 0);
    const Port of_scores = apart ? relu(convolve(x, channels, 3, 1, 1, 3)) : x;
    Port score = convolve(of_scores, scores, 1, 1, 0);
    if (activates) score = make<ov::op::v0::Sigmoid>(score);
    const auto count = static_cast<std::int64_t>(4 + scores);
    return reshape(join({boxes, score}, 1), {2, count, -1});
}

/// Heads whose places are rows of one output.
std::vector<TestGraph> last_layers() {
    auto rows = [](std::size_t scores, bool activates, bool apart) {
        return [=](const Port& x) -> ov::OutputVector {
            return {transpose(boxes_and_scores(x, scores, activates, apart), {0, 2, 1})};
        };
    };
    auto two_levels = [](const Port& x) -> ov::OutputVector {
        const Port small = boxes_and_scores(max_pool(x, 2, 2, 0), 12, true, true);
        return {transpose(join({boxes_and_scores(x, 12, true, true), small}, 2), {0, 2, 1})};
    };
    return {graph_of("rows_of_85", {2, 64, 20, 12}, rows(81, true, false)),
            graph_of("rows_of_5", {2, 32, 7, 5}, rows(1, true, true)),
            graph_of("rows_of_24", {2, 96, 9, 3}, rows(20, false, true)),
            graph_of("two_levels", {2, 32, 8, 8}, two_levels),
            graph_of("few_channels", {2, 24, 6, 6}, rows(1, true, false))};
}

Program lowered(const TestGraph& made) {
    Graph graph = import_model(*made.make()).value();
    fuse(graph);
    return lower(std::move(graph), ElementType::kF16);
}

TEST(HeadMatch, FindsAllThatAnOutputsRowsAreMadeOf) {
    for (const TestGraph& made : last_layers()) {
        SCOPED_TRACE(made.name);
        Program program = lowered(made);
        gather_heads(program);
        int found = 0;
        for (std::size_t i = 0; i < program.steps.size(); ++i) {
            const auto head = head_of(program, i);
            if (!head || head->conv.parts != 2) continue;
            ++found;
            EXPECT_EQ(head->conv.y_place, program.graph.value(program.graph.outputs[0]).shape[2]);
            EXPECT_EQ(head->conv.outputs(), head->conv.y_place);
            EXPECT_EQ(head->conv.part[0].outputs, 4);
            for (std::size_t p = 0; p < 2; ++p) {
                const View& copied = program.steps[head->copies[p]].output;
                EXPECT_EQ(head->conv.part[p].outputs, copied.extents[1]);
                EXPECT_EQ(head->conv.places, copied.extents[2] * copied.extents[3]);
                EXPECT_EQ(program.steps[head->copies[p]].inputs[0],
                          program.steps[head->convs[p]].output);
            }
        }
        EXPECT_EQ(found, made.name == "few_channels" ? 0 : made.name == "two_levels" ? 2 : 1);
    }
}

TEST(HeadMatch, GathersWithoutReadingWhatIsNotMadeYet) {
    for (const TestGraph& made : last_layers()) {
        SCOPED_TRACE(made.name);
        Program program = lowered(made);
        const std::size_t count = program.steps.size();
        gather_heads(program);
        EXPECT_EQ(program.steps.size(), count);
        std::set<int> is_made;
        for (const Step& step : program.steps) {
            for (const View& view : step.inputs) {
                const auto place = program.storage(view).place;
                EXPECT_TRUE(is_made.contains(view.storage) || place == Storage::Place::kInput ||
                            place == Storage::Place::kConstant)
                    << program.node(step).name;
            }
            is_made.insert(step.output.storage);
        }
    }
}

TEST(HeadMatch, FindsThoseOfARealModel) {
    const auto model = prepared_real_model("yolox_nano/yolox_nano");
    if (model == nullptr) GTEST_SKIP() << "yolox_nano is not in SLUICE_TEST_DATA";
    Graph graph = import_model(*model).value();
    fuse(graph);
    Program program = lower(std::move(graph), ElementType::kF16);
    gather_heads(program);
    std::vector<int> rows;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const auto head = head_of(program, i);
        if (head && head->conv.parts == 3) rows.push_back(head->conv.places);
    }
    EXPECT_EQ(rows, (std::vector<int>{52 * 52, 26 * 26, 13 * 13}));
}

class CudaHead : public NetworkOnDevice<TestGraph> {};

TEST_P(CudaHead, ComputesNearTheReferenceByItsOwnKernel) {
    expect_right(*GetParam().make(), kFp16, 2e-3, -1, 1, OwnKernels::kAlways);
}

TEST_P(CudaHead, ComputesNearTheReferenceByCudnn) {
    expect_right(*GetParam().make(), kFp16, 2e-3, -1, 1, OwnKernels::kNever);
}

INSTANTIATE_TEST_SUITE_P(All, CudaHead, testing::ValuesIn(last_layers()), [](const auto& test) {
    return test.param.name;
});

class CudaModel : public NetworkOnDevice<std::string> {
protected:
    void expect_model_right(Arithmetic arithmetic, double tolerance) {
        const auto model = prepared_real_model(GetParam());
        if (model == nullptr) GTEST_SKIP() << GetParam() << " is not in SLUICE_TEST_DATA";
        // YOLOX takes pixels as they are; near zero its activations are all alike, and differences
        // between them are what fp16 has no room for.
        const bool takes_pixels = GetParam().starts_with("yolox");
        expect_right(*model,
                     arithmetic,
                     tolerance,
                     takes_pixels ? 0.0f : -1.0f,
                     takes_pixels ? 255.0f : 1.0f);
    }
};

TEST_P(CudaModel, ComputesInFp32WhatTheReferenceComputes) {
    expect_model_right(kFp32, 1e-4);
}

TEST_P(CudaModel, ComputesInFp16NearTheReference) {
    expect_model_right(kFp16, 2e-2);
}

INSTANTIATE_TEST_SUITE_P(All, CudaModel, testing::ValuesIn(real_models()), [](const auto& test) {
    return test.param.substr(0, test.param.find('/'));
});

}  // namespace
}  // namespace sluice::infer::cuda
