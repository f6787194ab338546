#include "sluice/infer/backends/cuda/import.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openvino/opsets/opset.hpp>
#include <openvino/pass/constant_folding.hpp>
#include <openvino/pass/manager.hpp>

#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import_detail.h"
#include "sluice/infer/backends/cuda/reference.h"
#include "sluice/infer/backends/cuda/test_graphs.h"
#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/test_models.h"

namespace sluice::infer::cuda {
namespace {

using Outputs = std::vector<std::vector<float>>;

/// In fp32, numbers that are rounded to 8 bits too.
Outputs run_openvino(const std::shared_ptr<ov::Model>& model, const Outputs& inputs) {
    auto compiled = openvino_core().compile_model(
        model,
        "CPU",
        {ov::hint::inference_precision(ov::element::f32), {"LP_TRANSFORMS_MODE", "NO"}});
    ov::InferRequest request = compiled.create_infer_request();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        ov::Tensor tensor = request.get_input_tensor(i);
        std::copy(inputs[i].begin(), inputs[i].end(), tensor.data<float>());
    }
    request.infer();
    Outputs outputs;
    for (std::size_t i = 0; i < model->outputs().size(); ++i) {
        ov::Tensor tensor = request.get_output_tensor(i);
        outputs.emplace_back(tensor.data<float>(), tensor.data<float>() + tensor.get_size());
    }
    return outputs;
}

/// The largest difference, in parts of the largest number.
float difference(const std::vector<float>& a, const std::vector<float>& b) {
    float largest = 1e-6f;
    float worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, std::fabs(b[i]));
        worst = std::max(worst, std::fabs(a[i] - b[i]));
        if (!std::isfinite(a[i])) return INFINITY;
    }
    return a.size() == b.size() ? worst / largest : INFINITY;
}

void expect_same(const Outputs& ours, const Outputs& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i)
        EXPECT_LT(difference(ours[i], theirs[i]), 1e-4f) << "output " << i;
}

class ImportedGraph : public testing::TestWithParam<TestGraph> {};

TEST_P(ImportedGraph, ComputesWhatOpenvinoComputes) {
    auto model = GetParam().make();
    Graph graph = import_model(*model).value();
    const Outputs inputs = random_inputs(graph, 7);
    const Outputs expected = run_openvino(model, inputs);
    expect_same(run_reference(graph, inputs), expected);
    fuse(graph);
    expect_same(run_reference(graph, inputs), expected);
}

INSTANTIATE_TEST_SUITE_P(All,
                         ImportedGraph,
                         testing::ValuesIn(test_graphs()),
                         [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(Random,
                         ImportedGraph,
                         testing::ValuesIn(random_graphs()),
                         [](const auto& test) { return test.param.name; });

TEST(RandomGraphs, HaveEveryOperatorThatIsTaken) {
    std::set<std::string> tried{"FakeQuantize"};  // in int8_graphs()
    for (const TestGraph& graph : random_graphs()) {
        for (const auto& node : graph.make()->get_ops())
            tried.insert(node->get_type_name());
    }
    for (const ov::NodeTypeInfo& type : ov::get_opset16().get_types_info()) {
        if (find_handler(type.name) != nullptr) {
            EXPECT_TRUE(tried.contains(type.name)) << type.name;
        }
    }
}

class ImportedInt8 : public testing::TestWithParam<TestGraph> {};

TEST_P(ImportedInt8, ComputesWhatOpenvinoComputes) {
    auto model = GetParam().make();
    Graph graph = import_model(*model).value();
    const Outputs inputs = random_inputs(graph, 7);
    const Outputs expected = run_openvino(model, inputs);
    // Of numbers on an edge some fall to the other side, and others after them.
    auto expect_near = [&](const Outputs& ours) {
        ASSERT_EQ(ours.size(), expected.size());
        for (std::size_t i = 0; i < ours.size(); ++i)
            EXPECT_LT(error_of(ours[i], expected[i]), 4e-2) << "output " << i;
    };
    expect_near(run_reference(graph, inputs));
    fuse(graph);
    // First layers are not rounded then.
    expect_near(run_reference(graph, inputs));
}

INSTANTIATE_TEST_SUITE_P(All, ImportedInt8, testing::ValuesIn(int8_graphs()), [](const auto& test) {
    return test.param.name;
});

Graph fused(const std::string& name) {
    for (const TestGraph& graph : test_graphs()) {
        if (graph.name != name) continue;
        Graph result = import_model(*graph.make()).value();
        fuse(result);
        return result;
    }
    return {};
}

TEST(Fuse, LeavesOneNodeOfConvolutionNormSumAndActivation) {
    Graph graph = fused("bottleneck");
    ASSERT_EQ(graph.nodes.size(), 1u);
    EXPECT_TRUE(graph.nodes[0].is<Conv>());
    EXPECT_THAT(graph.nodes[0].steps,
                testing::ElementsAre(PointStep{PointOp::kAdd, 1}, PointStep{PointOp::kRelu}));
}

TEST(Fuse, KnowsActivationsThatAreWrittenOut) {
    Graph graph = fused("written_out");
    std::vector<PointOp> last;
    for (const Node& node : graph.nodes)
        last.push_back(node.steps.back().op);
    EXPECT_THAT(last,
                testing::UnorderedElementsAre(
                    PointOp::kHardSwish, PointOp::kMish, PointOp::kMul, PointOp::kSwish));
}

TEST(Fuse, MakesAFirstLayerWide) {
    Graph graph = fused("stem_7");
    ASSERT_EQ(graph.nodes.size(), 2u);
    EXPECT_TRUE(graph.nodes[0].is<SpaceToDepth>());
    EXPECT_EQ(std::get<Conv>(graph.nodes[1].op).window.kernel, (Pair{4, 4}));
}

TEST(Import, NamesTheNodeThatItCannotTake) {
    auto graph = graph_of("sums", {1, 8, 4, 4}, [](const Port& x) -> ov::OutputVector {
        auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
        auto sums = std::make_shared<ov::op::v0::CumSum>(x, axis);
        sums->set_friendly_name("running_sums");
        const auto places =
            ov::op::v0::Constant::create(ov::element::i64, ov::Shape{4}, {0, 1, 2, 3});
        const auto one = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{4}, {1, 1, 1, 1});
        auto rolled = std::make_shared<ov::op::v7::Roll>(sums, one, places);
        rolled->set_friendly_name("turned");
        return {rolled};
    });
    auto imported = import_model(*graph.make());
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(imported.error().message, testing::HasSubstr("'running_sums' (CumSum)"));
    EXPECT_THAT(
        imported.error().message,
        testing::EndsWith("not supported on CUDA: MatMul with a triangle of ones can say the "
                          "same; nor are 'turned' (Roll): Concat of two slices can say the same"));
}

class RealModel : public testing::TestWithParam<std::string> {};

TEST_P(RealModel, ComputesWhatOpenvinoComputes) {
    const auto model = prepared_real_model(GetParam());
    if (model == nullptr) GTEST_SKIP() << GetParam() << " is not in SLUICE_TEST_DATA";
    auto graph = import_model(*model);
    ASSERT_TRUE(graph) << graph.error().text();
    fuse(*graph);
    const Outputs inputs = random_inputs(*graph, 7);
    expect_same(run_reference(*graph, inputs), run_openvino(model, inputs));
}

INSTANTIATE_TEST_SUITE_P(All, RealModel, testing::ValuesIn(real_models()), [](const auto& test) {
    return test.param.substr(0, test.param.find('/'));
});

}  // namespace
}  // namespace sluice::infer::cuda
