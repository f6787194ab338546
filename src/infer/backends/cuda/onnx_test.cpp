#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/onnx_cases.h"
#include "sluice/infer/backends/cuda/reference.h"

namespace sluice::infer::cuda {
namespace {

TEST(OnnxCases, ComeOutAsOnnxHasThem) {
    const std::string folder = onnx_cases_folder();
    if (folder.empty()) GTEST_SKIP() << "Debian's libonnx-testdata is not installed";
    const OnnxSummary summary =
        run_onnx_cases(folder, 1e-3f, [](Graph graph, const OnnxCase& test) {
            fuse(graph);
            return Result<std::vector<std::vector<float>>>(run_reference(graph, test.inputs));
        });
    std::printf("%s", summary.text().c_str());
    EXPECT_THAT(summary.wrong, testing::IsEmpty());
    EXPECT_GT(summary.right, 500);
}

}  // namespace
}  // namespace sluice::infer::cuda
