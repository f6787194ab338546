#include "sluice/infer/backends/cuda/lower.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/conv_pair.h"
#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/cuda/reference.h"
#include "sluice/infer/backends/cuda/test_graphs.h"
#include "sluice/infer/backends/openvino/quantize.h"
#include "sluice/infer/backends/openvino/test_models.h"
#include "sluice/infer/calibration/ranges.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using Numbers = std::vector<float>;

/// Runs a program's steps by the reference, reading and writing through views in one arena that is
/// full of NaN at first: a place that nobody wrote, or that two share, is seen.
class ProgramRunner {
public:
    explicit ProgramRunner(const Program& program) : program_(program) {
        std::vector<Block> blocks = arena_blocks(program);
        for (Block& block : blocks)
            block.bytes *= sizeof(float);  // enough for all types: floats stand for each here
        const ArenaPlan plan = plan_arena(blocks);
        arena_.assign(plan.bytes / sizeof(float), std::numeric_limits<float>::quiet_NaN());
        std::size_t next = 0;
        for (const Storage& storage : program.storages) {
            if (storage.place == Storage::Place::kArena) {
                begins_.push_back(plan.offsets[next++] / sizeof(float));
                continue;
            }
            begins_.push_back(arena_.size());
            arena_.resize(arena_.size() + static_cast<std::size_t>(storage.elements), 0.0f);
            if (storage.place != Storage::Place::kConstant) continue;
            std::ranges::copy(*program.graph.value(storage.value).data,
                              arena_.begin() + static_cast<std::ptrdiff_t>(begins_.back()));
        }
    }

    std::vector<Numbers> run(const std::vector<Numbers>& inputs) {
        std::vector<Numbers> outputs;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            std::ranges::copy(inputs[i], &arena_[begin_of(program_.graph.inputs[i])]);
        for (const Step& step : program_.steps)
            run_step(step);
        for (ValueId output : program_.graph.outputs) {
            const std::size_t begin = begin_of(output, Storage::Place::kOutput);
            const auto count = memory::element_count(program_.graph.value(output).shape);
            outputs.emplace_back(&arena_[begin], &arena_[begin] + count);
        }
        return outputs;
    }

private:
    std::size_t begin_of(ValueId value, Storage::Place place = Storage::Place::kInput) const {
        for (std::size_t i = 0; i < begins_.size(); ++i) {
            if (program_.storages[i].value == value && program_.storages[i].place == place)
                return begins_[i];
        }
        return 0;
    }

    /// Each element of a view, in row-major order.
    template <class Body>
    void visit(const View& view, Body&& body) {
        std::vector<std::int64_t> place(view.extents.size(), 0);
        for (std::int64_t i = 0; i < memory::element_count(view.extents); ++i) {
            std::int64_t index = view.offset;
            for (std::size_t d = 0; d < place.size(); ++d)
                index += place[d] * view.strides[d];
            body(arena_[begins_[static_cast<std::size_t>(view.storage)] +
                        static_cast<std::size_t>(index)]);
            for (std::size_t d = place.size(); d-- > 0;) {
                if (++place[d] < view.extents[d]) break;
                place[d] = 0;
            }
        }
    }

    void run_step(const Step& step) {
        Graph one;
        std::vector<Numbers> inputs;
        Node node = program_.node(step);
        node.inputs.clear();
        for (const View& view : step.inputs) {
            node.inputs.push_back(one.add({"", view.extents}));
            inputs.emplace_back();
            visit(view, [&](float value) { inputs.back().push_back(value); });
        }
        node.output = one.add({"", step.output.extents});
        one.inputs = node.inputs;
        one.outputs = {node.output};
        one.nodes = {node};
        std::size_t next = 0;
        const Numbers result = run_reference(one, inputs)[0];
        const Storage& storage = program_.storage(step.output);
        const Grid grid = storage.grid;
        visit(step.output, [&](float& value) {
            value = result[next++];
            if (storage.type != ElementType::kI8) return;
            const float q = value / grid.step + grid.zero;
            EXPECT_LT(std::fabs(q - std::nearbyint(q)), 1e-2f) << node.name;
            EXPECT_TRUE(q > -128.5f && q < 127.5f) << node.name << " has " << value;
        });
    }

