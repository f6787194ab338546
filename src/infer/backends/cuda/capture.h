#pragma once

#include <memory>
#include <utility>

#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

struct DestroyGraph {
    void operator()(cudaGraphExec_t graph) const;
};
using ExecutableGraph = std::unique_ptr<CUgraphExec_st, DestroyGraph>;

Result<void> begin_capture(const memory::cuda::Stream& stream);
Result<ExecutableGraph> end_capture(const memory::cuda::Stream& stream);
Result<void> launch(const ExecutableGraph& graph, const memory::cuda::Stream& stream);

/// What `queue` puts into the stream, as a graph that can be launched again and again. Nothing runs
/// yet.
template <class Queue>
Result<ExecutableGraph> captured(const memory::cuda::Stream& stream, Queue&& queue) {
    SLUICE_TRY(begin_capture(stream));
    Result<void> queued = queue();
    Result<ExecutableGraph> graph = end_capture(stream);
    SLUICE_TRY(std::move(queued));
    return graph;
}

}  // namespace sluice::infer::cuda
