#include "sluice/infer/backends/cuda/check.h"
#include "sluice/infer/backends/cuda/device_math.cuh"

namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kCompareBlocks = 256;

__device__ float number(const void* data, Type type, int index) {
    float value[1];
    load<1>(at(data, type, index), type, 1, value);
    return value[0];
}

__device__ int second_sum(const ConvCheckArgs& args, int n, int k, int y, int x) {
    const Image& from = args.second;
    const int inputs = from.extents[1];
    const int place = n * from.strides[0] + y * args.second_stride[0] * from.strides[2] +
                      x * args.second_stride[1] * from.strides[3];
    int sum = 0;
    for (int c = 0; c < inputs; ++c)
        sum += static_cast<int>(number(from.data, Type::kI8, place + c) *
                                number(args.second_weights, Type::kI8, k * inputs + c));
    return sum;
}

__global__ void conv_check(const __grid_constant__ ConvCheckArgs args, int count) {
    int rest = blockIdx.x * kThreads + threadIdx.x;
    if (rest >= count) return;
    const WindowArgs& w = args.window;
    const int k = rest % w.output.extents[1];
    rest /= w.output.extents[1];
    const int x = rest % w.output.extents[3];
    rest /= w.output.extents[3];
    const int y = rest % w.output.extents[2];
    const int n = rest / w.output.extents[2];
    const int inputs = w.input.extents[1] / args.groups;
    const int group = k / (w.output.extents[1] / args.groups);
    const Type type = w.input.type;
    float sum[1] = {};
    int whole = 0;  // exact, where fp32 would not be
    for (int ky = 0; ky < w.kernel[0]; ++ky) {
        const int row = y * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0];
        if (row < 0 || row >= w.input.extents[2]) continue;
        for (int kx = 0; kx < w.kernel[1]; ++kx) {
            const int column = x * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1];
            if (column < 0 || column >= w.input.extents[3]) continue;
            const int from = n * w.input.strides[0] + row * w.input.strides[2] +
                             column * w.input.strides[3] + group * inputs;
            const int weight = ((k * w.kernel[0] + ky) * w.kernel[1] + kx) * inputs;
            for (int c = 0; c < inputs; ++c) {
                const float product =
                    number(w.input.data, type, from + c) * number(args.weights, type, weight + c);
                if (type == Type::kI8) {
                    whole += static_cast<int>(product);
                } else {
                    sum[0] += product;
                }
            }
        }
    }
    if (type == Type::kI8) sum[0] = static_cast<float>(whole) * args.scale[k];
    if (args.second.data != nullptr)
        sum[0] += static_cast<float>(second_sum(args, n, k, y, x)) * args.second_scale[k];
    sum[0] += args.bias[k];
    run_steps<1>(args.steps, sum, [&](int which, float(&value)[1]) {
        const Operand& operand = args.operand[which];
        const int index = n * operand.strides[0] + k * operand.strides[1] + y * operand.strides[2] +
                          x * operand.strides[3];
        load<1>(operand, index, 1, value);
    });
    sum[0] += args.shift;
    const int to = n * w.output.strides[0] + k * w.output.strides[1] + y * w.output.strides[2] +
                   x * w.output.strides[3];
    store<1>(w.output.data, w.output.type, w.output.grid, to, sum);
}

__global__ void fill(void* data, Type type, int count, unsigned seed) {
    const int index = blockIdx.x * kThreads + threadIdx.x;
    if (index >= count) return;
    unsigned bits = static_cast<unsigned>(index) * 2654435761u + seed * 40503u;
    bits = (bits ^ (bits >> 15)) * 2246822519u;
    bits ^= bits >> 13;
    const float most = type == Type::kI8 ? 127.0f : 1.0f;
    const float value[1] = {(static_cast<float>(bits & 0xffff) / 32767.5f - 1.0f) * most};
    store<1>(at(data, type, index), type, value);
}

__global__ void compare(const void* a, const void* b, Type type, int count, float* sums) {
    float error = 0;
    float norm = 0;
    for (int i = blockIdx.x * kThreads + threadIdx.x; i < count; i += kCompareBlocks * kThreads) {
        const float right = number(b, type, i);
        const float difference = number(a, type, i) - right;
        error += difference * difference;
        if (type == Type::kI8 && fabsf(difference) > 1.5f) error += 1e9f;
        norm += right * right;
    }
    atomicAdd(&sums[0], error);
    atomicAdd(&sums[1], norm);
}

int blocks(int count) {
    return (count + kThreads - 1) / kThreads;
}

}  // namespace

void launch_conv_check(const ConvCheckArgs& args, cudaStream_t stream) {
    const int* extents = args.window.output.extents;
    const int count = extents[0] * extents[1] * extents[2] * extents[3];
    conv_check<<<blocks(count), kThreads, 0, stream>>>(args, count);
}

void launch_fill(void* data, Type type, int count, unsigned seed, cudaStream_t stream) {
    fill<<<blocks(count), kThreads, 0, stream>>>(data, type, count, seed);
}

void launch_compare(
    const void* a, const void* b, Type type, int count, float* sums, cudaStream_t stream) {
    compare<<<kCompareBlocks, kThreads, 0, stream>>>(a, b, type, count, sums);
}

}  // namespace sluice::infer::cuda
