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

/// Queues a TopK, a Gather or a GridSample; false where the step is none of them.
bool launch_index_step(const Program& program,
                       const Step& step,
                       const StepPlaces& places,
                       cudaStream_t stream);

/// An operand's strides along the dimensions of `extents`, to which it spreads.
Operand operand_of(const Program& program,
                   const View& view,
                   const void* data,
                   const Shape& extents);
Type type_of(memory::ElementType type);

/// Steps of the node that its kernel does: the rounding to the output's own grid is done by
/// storing.
std::size_t step_count(const Program& program, const Step& step);

/// Queues the node's steps from `first` on, in place on its output.
void launch_rest(const Program& program,
                 const Step& step,
                 std::size_t first,
                 const StepPlaces& places,
                 cudaStream_t stream);

/// Where the view's first element lies.
const void* first_of(const Program& program, const View& view, const void* storage);

}  // namespace sluice::infer::cuda
