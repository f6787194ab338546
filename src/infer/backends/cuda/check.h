#pragma once

#include "sluice/infer/backends/cuda/kernels.h"

/// What cuDNN's plans are judged by: slow and plain.
namespace sluice::infer::cuda {

struct ConvCheckArgs {
    WindowArgs window;
    int groups = 1;
    const void* weights = nullptr;  ///< [output][row][column][input of the group], of input's type
    const float* scale = nullptr;   ///< where input and weights are kI8: of the sum of products
    const float* bias = nullptr;
    /// Where it has data: of kI8, [output][input] in 1x1 places that are added before the steps.
    Image second;
    int second_stride[2] = {1, 1};
    const void* second_weights = nullptr;
    const float* second_scale = nullptr;
    Operand operand[kMostOperands];  ///< strides: batch, channel, row, column
    Steps steps;                     ///< step.input counts operands
    float shift = 0;                 ///< added after the steps
};
/// The whole convolution, one thread for each output.
void launch_conv_check(const ConvCheckArgs& args, cudaStream_t stream);

/// Numbers from -1 to 1 (kI8: -127 to 127) that look random; the same for the same seed.
void launch_fill(void* data, Type type, int count, unsigned seed, cudaStream_t stream);

/// Adds to sums[0] the squares of the differences and to sums[1] those of b. Of kI8, a difference
/// of more than 1 counts as very many.
void launch_compare(
    const void* a, const void* b, Type type, int count, float* sums, cudaStream_t stream);

}  // namespace sluice::infer::cuda
