#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/network.h"
#include "sluice/infer/backends/cuda/onnx_cases.h"
#include "sluice/infer/backends/cuda/upload.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Stream;
using Outputs = std::vector<std::vector<float>>;

Result<Outputs> run_on_device(Graph graph, const OnnxCase& test) {
    fuse(graph);
    const auto network = SLUICE_TRY(
        Network::create(lower(std::move(graph), memory::ElementType::kF32), {0, false, {}}));
    const NetworkMemory memory = SLUICE_TRY(network->allocate());
    const Stream stream = SLUICE_TRY(Stream::create());
    for (std::size_t i = 0; i < test.inputs.size(); ++i)
        SLUICE_TRY(upload(test.inputs[i].data(), memory.inputs[i], "uploading an input"));
    SLUICE_TRY(network->enqueue(memory, stream));
    SLUICE_TRY(stream.wait());
    Outputs outputs;
    for (const auto& output : memory.outputs) {
        outputs.emplace_back(output.bytes() / sizeof(float));
        cudaMemcpy(outputs.back().data(), output.data(), output.bytes(), cudaMemcpyDeviceToHost);
    }
    return outputs;
}

TEST(OnnxCases, ComeOutOfTheDeviceAsOnnxHasThem) {
    if (memory::cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
    const std::string folder = onnx_cases_folder();
    if (folder.empty()) GTEST_SKIP() << "Debian's libonnx-testdata is not installed";
    ASSERT_TRUE(memory::cuda::use_device(0));
    const OnnxSummary summary = run_onnx_cases(folder, 1e-3f, run_on_device);
    std::printf("%s", summary.text().c_str());
    EXPECT_THAT(summary.wrong, testing::IsEmpty());
    EXPECT_GT(summary.right, 500);
}

}  // namespace
}  // namespace sluice::infer::cuda
