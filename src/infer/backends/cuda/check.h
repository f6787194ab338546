#pragma once

#include "sluice/infer/backends/cuda/kernels.h"

/// What cuDNN's plans are judged by: slow and plain.
namespace sluice::infer::cuda {

struct ConvCheckArgs {
    WindowArgs window;
    int groups = 1;
    const void* weights = nullptr;  ///< [output][row][column][input of the group]
    const float* bias = nullptr;
    Operand operand[kMostOperands];  ///< strides: batch, channel, row, column
    Steps steps;                     ///< step.input counts operands
};
/// The whole convolution, one thread for each output.
void launch_conv_check(const ConvCheckArgs& args, Type type, cudaStream_t stream);

/// Numbers from -1 to 1 that look random; the same for the same seed.
void launch_fill(void* data, Type type, int count, unsigned seed, cudaStream_t stream);

/// Adds to sums[0] the squares of the differences and to sums[1] those of b.
void launch_compare(
    const void* a, const void* b, Type type, int count, float* sums, cudaStream_t stream);

}  // namespace sluice::infer::cuda
