#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "sluice/infer/backends/cuda/grid.h"

/// Our own kernels, as plain functions: each queues one launch. Every size is in elements; numbers
/// of 32 bits hold them, which the engine checks. What they compute is said by reference.h.
namespace sluice::infer::cuda {

enum class Type : std::uint8_t { kF16, kF32, kU8, kI8 };

inline constexpr int kMostDims = 6;
inline constexpr int kMostOperands = 4;
inline constexpr int kMostKernelSteps = 16;

struct KernelStep {
    std::uint8_t op;    ///< a PointOp
    std::int8_t input;  ///< an operand, or -1
    float a;
    float b;
};

struct Steps {
    int count = 0;
    KernelStep step[kMostKernelSteps];
};

struct Operand {
    const void* data = nullptr;
    Type type = Type::kF16;
    int strides[kMostDims] = {};
    Grid grid{};  ///< of kI8
};

/// Reads input 0, does the steps, writes. Extents are the output's; inputs spread by strides of 0.
struct PointArgs {
    int dims = 0;
    int extents[kMostDims] = {};
    int operands = 0;
    Operand input[kMostOperands];
    void* output = nullptr;
    Type type = Type::kF16;
    int strides[kMostDims] = {};
    Grid grid{};
    Steps steps;
};
void launch_pointwise(const PointArgs& args, cudaStream_t stream);

/// Four dimensions in the order batch, channel, row, column. Where nothing else is said, a kernel
/// reads and writes each image in the type that it has.
struct Image {
    void* data = nullptr;
    int extents[4] = {};
    int strides[4] = {};
    Type type = Type::kF16;
    Grid grid{};  ///< of kI8
};

/// Output channels are padded to a multiple of 8 with zeros; fp16 or fp32. Operands spread over
/// channels: their first stride is that of the channel.
struct SpaceToDepthArgs {
    Operand input;  ///< strides: batch, channel, row, column
    int channels = 3;
    Image output;
    int operands = 0;
    Operand operand[kMostOperands];
    Steps steps;
};
void launch_space_to_depth(const SpaceToDepthArgs& args, cudaStream_t stream);

/// A convolution of stride 1 over the SpaceToDepth of an image of 3 or 4 channels, in one: the
/// blocks are made in shared memory. Up to 64 outputs, kernels of 2x2 to 4x4 blocks; fp16.
struct StemArgs {
    Operand input;  ///< strides: batch, channel, row, column
    int channels = 3;
    int blocks[2] = {};  ///< rows and columns of blocks: half the input's
    float scale[4] = {};
    float shift[4] = {};  ///< of each channel: what is convolved is input * scale + shift
    int kernel = 2;       ///< rows of blocks, and columns
    int pad_begin[2] = {};
    const void* weights = nullptr;  ///< fp16, [output][row][column][16]
    const float* bias = nullptr;
    KernelStep activation{};  ///< one of stem_activates
    bool activates = false;
    Image output;  ///< channels a multiple of 8, side by side; fp16 or kI8
};
inline constexpr int kMostStemOutputs = 64;
inline constexpr int kLeastStemKernel = 2;
inline constexpr int kMostStemKernel = 4;
bool stem_activates(std::uint8_t op);
void launch_stem(const StemArgs& args, cudaStream_t stream);

struct WindowArgs {
    Image input;
    Image output;
    int kernel[2] = {1, 1};
    int stride[2] = {1, 1};
    int dilation[2] = {1, 1};
    int pad_begin[2] = {};
    int pad_end[2] = {};
};

/// Weights are fp32, [row][column][channel]; operands have the output's extents (spread by 0).
struct DepthwiseArgs {
    WindowArgs window;
    const float* weights = nullptr;
    const float* bias = nullptr;
    int operands = 0;
    Operand operand[kMostOperands];
    Steps steps;
};
void launch_depthwise(const DepthwiseArgs& args, cudaStream_t stream);

struct PoolArgs {
    WindowArgs window;
    bool is_max = true;
    bool counts_padding = false;
};
void launch_pool(const PoolArgs& args, cudaStream_t stream);

struct ResizeArgs {
    Image input;
    Image output;
    bool linear = false;
    bool half_pixel = false;
    bool floors = true;
    float step[2] = {};
};
void launch_resize(const ResizeArgs& args, cudaStream_t stream);

/// `dims` kept dimensions, then the reduced ones; strides of the output cover the kept.
struct ReduceArgs {
    int kind = 0;  ///< a Reduce::Kind
    int kept = 0;
    int reduced = 0;
    int extents[kMostDims] = {};
    const void* input = nullptr;
    int in_strides[kMostDims] = {};
    void* output = nullptr;
    int out_strides[kMostDims] = {};
};
void launch_reduce(const ReduceArgs& args, Type type, cudaStream_t stream);

/// (x - mean) / sqrt(variance + epsilon) over the reduced dimensions.
struct NormalizeArgs {
    ReduceArgs rows;  ///< strides of the output cover all dimensions
    float epsilon = 0;
};
void launch_normalize(const NormalizeArgs& args, Type type, cudaStream_t stream);

/// The last dimension is the one summed over.
struct SoftmaxArgs {
    int dims = 0;
    int extents[kMostDims] = {};
    const void* input = nullptr;
    int in_strides[kMostDims] = {};
    void* output = nullptr;
    int out_strides[kMostDims] = {};
};
void launch_softmax(const SoftmaxArgs& args, Type type, cudaStream_t stream);

/// output[.., m, n] = sum over k of a[.., m, k] * b[.., k, n]; `outer` dimensions come before.
struct MatMulArgs {
    int outer = 0;
    int extents[kMostDims] = {};  ///< of the outer dimensions
    int m = 0;
    int n = 0;
    int k = 0;
    const void* a = nullptr;
    int a_strides[kMostDims] = {};
    int a_m = 0;
    int a_k = 0;
    const void* b = nullptr;
    int b_strides[kMostDims] = {};
    int b_k = 0;
    int b_n = 0;
    void* output = nullptr;
    int out_strides[kMostDims] = {};
    int out_m = 0;
    int out_n = 0;
};
void launch_matmul(const MatMulArgs& args, Type type, cudaStream_t stream);

/// The last dimension is the one that is searched; `input.strides` and `strides` are of all.
struct TopKArgs {
    int dims = 0;
    int extents[kMostDims] = {};  ///< of the input
    Operand input;
    int count = 1;  ///< of places to find, up to kMostTop
    bool largest = true;
    void* output = nullptr;
    Type type = Type::kF32;
    int strides[kMostDims] = {};
};
void launch_top_k(const TopKArgs& args, cudaStream_t stream);

/// Strides of the operands are along the output's dimensions, 0 where they do not follow it.
struct GatherArgs {
    int dims = 0;
    int extents[kMostDims] = {};  ///< of the output
    Operand data;
    int axis_extent = 1;
    int axis_stride = 0;
    Operand index;
    void* output = nullptr;
    Type type = Type::kF16;
    int strides[kMostDims] = {};
};
void launch_gather(const GatherArgs& args, cudaStream_t stream);

struct GridSampleArgs {
    Operand input;  ///< strides: batch, channel, row, column
    int rows = 1;
    int columns = 1;
    Operand grid;  ///< strides: batch, row, column, coordinate
    Image output;
    Type type = Type::kF16;  ///< of the output
    bool linear = true;
    bool align_corners = false;
    bool repeats_border = false;
};
void launch_grid_sample(const GridSampleArgs& args, cudaStream_t stream);

}  // namespace sluice::infer::cuda
