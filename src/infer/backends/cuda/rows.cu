#include "sluice/infer/backends/cuda/device_math.cuh"

/// Kernels that sum over dimensions, for any strides. None of them is on the path of a convolution
/// network's bulk; they are right first.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kTile = 16;
constexpr int kMostSharers = 32;

struct Places {
    int in = 0;
    int out = 0;
};

/// Where entry `rest` of the first `dims` dimensions begins.
__device__ Places places(int rest, int dims, const int* extents, const int* in, const int* out) {
    Places result;
    for (int d = dims - 1; d >= 0; --d) {
        const int place = rest % extents[d];
        rest /= extents[d];
        result.in += place * in[d];
        result.out += place * out[d];
    }
    return result;
}

__device__ float read(const void* data, Type type, int index) {
    float value[1];
    load<1>(at(data, type, index), type, 1, value);
    return value[0];
}

__device__ void write(void* data, Type type, int index, float value) {
    const float one[1] = {value};
    store<1>(at(data, type, index), type, one);
}

__device__ float joined(Reduce::Kind kind, float a, float b) {
    return kind == Reduce::Kind::kMax       ? fmaxf(a, b)
           : kind == Reduce::Kind::kMin     ? fminf(a, b)
           : kind == Reduce::Kind::kProduct ? a * b
                                            : a + b;
}

/// A block does kWarp times V outputs, those of a thread side by side like what they are made of;
/// its rows of threads share the summands, then add up.
template <int V>
__global__ void reduce(const __grid_constant__ ReduceArgs args, Type type, int count, int length) {
    __shared__ float shared[kMostSharers][V][kWarp];
    const auto kind = static_cast<Reduce::Kind>(args.kind);
    const int index = blockIdx.x * kWarp + threadIdx.x;
    const Places begin = places(
        min(index, count - 1) * V, args.kept, args.extents, args.in_strides, args.out_strides);
    float sums[V];
#pragma unroll
    for (float& sum : sums)
        sum = kind == Reduce::Kind::kMax       ? -3.402823466e38f
              : kind == Reduce::Kind::kMin     ? 3.402823466e38f
              : kind == Reduce::Kind::kProduct ? 1.0f
                                               : 0.0f;
    for (int i = threadIdx.y; i < length; i += blockDim.y) {
        const int* strides = args.in_strides + args.kept;
        const Places inner = places(i, args.reduced, args.extents + args.kept, strides, strides);
        float x[V];
        load<V>(at(args.input, type, begin.in + inner.in), type, 1, x);
#pragma unroll
        for (int v = 0; v < V; ++v)
            sums[v] = joined(kind,
                             sums[v],
                             kind == Reduce::Kind::kL1   ? fabsf(x[v])
                             : kind == Reduce::Kind::kL2 ? x[v] * x[v]
                                                         : x[v]);
    }
#pragma unroll
    for (int v = 0; v < V; ++v)
        shared[threadIdx.y][v][threadIdx.x] = sums[v];
    __syncthreads();
    if (threadIdx.y != 0 || index >= count) return;
#pragma unroll
    for (int v = 0; v < V; ++v) {
        for (int i = 1; i < blockDim.y; ++i)
            sums[v] = joined(kind, sums[v], shared[i][v][threadIdx.x]);
        if (kind == Reduce::Kind::kMean) sums[v] /= static_cast<float>(length);
        if (kind == Reduce::Kind::kL2) sums[v] = sqrtf(sums[v]);
    }
    store<V>(at(args.output, type, begin.out), type, sums);
}

template <class Join>
__device__ float over_warp(float value, Join&& join) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value = join(value, __shfl_xor_sync(0xffffffffu, value, distance));
    return value;
}

constexpr int kRowThreads = 128;

/// The sum over the block, in every thread.
__device__ float over_block(float value) {
    __shared__ float sums[kRowThreads / kWarp];
    auto add = [](float a, float b) { return a + b; };
    value = over_warp(value, add);
    __syncthreads();  // the sums of the call before are read
    if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = 0;
    for (float sum : sums)
        value += sum;
    return value;
}

/// A block does one row.
__global__ void normalize(const __grid_constant__ NormalizeArgs args, Type type, int length) {
    const ReduceArgs& rows = args.rows;
    const Places begin =
        places(blockIdx.x, rows.kept, rows.extents, rows.in_strides, rows.out_strides);
    auto inner = [&](int i) {
        return places(i,
                      rows.reduced,
                      rows.extents + rows.kept,
                      rows.in_strides + rows.kept,
                      rows.out_strides + rows.kept);
    };
    float sum = 0;
    for (int i = threadIdx.x; i < length; i += kRowThreads)
        sum += read(rows.input, type, begin.in + inner(i).in);
    const float mean = over_block(sum) / static_cast<float>(length);
    sum = 0;
    for (int i = threadIdx.x; i < length; i += kRowThreads) {
        const float apart = read(rows.input, type, begin.in + inner(i).in) - mean;
        sum += apart * apart;
    }
    const float variance = over_block(sum) / static_cast<float>(length);
    const float factor = 1.0f / sqrtf(variance + args.epsilon);
    for (int i = threadIdx.x; i < length; i += kRowThreads) {
        const Places place = inner(i);
        const float apart = read(rows.input, type, begin.in + place.in) - mean;
        write(rows.output, type, begin.out + place.out, apart * factor);
    }
}

