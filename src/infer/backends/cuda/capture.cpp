#include "sluice/infer/backends/cuda/capture.h"

namespace sluice::infer::cuda {

using memory::cuda::check;

void DestroyGraph::operator()(cudaGraphExec_t graph) const {
    cudaGraphExecDestroy(graph);
}

Result<void> begin_capture(const memory::cuda::Stream& stream) {
    return check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
                 "recording a graph");
}

Result<ExecutableGraph> end_capture(const memory::cuda::Stream& stream) {
    cudaGraph_t graph = nullptr;
    SLUICE_TRY(check(cudaStreamEndCapture(stream.get(), &graph), "recording a graph"));
    cudaGraphExec_t made = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&made, graph, 0);
    cudaGraphDestroy(graph);
    SLUICE_TRY(check(status, "making a graph"));
    return ExecutableGraph(made);
}

Result<void> launch(const ExecutableGraph& graph, const memory::cuda::Stream& stream) {
    return check(cudaGraphLaunch(graph.get(), stream.get()), "launching a graph");
}

}  // namespace sluice::infer::cuda
