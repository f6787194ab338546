#include <algorithm>

#include "sluice/infer/backends/cuda/device_math.cuh"

namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 256;

/// Thread t does numbers V * t ... of the output in the order of the extents; the last dimension
/// is the innermost, counted in groups of V.
template <int V>
__global__ void pointwise(const __grid_constant__ PointArgs args, int count) {
    int rest = blockIdx.x * kThreads + threadIdx.x;
    if (rest >= count) return;
    int out = 0;
    int in[kMostOperands] = {};
    for (int d = args.dims - 1; d >= 0; --d) {
        const int extent = V == 8 && d == args.dims - 1 ? args.extents[d] / V : args.extents[d];
        const int width = V == 8 && d == args.dims - 1 ? V : 1;
        const int place = d == 0 ? rest : rest % extent;
        rest /= extent;
        out += place * width * args.strides[d];
#pragma unroll
        for (int i = 0; i < kMostOperands; ++i) {
            if (i < args.operands) in[i] += place * width * args.input[i].strides[d];
        }
    }
    const int inner = args.dims - 1;
    auto read = [&](int which, float(&y)[V]) {
#pragma unroll
        for (int i = 0; i < kMostOperands; ++i) {
            if (i != which) continue;
            const Operand& operand = args.input[i];
            load<V>(operand, in[i], operand.strides[inner], y);
        }
    };
    float x[V];
    read(0, x);
    run_steps<V>(args.steps, x, read);
    store<V>(args.output, args.type, args.grid, out, x);
}

/// One dimension fewer where two follow each other without a gap in every tensor.
void merge(PointArgs& args) {
    auto joins = [&](int d) {
        auto gapless = [&](const int* strides) {
            return strides[d] == strides[d + 1] * args.extents[d + 1];
        };
        return gapless(args.strides) &&
               std::all_of(args.input, args.input + args.operands, [&](const Operand& operand) {
                   return gapless(operand.strides);
               });
    };
    for (int d = args.dims - 2; d >= 0; --d) {
        if (!joins(d)) continue;
        args.extents[d] *= args.extents[d + 1];
        auto drop = [&](int* numbers) {
            numbers[d] = numbers[d + 1];
            std::copy(numbers + d + 2, numbers + args.dims, numbers + d + 1);
        };
        drop(args.strides);
        for (int i = 0; i < args.operands; ++i)
            drop(args.input[i].strides);
        std::copy(args.extents + d + 2, args.extents + args.dims, args.extents + d + 1);
        --args.dims;
    }
}

/// Dimensions of extent 1 go; the rest in the order in which the output lies in memory.
void sort_dims(PointArgs& args) {
    int order[kMostDims];
    int count = 0;
    for (int d = 0; d < args.dims; ++d) {
        if (args.extents[d] != 1) order[count++] = d;
    }
    if (count == 0) order[count++] = 0;
    std::stable_sort(
        order, order + count, [&](int a, int b) { return args.strides[a] > args.strides[b]; });
    const PointArgs old = args;
    args.dims = count;
    for (int d = 0; d < count; ++d) {
        args.extents[d] = old.extents[order[d]];
        args.strides[d] = old.strides[order[d]];
        for (int i = 0; i < args.operands; ++i)
            args.input[i].strides[d] = old.input[i].strides[order[d]];
    }
}

bool aligned(const void* data, const int* strides, int dims, int inner_stride) {
    if (reinterpret_cast<std::uintptr_t>(data) % 16 != 0) return false;
    if (inner_stride == 0) {
        // One number for all eight: it may lie anywhere.
        return true;
    }
    return inner_stride == 1 &&
           std::all_of(strides, strides + dims - 1, [](int stride) { return stride % 8 == 0; });
}

bool can_go_by_eight(const PointArgs& args) {
    const int inner = args.dims - 1;
    return args.extents[inner] % 8 == 0 && args.strides[inner] == 1 &&
           aligned(args.output, args.strides, args.dims, 1) &&
           std::all_of(args.input, args.input + args.operands, [&](const Operand& operand) {
               return operand.strides[inner] == 0 ||
                      aligned(operand.data, operand.strides, args.dims, operand.strides[inner]);
           });
}

}  // namespace

void launch_pointwise(const PointArgs& given, cudaStream_t stream) {
    PointArgs args = given;
    sort_dims(args);
    merge(args);
    int count = 1;
    for (int d = 0; d < args.dims; ++d)
        count *= args.extents[d];
    if (can_go_by_eight(args)) {
        count /= 8;
        pointwise<8><<<(count + kThreads - 1) / kThreads, kThreads, 0, stream>>>(args, count);
    } else {
        pointwise<1><<<(count + kThreads - 1) / kThreads, kThreads, 0, stream>>>(args, count);
    }
}

}  // namespace sluice::infer::cuda