    const Program& program_;
    std::vector<std::size_t> begins_;
    Numbers arena_;
};

Program lowered(const TestGraph& test, bool int8 = false) {
    Graph graph = import_model(*test.make()).value();
    fuse(graph);
    return lower(std::move(graph), ElementType::kF16, int8);
}

void expect_same(const std::vector<Numbers>& results, const std::vector<Numbers>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t j = 0; j < expected[i].size(); ++j)
            ASSERT_NEAR(results[i][j], expected[i][j], 1e-3f) << "output " << i << " at " << j;
    }
}

class LoweredGraph : public testing::TestWithParam<TestGraph> {};

TEST_P(LoweredGraph, ComputesWhatTheGraphComputes) {
    const Graph graph = import_model(*GetParam().make()).value();
    const auto inputs = random_inputs(graph, 7);
    const Program program = lowered(GetParam());
    expect_same(ProgramRunner(program).run(inputs), run_reference(graph, inputs));
}

INSTANTIATE_TEST_SUITE_P(All, LoweredGraph, testing::ValuesIn(test_graphs()), [](const auto& test) {
    return test.param.name;
});

INSTANTIATE_TEST_SUITE_P(Random,
                         LoweredGraph,
                         testing::ValuesIn(random_graphs()),
                         [](const auto& test) { return test.param.name; });

/// Of convolutions: what they read and write, "8-8", "8-16", ...
std::vector<std::string> conv_types(const Program& program) {
    std::vector<std::string> types;
    auto bits = [&](const View& view) {
        return 8 * memory::element_size(program.storage(view).type);
    };
    for (const Step& step : program.steps) {
        if (program.node(step).is<Conv>())
            types.push_back(fmt::format("{}-{}", bits(step.inputs[0]), bits(step.output)));
    }
    return types;
}

class LoweredModel : public testing::TestWithParam<std::string> {};

TEST_P(LoweredModel, ComputesWhatTheGraphComputes) {
    const auto model = prepared_real_model(GetParam());
    if (model == nullptr) GTEST_SKIP() << GetParam() << " is not in SLUICE_TEST_DATA";
    Graph graph = import_model(*model).value();
    const auto inputs = random_inputs(graph, 7);
    const auto expected = run_reference(graph, inputs);
    fuse(graph);
    const Program program = lower(std::move(graph), ElementType::kF16);
    expect_same(ProgramRunner(program).run(inputs), expected);
}

TEST_P(LoweredModel, ComputesInInt8WhatTheGraphComputes) {
    const auto model = prepared_real_model(GetParam());
    if (model == nullptr) GTEST_SKIP() << GetParam() << " is not in SLUICE_TEST_DATA";
    Calibration calibration;
    for (const QuantizableLayer& layer : quantizable_layers(*model)) {
        const Steps steps = layer.padded ? Steps::kSymmetric : Steps::kAsymmetric;
        if (!layer.depthwise && !layer.last)
            calibration.tensors.push_back(with_zero({layer.input, -0.28f, 4.0f}, steps));
    }
    ASSERT_GT(quantize(*model, calibration).value(), 0);
    Graph graph = import_model(*model).value();
    const auto inputs = random_inputs(graph, 7);
    fuse(graph);
    const auto expected = run_reference(graph, inputs);
    const Program program = lower(std::move(graph), ElementType::kF16, true);
    EXPECT_GT(std::ranges::count(conv_types(program), "8-8"), 0);
    const auto results = ProgramRunner(program).run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_LT(error_of(results[i], expected[i]), 1e-4) << "output " << i;
}

