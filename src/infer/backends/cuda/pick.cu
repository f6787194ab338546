#include "sluice/infer/backends/cuda/device_math.cuh"

/// Kernels that find places and pick numbers by them.
namespace sluice::infer::cuda {
namespace {

using Key = unsigned long long;

constexpr int kThreads = 256;
constexpr int kMostSearchers = 1024;
constexpr int kDigits = 256;
constexpr int kDigitBits = 8;

__device__ float read(const Operand& operand, int index) {
    float value[1];
    load<1>(at(operand.data, operand.type, index), operand.type, 1, value);
    return value[0];
}

__device__ void write(void* data, Type type, int index, float value) {
    const float one[1] = {value};
    store<1>(at(data, type, index), type, one);
}

/// Larger for what comes earlier; no two of a row are alike.
__device__ Key key_of(float value, int place, bool largest) {
    const unsigned bits = __float_as_uint(value == 0.0f ? 0.0f : value);  // -0 is 0
    const unsigned rising = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    const unsigned rank = largest ? rising : ~rising;
    return static_cast<Key>(rank) << 32 | (0xffffffffu - static_cast<unsigned>(place));
}

/// How many of the keys, from the largest on, are in the digits found so far, and what is left to
/// be found behind them.
struct Search {
    Key found = 0;  ///< the digits, from the highest on
    int wanted = 0;
    int shift = 64;  ///< of the lowest digit found
    bool done = false;
};

/// One digit more of the last key that is wanted; the block's threads together.
template <class KeyAt>
__device__ void search_digit(Search& search, int* counts, int length, KeyAt&& key_at) {
    for (int i = threadIdx.x; i < kDigits; i += blockDim.x)
        counts[i] = 0;
    __syncthreads();
    const int shift = search.shift - kDigitBits;
    for (int i = threadIdx.x; i < length; i += blockDim.x) {
        const Key key = key_at(i);
        if (search.shift == 64 || key >> search.shift == search.found)
            atomicAdd(&counts[key >> shift & (kDigits - 1)], 1);
    }
    __syncthreads();
    // Every thread walks, so that nothing has to be told.
    int digit = kDigits - 1;
    int before = 0;
    while (before + counts[digit] < search.wanted)
        before += counts[digit--];
    search.wanted -= before;
    search.found = search.found << kDigitBits | static_cast<Key>(digit);
    search.shift = shift;
    search.done = search.wanted == counts[digit] || shift == 0;
    __syncthreads();
}

/// Falling, by a bitonic network; size is a power of two.
__device__ void sort(Key* keys, int size) {
    for (int run = 2; run <= size; run *= 2) {
        for (int distance = run / 2; distance > 0; distance /= 2) {
            __syncthreads();
            for (int i = threadIdx.x; i < size; i += blockDim.x) {
                const int other = i ^ distance;
                if (other <= i) continue;
                const bool falls = (i & run) == 0;
                if ((keys[i] < keys[other]) == falls) {
                    const Key key = keys[i];
                    keys[i] = keys[other];
                    keys[other] = key;
                }
            }
        }
    }
    __syncthreads();
}

/// A block does one row: it finds the last of the wanted keys digit by digit, collects what is not
/// behind it, and sorts that.
__global__ void __launch_bounds__(kMostSearchers)
    top_k(const __grid_constant__ TopKArgs args, int size) {
    __shared__ Key keys[kMostTop];
    __shared__ int counts[kDigits];
    __shared__ int filled;
    int in = 0;
    int out = 0;
    int rest = blockIdx.x;
    const int last = args.dims - 1;
    for (int d = last - 1; d >= 0; --d) {
        const int place = rest % args.extents[d];
        rest /= args.extents[d];
        in += place * args.input.strides[d];
        out += place * args.strides[d];
    }
    const int length = args.extents[last];
    auto key_at = [&](int i) {
        return key_of(read(args.input, in + i * args.input.strides[last]), i, args.largest);
    };
    Search search;
    search.wanted = args.count;
    while (!search.done)
        search_digit(search, counts, length, key_at);
    for (int i = threadIdx.x; i < size; i += blockDim.x)
        keys[i] = 0;
    if (threadIdx.x == 0) filled = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < length; i += blockDim.x) {
        const Key key = key_at(i);
        if (key >> search.shift >= search.found) keys[atomicAdd(&filled, 1)] = key;
    }
    sort(keys, size);
    for (int i = threadIdx.x; i < args.count; i += blockDim.x) {
        const unsigned place = 0xffffffffu - static_cast<unsigned>(keys[i]);
        write(args.output, args.type, out + i * args.strides[last], static_cast<float>(place));
    }
}

__global__ void gather(const __grid_constant__ GatherArgs args, int count) {
    int rest = blockIdx.x * kThreads + threadIdx.x;
    if (rest >= count) return;
    int data = 0;
    int index = 0;
    int out = 0;
    for (int d = args.dims - 1; d >= 0; --d) {
        const int place = rest % args.extents[d];
        rest /= args.extents[d];
        data += place * args.data.strides[d];
        index += place * args.index.strides[d];
        out += place * args.strides[d];
    }
    int place = static_cast<int>(read(args.index, index));
    if (place < 0) place += args.axis_extent;
    place = min(max(place, 0), args.axis_extent - 1);
    write(args.output, args.type, out, read(args.data, data + place * args.axis_stride));
}

__device__ float source_place(float place, int extent, const GridSampleArgs& args) {
    const auto size = static_cast<float>(extent);
    const float pixel =
        args.align_corners ? (place + 1) / 2 * (size - 1) : ((place + 1) * size - 1) / 2;
    return args.repeats_border ? fminf(fmaxf(pixel, 0.0f), size - 1) : pixel;
}

/// A thread does one number; neighbours do neighbouring channels.
__global__ void grid_sample(const __grid_constant__ GridSampleArgs args, int count) {
    int rest = blockIdx.x * kThreads + threadIdx.x;
    if (rest >= count) return;
    const int c = rest % args.output.extents[1];
    rest /= args.output.extents[1];
    const int x = rest % args.output.extents[3];
    rest /= args.output.extents[3];
    const int y = rest % args.output.extents[2];
    const int n = rest / args.output.extents[2];
    const int where =
        n * args.grid.strides[0] + y * args.grid.strides[1] + x * args.grid.strides[2];
    const float column = source_place(read(args.grid, where), args.columns, args);
    const float row = source_place(read(args.grid, where + args.grid.strides[3]), args.rows, args);
    const int plane = n * args.input.strides[0] + c * args.input.strides[1];
    // In floats: what lies far outside does not fit a whole number.
    auto pixel = [&](float at_row, float at_column) {
        const bool inside =
            at_row >= 0 && at_row < args.rows && at_column >= 0 && at_column < args.columns;
        if (!inside) return 0.0f;
        return read(args.input,
                    plane + static_cast<int>(at_row) * args.input.strides[2] +
                        static_cast<int>(at_column) * args.input.strides[3]);
    };
    float result = 0;
    if (args.linear) {
        const float top = floorf(row);
        const float left = floorf(column);
        const float down = row - top;
        const float right = column - left;
        result = (pixel(top, left) * (1 - right) + pixel(top, left + 1) * right) * (1 - down) +
                 (pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right) * down;
    } else {
        result = pixel(rintf(row), rintf(column));
    }
    const int* strides = args.output.strides;
    write(args.output.data,
          args.type,
          n * strides[0] + c * strides[1] + y * strides[2] + x * strides[3],
          result);
}

int product(const int* extents, int count) {
    int result = 1;
    for (int i = 0; i < count; ++i)
        result *= extents[i];
    return result;
}

int blocks_for(int count) {
    return (count + kThreads - 1) / kThreads;
}

}  // namespace

void launch_top_k(const TopKArgs& args, cudaStream_t stream) {
    int size = 1;
    while (size < args.count)
        size *= 2;
    const int rows = product(args.extents, args.dims - 1);
    const int threads = args.extents[args.dims - 1] > kMostSearchers ? kMostSearchers : kThreads;
    top_k<<<rows, threads, 0, stream>>>(args, size);
}

void launch_gather(const GatherArgs& args, cudaStream_t stream) {
    const int count = product(args.extents, args.dims);
    gather<<<blocks_for(count), kThreads, 0, stream>>>(args, count);
}

void launch_grid_sample(const GridSampleArgs& args, cudaStream_t stream) {
    const int count = product(args.output.extents, 4);
    grid_sample<<<blocks_for(count), kThreads, 0, stream>>>(args, count);
}

}  // namespace sluice::infer::cuda
