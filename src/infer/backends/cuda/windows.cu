#include <algorithm>

#include "sluice/infer/backends/cuda/device_math.cuh"
#include "sluice/infer/backends/cuda/largest.h"

/// Kernels over windows of images: a thread does 8 channels of one output pixel where the images
/// allow it, else one. Neighbouring threads do neighbouring channels, which lie side by side. What
/// only picks numbers takes them as they lie, 16 bytes at a time.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 256;

struct Pixel {
    int n;
    int c;
    int y;
    int x;
};

template <int V>
__device__ bool pixel_of(const Image& output, Pixel& pixel) {
    const int groups = output.extents[1] / V;
    int rest = blockIdx.x * kThreads + threadIdx.x;
    pixel.c = rest % groups * V;
    rest /= groups;
    pixel.x = rest % output.extents[3];
    rest /= output.extents[3];
    pixel.y = rest % output.extents[2];
    pixel.n = rest / output.extents[2];
    return pixel.n < output.extents[0];
}

__device__ int offset(const Image& image, int n, int c, int y, int x) {
    return n * image.strides[0] + c * image.strides[1] + y * image.strides[2] +
           x * image.strides[3];
}

template <int V>
__device__ void load_pixel(const Image& image, int n, int c, int y, int x, float (&v)[V]) {
    load<V>(image.data, image.type, image.grid, offset(image, n, c, y, x), 1, v);
}

template <int V>
__device__ void store_pixel(const Image& image, const Pixel& p, const float (&v)[V]) {
    store<V>(image.data, image.type, image.grid, offset(image, p.n, p.c, p.y, p.x), v);
}

/// body(input row, input column, window index) for what of the window lies in the input.
template <class Body>
__device__ void over_window(const WindowArgs& window, const Pixel& pixel, Body&& body) {
    const int top = pixel.y * window.stride[0] - window.pad_begin[0];
    const int left = pixel.x * window.stride[1] - window.pad_begin[1];
    for (int ky = 0; ky < window.kernel[0]; ++ky) {
        const int y = top + ky * window.dilation[0];
        if (y < 0 || y >= window.input.extents[2]) continue;
        for (int kx = 0; kx < window.kernel[1]; ++kx) {
            const int x = left + kx * window.dilation[1];
            if (x < 0 || x >= window.input.extents[3]) continue;
            body(y, x, ky * window.kernel[1] + kx);
        }
    }
}

template <int V>
__global__ void depthwise(const __grid_constant__ DepthwiseArgs args) {
    Pixel pixel;
    const Image& output = args.window.output;
    if (!pixel_of<V>(output, pixel)) return;
    float sum[V];
    load<V>(args.bias + pixel.c, Type::kF32, 1, sum);
    over_window(args.window, pixel, [&](int y, int x, int k) {
        float value[V];
        float weight[V];
        load_pixel<V>(args.window.input, pixel.n, pixel.c, y, x, value);
        load<V>(args.weights + k * output.extents[1] + pixel.c, Type::kF32, 1, weight);
#pragma unroll
        for (int i = 0; i < V; ++i)
            sum[i] += value[i] * weight[i];
    });
    run_steps<V>(args.steps, sum, [&](int which, float(&y)[V]) {
        const Operand& operand = args.operand[which];
        const int index = pixel.n * operand.strides[0] + pixel.c * operand.strides[1] +
                          pixel.y * operand.strides[2] + pixel.x * operand.strides[3];
        load<V>(operand, index, operand.strides[1], y);
    });
    store_pixel<V>(output, pixel, sum);
}

template <int V>
__global__ void pool(const __grid_constant__ PoolArgs args) {
    Pixel pixel;
    const WindowArgs& window = args.window;
    if (!pixel_of<V>(window.output, pixel)) return;
    float result[V];
#pragma unroll
    for (int i = 0; i < V; ++i)
        result[i] = args.is_max ? -3.402823466e38f : 0.0f;
    int inside = 0;
    over_window(window, pixel, [&](int y, int x, int) {
        float value[V];
        load_pixel<V>(window.input, pixel.n, pixel.c, y, x, value);
#pragma unroll
        for (int i = 0; i < V; ++i)
            result[i] = args.is_max ? fmaxf(result[i], value[i]) : result[i] + value[i];
        ++inside;
    });
    if (!args.is_max) {
        int divisor = max(inside, 1);
        if (args.counts_padding) {
            auto covered = [&](int axis, int place) {
                const int begin = place * window.stride[axis] - window.pad_begin[axis];
                const int limit = window.input.extents[2 + axis] + window.pad_end[axis];
                return min(window.kernel[axis],
                           (limit - begin + window.dilation[axis] - 1) / window.dilation[axis]);
            };
            divisor = covered(0, pixel.y) * covered(1, pixel.x);
        }
#pragma unroll
        for (int i = 0; i < V; ++i)
            result[i] /= static_cast<float>(divisor);
    }
    store_pixel<V>(window.output, pixel, result);
}