INSTANTIATE_TEST_SUITE_P(All, LoweredModel, testing::ValuesIn(real_models()), [](const auto& test) {
    return test.param.substr(0, test.param.find('/'));
});

class LoweredInt8 : public testing::TestWithParam<TestGraph> {};

TEST_P(LoweredInt8, ComputesWhatTheGraphComputes) {
    Graph graph = import_model(*GetParam().make()).value();
    const auto inputs = random_inputs(graph, 7);
    fuse(graph);
    const auto expected = run_reference(graph, inputs);
    const Program program = lower(std::move(graph), ElementType::kF16, true);
    const auto results = ProgramRunner(program).run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_LT(error_of(results[i], expected[i]), 1e-5) << "output " << i;
}

INSTANTIATE_TEST_SUITE_P(All, LoweredInt8, testing::ValuesIn(int8_graphs()), [](const auto& test) {
    return test.param.name;
});

int copies(const Program& program) {
    return static_cast<int>(std::ranges::count_if(program.steps, [&](const Step& step) {
        return program.node(step).is<Pointwise>() && program.node(step).steps.empty();
    }));
}

Program lowered(const std::string& name) {
    for (const TestGraph& graph : test_graphs()) {
        if (graph.name == name) return lowered(graph);
    }
    return {};
}

int convolutions(const Program& program) {
    return static_cast<int>(std::ranges::count_if(
        program.steps, [&](const Step& step) { return program.node(step).is<Conv>(); }));
}

TEST(Lower, JoinsWithoutACopy) {
    // The input and the outputs (one of them of two parts) change type. What else is copied is one
    // join that is a part of others: it ends with a merged convolution, which lies elsewhere.
    EXPECT_EQ(copies(lowered("stages")), 5);
}

TEST(Lower, MergesSiblingsWithoutACopy) {
    // The input and the two outputs change type.
    EXPECT_EQ(copies(lowered("siblings")), 3);
    EXPECT_EQ(convolutions(lowered("siblings")), 6);  // of 8
}

TEST(Lower, MakesLargePoolsOfSmallOnes) {
    const Program program = lowered("pyramid");
    std::vector<int> kernels;
    for (const Step& step : program.steps) {
        if (const auto* pool = std::get_if<Pool>(&program.node(step).op))
            kernels.push_back(pool->window.kernel[0]);
    }
    EXPECT_THAT(kernels, testing::ElementsAre(3, 3, 5, 5));
}

TEST(Lower, WritesAHeadStraightIntoTheOutput) {
    // The input's change of type, then each branch of each level once.
    EXPECT_EQ(copies(lowered("head")), 1 + 6);
}

Program lowered_int8(const std::string& name) {
    for (const TestGraph& test : int8_graphs()) {
        if (test.name == name) return lowered(test, true);
    }
    return {};
}

TEST(LowerInt8, KeepsBlocksInEightBits) {
    const Program residual = lowered_int8("residual");
    // The branch that is only summed is fp16, and so is the last one.
    EXPECT_EQ(std::ranges::count(conv_types(residual), "8-8"), 6);
    EXPECT_EQ(std::ranges::count(conv_types(residual), "8-16"), 2);
    EXPECT_EQ(copies(residual), 1);  // the output, which is fp32
    const Program cross = lowered_int8("cross");
    const auto types = conv_types(cross);
    EXPECT_EQ(std::ranges::count(types, "8-8"), 8);
    EXPECT_EQ(std::ranges::count(types, "8-16"), 1);
    EXPECT_EQ(std::ranges::count(types, "16-16"), 1);  // the last one, in float
    EXPECT_EQ(copies(cross), 1);                       // the output
}

