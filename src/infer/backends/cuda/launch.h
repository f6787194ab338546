#pragma once

#include <vector>

#include "sluice/infer/backends/cuda/kernels.h"
#include "sluice/infer/backends/cuda/lower.h"

namespace sluice::infer::cuda {

/// Where things are when a step runs.
struct StepPlaces {
    std::vector<const void*> inputs;
    void* output = nullptr;
    const float* weights = nullptr;  ///< of depthwise convolutions
    const float* bias = nullptr;
};

/// Queues the kernel of a step that is no cuDNN convolution.
void launch_step(const Program& program,
                 const Step& step,
                 const StepPlaces& places,
                 cudaStream_t stream);

/// Queues the node's steps from `first` on, in place on its output.
void launch_rest(const Program& program,
                 const Step& step,
                 std::size_t first,
                 const StepPlaces& places,
                 cudaStream_t stream);

/// Where the view's first element lies.
const void* first_of(const Program& program, const View& view, const void* storage);

}  // namespace sluice::infer::cuda