__device__ uint4* piece_at(const Image& image, int n, int c, int y, int x) {
    return static_cast<uint4*>(at(image.data, image.type, offset(image, n, c, y, x)));
}

/// Of numbers of 8 bits on one grid, 16 channels: the largest numbers are the largest bytes.
__global__ void largest_bytes(const __grid_constant__ WindowArgs window) {
    Pixel pixel;
    if (!pixel_of<16>(window.output, pixel)) return;
    LargestBytes largest[4];
    over_window(window, pixel, [&](int y, int x, int) {
        const uint4 piece = *piece_at(window.input, pixel.n, pixel.c, y, x);
        largest[0].take(piece.x);
        largest[1].take(piece.y);
        largest[2].take(piece.z);
        largest[3].take(piece.w);
    });
    *piece_at(window.output, pixel.n, pixel.c, pixel.y, pixel.x) =
        make_uint4(largest[0].word(), largest[1].word(), largest[2].word(), largest[3].word());
}

/// Of fp16, 8 channels.
__global__ void largest_halves(const __grid_constant__ WindowArgs window) {
    Pixel pixel;
    if (!pixel_of<8>(window.output, pixel)) return;
    __half2 largest[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
        largest[i] = __half2half2(__ushort_as_half(0xfc00));  // -infinity
    over_window(window, pixel, [&](int y, int x, int) {
        const uint4 piece = *piece_at(window.input, pixel.n, pixel.c, y, x);
        const __half2* pairs = reinterpret_cast<const __half2*>(&piece);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            largest[i] = __hmax2(largest[i], pairs[i]);
    });
    uint4 piece;
#pragma unroll
    for (int i = 0; i < 4; ++i)
        reinterpret_cast<__half2*>(&piece)[i] = largest[i];
    *piece_at(window.output, pixel.n, pixel.c, pixel.y, pixel.x) = piece;
}

__device__ float source_place(const ResizeArgs& args, int out, int axis) {
    // Rounded before the half is taken off, as on the host: ties must fall alike.
    return args.half_pixel ? __fmul_rn(out + 0.5f, args.step[axis]) - 0.5f : out * args.step[axis];
}

__device__ int clamped(int place, int extent) {
    return min(max(place, 0), extent - 1);
}

/// The nearest pixel's row or column.
__device__ int nearest(const ResizeArgs& args, int out, int axis) {
    const float place = source_place(args, out, axis);
    const float whole = args.floors ? floorf(place) : ceilf(place - 0.5f);
    return clamped(static_cast<int>(whole), args.input.extents[2 + axis]);
}

/// The nearest pixels, V channels in 16 bytes.
template <int V>
__global__ void spread(const __grid_constant__ ResizeArgs args) {
    Pixel pixel;
    if (!pixel_of<V>(args.output, pixel)) return;
    *piece_at(args.output, pixel.n, pixel.c, pixel.y, pixel.x) = *piece_at(
        args.input, pixel.n, pixel.c, nearest(args, pixel.y, 0), nearest(args, pixel.x, 1));
}

template <int V>
__global__ void resize(const __grid_constant__ ResizeArgs args) {
    Pixel pixel;
    if (!pixel_of<V>(args.output, pixel)) return;
    const int rows = args.input.extents[2];
    const int columns = args.input.extents[3];
    auto read = [&](int y, int x, float(&value)[V]) {
        load_pixel<V>(args.input, pixel.n, pixel.c, clamped(y, rows), clamped(x, columns), value);
    };
    float result[V];
    if (args.linear) {
        const float y = fmaxf(source_place(args, pixel.y, 0), 0.0f);
        const float x = fmaxf(source_place(args, pixel.x, 1), 0.0f);
        const int top = static_cast<int>(y);
        const int left = static_cast<int>(x);
        const float down = y - top;
        const float right = x - left;
        float corner[4][V];
        for (int i = 0; i < 4; ++i)
            read(top + i / 2, left + i % 2, corner[i]);
#pragma unroll
        for (int i = 0; i < V; ++i) {
            result[i] = (corner[0][i] * (1 - right) + corner[1][i] * right) * (1 - down) +
                        (corner[2][i] * (1 - right) + corner[3][i] * right) * down;
        }
    } else {
        read(nearest(args, pixel.y, 0), nearest(args, pixel.x, 1), result);
    }
    store_pixel<V>(args.output, pixel, result);
}

/// A thread does one output pixel with all its channels, 4 * C.
template <int C>
__global__ void space_to_depth(const __grid_constant__ SpaceToDepthArgs args) {
    const Image& output = args.output;
    int rest = blockIdx.x * kThreads + threadIdx.x;
    const int x = rest % output.extents[3];
    rest /= output.extents[3];
    const int y = rest % output.extents[2];
    const int n = rest / output.extents[2];
    if (n >= output.extents[0]) return;
    float values[16] = {};
#pragma unroll
    for (int corner = 0; corner < 4; ++corner) {
        for (int c = 0; c < C; ++c) {
            const int index = n * args.input.strides[0] + c * args.input.strides[1] +
                              (2 * y + corner / 2) * args.input.strides[2] +
                              (2 * x + corner % 2) * args.input.strides[3];
            float value[1];
            load<1>(args.input, index, 1, value);
            run_steps<1>(args.steps, value, [&](int which, float(&operand)[1]) {
                const Operand& from = args.operand[which];
                load<1>(from, c * from.strides[0], 1, operand);
            });
            values[corner * C + c] = value[0];
        }
    }
    constexpr int kPadded = (4 * C + 7) / 8 * 8;
    const int first = offset(output, n, 0, y, x);
#pragma unroll
    for (int i = 0; i < kPadded; i += 8) {
        float part[8];
#pragma unroll
        for (int j = 0; j < 8; ++j)
            part[j] = values[i + j];
        store<8>(at(output.data, output.type, first + i), output.type, part);
    }
}

bool goes_by(int width, const Image& image) {
    return image.extents[1] % width == 0 && image.strides[1] == 1 &&
           image.strides[0] % width == 0 && image.strides[2] % width == 0 &&
           image.strides[3] % width == 0 && reinterpret_cast<std::uintptr_t>(image.data) % 16 == 0;
}

bool goes_by_eight(const Image& image) {
    return goes_by(8, image);
}

/// How many numbers of both 16 bytes are, where those of one can be those of the other; else 0.
int piece_width(const Image& a, const Image& b) {
    if (a.type != b.type || (a.type == Type::kI8 && a.grid != b.grid)) return 0;
    const int width = a.type == Type::kF32 ? 4 : a.type == Type::kF16 ? 8 : 16;
    return goes_by(width, a) && goes_by(width, b) ? width : 0;
}

bool goes_by_eight(const DepthwiseArgs& args) {
    return std::all_of(args.operand, args.operand + args.operands, [](const Operand& operand) {
        return operand.strides[1] == 0 ||
               (operand.strides[1] == 1 && operand.strides[0] % 8 == 0 &&
                operand.strides[2] % 8 == 0 && operand.strides[3] % 8 == 0 &&
                reinterpret_cast<std::uintptr_t>(operand.data) % 16 == 0);
    });
}

int blocks_for(const Image& output, int width) {
    const long long count = static_cast<long long>(output.extents[0]) * output.extents[1] / width *
                            output.extents[2] * output.extents[3];
    return static_cast<int>((count + kThreads - 1) / kThreads);
}

}  // namespace