TEST(LowerInt8, ComputesInFp16WhatItCannotInEightBits) {
    // Zeros around a tensor whose zero has another number.
    const auto types = conv_types(lowered_int8("odd"));
    EXPECT_THAT(types, testing::ElementsAre("8-8", "8-8", "8-16", "16-16", "8-16"));
    // First layers, from pixels.
    EXPECT_THAT(conv_types(lowered_int8("first")), testing::ElementsAre("16-8", "8-16"));
}

/// Joins every pair; returns them as they were.
std::vector<ConvPair> join_pairs(Program& program) {
    std::vector<ConvPair> pairs;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const auto pair = pair_of(program, i);
        if (!pair) continue;
        pairs.push_back(*pair);
        join(program, *pair);
        --i;
    }
    return pairs;
}

TEST_P(LoweredInt8, ComputesTheSameInPairs) {
    Graph graph = import_model(*GetParam().make()).value();
    const auto inputs = random_inputs(graph, 7);
    fuse(graph);
    const auto expected = run_reference(graph, inputs);
    Program program = lower(std::move(graph), ElementType::kF16, true);
    const auto pairs = join_pairs(program);
    EXPECT_EQ(pairs.size(), GetParam().name == "shortcuts" ? 4 : GetParam().name == "residual");
    const auto results = ProgramRunner(program).run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_LT(error_of(results[i], expected[i]), 1e-5) << "output " << i;
}

TEST(LowerInt8, JoinsShortcutsOfEitherOrder) {
    Program program = lowered_int8("shortcuts");
    const std::size_t steps = program.steps.size();
    const std::size_t bytes = plan_arena(arena_blocks(program)).bytes;
    const auto pairs = join_pairs(program);
    std::vector<bool> swapped;
    for (const ConvPair& pair : pairs)
        swapped.push_back(pair.swapped);
    EXPECT_THAT(swapped, testing::ElementsAre(false, false, true, false));
    EXPECT_EQ(program.steps.size(), steps - 4);
    EXPECT_LT(plan_arena(arena_blocks(program)).bytes, bytes);
    std::vector<std::string> strides;
    for (const Step& step : program.steps) {
        const auto* conv = std::get_if<Conv>(&program.node(step).op);
        if (conv == nullptr || !conv->second) continue;
        strides.push_back(
            fmt::format("{}{}", conv->window.stride[0], conv->second->window.stride[0]));
        EXPECT_THAT(program.node(step).name, testing::HasSubstr(" + "));
    }
    EXPECT_THAT(strides, testing::ElementsAre("11", "12", "12", "12"));
    EXPECT_EQ(std::ranges::count(conv_types(program), "8-8"), 12);
    EXPECT_EQ(std::ranges::count(conv_types(program), "8-16"), 1);  // the last one
}

TEST(LowerInt8, LeavesOtherSumsApart) {
    for (const TestGraph& test : unpaired_graphs()) {
        SCOPED_TRACE(test.name);
        Program program = lowered(test, true);
        EXPECT_THAT(conv_types(program), testing::Contains(testing::StartsWith("8-")));
        EXPECT_TRUE(join_pairs(program).empty());
    }
    for (const TestGraph& test : int8_graphs()) {
        Program program = lowered(test);
        EXPECT_TRUE(join_pairs(program).empty()) << test.name;
    }
}

TEST(LowerInt8, StaysInFloatUnlessAsked) {
    Graph graph = import_model(*int8_graphs()[0].make()).value();
    fuse(graph);
    const auto types = conv_types(lower(std::move(graph), ElementType::kF32));
    EXPECT_EQ(std::ranges::count(types, "32-32"), 8);
}

TEST(Lower, StoresImagesPixelByPixelInUnitsOfEightChannels) {
    const Program program = lowered("conv_odd_channels");
    const View& view = program.steps[1].output;
    EXPECT_THAT(view.extents, testing::ElementsAre(2, 5, 3, 4));
    EXPECT_THAT(view.strides, testing::ElementsAre(96, 1, 32, 8));
}

}  // namespace
}  // namespace sluice::infer::cuda