/// A warp does one row.
__global__ void softmax(const __grid_constant__ SoftmaxArgs args, Type type, int rows) {
    const int row = (blockIdx.x * kThreads + threadIdx.x) / kWarp;
    const int lane = threadIdx.x % kWarp;
    if (row >= rows) return;
    const int last = args.dims - 1;
    const Places begin = places(row, last, args.extents, args.in_strides, args.out_strides);
    const int length = args.extents[last];
    auto value = [&](int i) {
        return read(args.input, type, begin.in + i * args.in_strides[last]);
    };
    float highest = -3.402823466e38f;
    for (int i = lane; i < length; i += kWarp)
        highest = fmaxf(highest, value(i));
    highest = over_warp(highest, [](float a, float b) { return fmaxf(a, b); });
    float sum = 0;
    for (int i = lane; i < length; i += kWarp)
        sum += __expf(value(i) - highest);
    sum = over_warp(sum, [](float a, float b) { return a + b; });
    for (int i = lane; i < length; i += kWarp) {
        write(args.output,
              type,
              begin.out + i * args.out_strides[last],
              __expf(value(i) - highest) / sum);
    }
}

/// A block does a tile of kTile x kTile of one product.
__global__ void matmul(const __grid_constant__ MatMulArgs args, Type type) {
    __shared__ float a_tile[kTile][kTile + 1];
    __shared__ float b_tile[kTile][kTile + 1];
    const Places a = places(blockIdx.z, args.outer, args.extents, args.a_strides, args.out_strides);
    const Places b = places(blockIdx.z, args.outer, args.extents, args.b_strides, args.out_strides);
    const int row = blockIdx.y * kTile + threadIdx.y;
    const int column = blockIdx.x * kTile + threadIdx.x;
    float sum = 0;
    for (int first = 0; first < args.k; first += kTile) {
        const int a_k = first + threadIdx.x;
        const int b_k = first + threadIdx.y;
        a_tile[threadIdx.y][threadIdx.x] =
            row < args.m && a_k < args.k
                ? read(args.a, type, a.in + row * args.a_m + a_k * args.a_k)
                : 0.0f;
        b_tile[threadIdx.y][threadIdx.x] =
            column < args.n && b_k < args.k
                ? read(args.b, type, b.in + b_k * args.b_k + column * args.b_n)
                : 0.0f;
        __syncthreads();
        for (int i = 0; i < kTile; ++i)
            sum += a_tile[threadIdx.y][i] * b_tile[i][threadIdx.x];
        __syncthreads();
    }
    if (row < args.m && column < args.n)
        write(args.output, type, a.out + row * args.out_m + column * args.out_n, sum);
}

int product(const int* extents, int count) {
    int result = 1;
    for (int i = 0; i < count; ++i)
        result *= extents[i];
    return result;
}

/// Eight outputs side by side, as channels are, and what they are made of likewise.
bool goes_by_eight(const ReduceArgs& args) {
    const int last = args.kept - 1;
    if (last < 0 || args.in_strides[last] != 1 || args.out_strides[last] != 1 ||
        args.extents[last] % 8 != 0)
        return false;
    for (int d = 0; d < args.kept + args.reduced; ++d) {
        if (d == last) continue;
        if (args.in_strides[d] % 8 != 0 || (d < last && args.out_strides[d] % 8 != 0)) return false;
    }
    return reinterpret_cast<std::uintptr_t>(args.input) % 16 == 0 &&
           reinterpret_cast<std::uintptr_t>(args.output) % 16 == 0;
}

}  // namespace

void launch_reduce(const ReduceArgs& args, Type type, cudaStream_t stream) {
    const int length = product(args.extents + args.kept, args.reduced);
    const int sharers = length >= 8 * kMostSharers ? kMostSharers : 8;
    const dim3 block(kWarp, sharers);
    const int width = goes_by_eight(args) ? 8 : 1;
    const int count = product(args.extents, args.kept) / width;
    const int blocks = (count + kWarp - 1) / kWarp;
    if (width == 8) {
        reduce<8><<<blocks, block, 0, stream>>>(args, type, count, length);
    } else {
        reduce<1><<<blocks, block, 0, stream>>>(args, type, count, length);
    }
}

void launch_normalize(const NormalizeArgs& args, Type type, cudaStream_t stream) {
    const int count = product(args.rows.extents, args.rows.kept);
    const int length = product(args.rows.extents + args.rows.kept, args.rows.reduced);
    normalize<<<count, kRowThreads, 0, stream>>>(args, type, length);
}

void launch_softmax(const SoftmaxArgs& args, Type type, cudaStream_t stream) {
    const int rows = product(args.extents, args.dims - 1);
    const int per_block = kThreads / kWarp;
    softmax<<<(rows + per_block - 1) / per_block, kThreads, 0, stream>>>(args, type, rows);
}

void launch_matmul(const MatMulArgs& args, Type type, cudaStream_t stream) {
    const dim3 grid((args.n + kTile - 1) / kTile,
                    (args.m + kTile - 1) / kTile,
                    product(args.extents, args.outer));
    matmul<<<grid, dim3(kTile, kTile), 0, stream>>>(args, type);
}

}  // namespace sluice::infer::cuda