void launch_depthwise(const DepthwiseArgs& args, cudaStream_t stream) {
    const Image& output = args.window.output;
    if (goes_by_eight(output) && goes_by_eight(args.window.input) && goes_by_eight(args)) {
        depthwise<8><<<blocks_for(output, 8), kThreads, 0, stream>>>(args);
    } else {
        depthwise<1><<<blocks_for(output, 1), kThreads, 0, stream>>>(args);
    }
}

void launch_pool(const PoolArgs& args, cudaStream_t stream) {
    const Image& output = args.window.output;
    const int width = args.is_max ? piece_width(args.window.input, output) : 0;
    if (width != 0 && output.type == Type::kI8) {
        largest_bytes<<<blocks_for(output, width), kThreads, 0, stream>>>(args.window);
    } else if (width != 0 && output.type == Type::kF16) {
        largest_halves<<<blocks_for(output, width), kThreads, 0, stream>>>(args.window);
    } else if (goes_by_eight(output) && goes_by_eight(args.window.input)) {
        pool<8><<<blocks_for(output, 8), kThreads, 0, stream>>>(args);
    } else {
        pool<1><<<blocks_for(output, 1), kThreads, 0, stream>>>(args);
    }
}

void launch_resize(const ResizeArgs& args, cudaStream_t stream) {
    const int width = args.linear ? 0 : piece_width(args.input, args.output);
    if (width == 16) {
        spread<16><<<blocks_for(args.output, 16), kThreads, 0, stream>>>(args);
    } else if (width == 8) {
        spread<8><<<blocks_for(args.output, 8), kThreads, 0, stream>>>(args);
    } else if (goes_by_eight(args.output) && goes_by_eight(args.input)) {
        resize<8><<<blocks_for(args.output, 8), kThreads, 0, stream>>>(args);
    } else {
        resize<1><<<blocks_for(args.output, 1), kThreads, 0, stream>>>(args);
    }
}

void launch_space_to_depth(const SpaceToDepthArgs& args, cudaStream_t stream) {
    const Image& output = args.output;
    const int pixels = output.extents[0] * output.extents[2] * output.extents[3];
    const int blocks = (pixels + kThreads - 1) / kThreads;
    switch (args.channels) {
        case 1:
            space_to_depth<1><<<blocks, kThreads, 0, stream>>>(args);
            break;
        case 2:
            space_to_depth<2><<<blocks, kThreads, 0, stream>>>(args);
            break;
        case 3:
            space_to_depth<3><<<blocks, kThreads, 0, stream>>>(args);
            break;
        default:
            space_to_depth<4><<<blocks, kThreads, 0, stream>>>(args);
            break;
    }
}

}  // namespace sluice::infer::cuda
