#include <algorithm>

#include <cuda_fp16.h>

#include "sluice/infer/backends/cuda/blocks_at_once.cuh"
#include "sluice/infer/backends/cuda/device_math.cuh"
#include "sluice/infer/backends/cuda/head_conv_tile.h"

/// Blocks of threads keep the weights in shared memory; their warps go from tile to tile on their
/// own. What bounds it is reading x and writing the rows.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = kHeadWarps * 32;
constexpr int kAtOnce = 4;  ///< chunks of x that are on their way together

/// Outputs beyond the last have weights of zero. The biases lie behind the weights.
__device__ void load_weights(const HeadPart& part, int eights, char* to) {
    __half* weights = reinterpret_cast<__half*>(to);
    const int pieces = part.channels / 8;
    const int pitch = head_weight_pitch(part.channels);
    for (int i = threadIdx.x; i < eights * 8 * pieces; i += kThreads) {
        const int output = i / pieces;
        const int channel = i % pieces * 8;
        const __half* from =
            static_cast<const __half*>(part.weights) + output * part.channels + channel;
        *reinterpret_cast<uint4*>(weights + output * pitch + channel) =
            output < part.outputs ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
    }
    float* bias = reinterpret_cast<float*>(weights + eights * 8 * pitch);
    for (int i = threadIdx.x; i < eights * 8; i += kThreads)
        bias[i] = i < part.outputs ? part.bias[i] : 0.0f;
}

/// `x` is the tile's first place, of which `places` are inside the image.
template <int Eights>
__device__ void convolve(const HeadPart& part,
                         const __half* x,
                         int places,
                         const __half* weights,
                         float (&sums)[Eights][4]) {
    const int lane = threadIdx.x % 32;
    const int pitch = head_weight_pitch(part.channels);
    for (int first = 0; first < part.channels; first += kAtOnce * kHeadChunk) {
        uint4 a[kAtOnce][2];
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c) {
            const int channel = first + c * kHeadChunk + head_channel(lane);
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int place = head_place(lane, half);
                const bool reads = place < places && channel < part.channels;
                a[c][half] =
                    reads
                        ? __ldg(reinterpret_cast<const uint4*>(x + place * part.x_place + channel))
                        : make_uint4(0, 0, 0, 0);
            }
        }
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c) {
            const int channel = first + c * kHeadChunk + head_channel(lane);
            if (channel >= part.channels) break;  // all lanes alike: chunks are whole
            const uint4 low = a[c][0];
            const uint4 high = a[c][1];
#pragma unroll
            for (int e = 0; e < Eights; ++e) {
                const uint4 b = *reinterpret_cast<const uint4*>(
                    weights + (e * 8 + head_weight_row(lane)) * pitch + channel);
                multiply(sums[e], {low.x, high.x, low.y, high.y}, b.x, b.y);
                multiply(sums[e], {low.z, high.z, low.w, high.w}, b.z, b.w);
            }
        }
    }
}

/// A part's columns of the tile, into `made`.
template <int Eights>
__device__ void make_columns(
    const HeadPart& part, const __half* x, int places, const char* loaded, float* made, int pitch) {
    const int lane = threadIdx.x % 32;
    const __half* weights = reinterpret_cast<const __half*>(loaded);
    const float* bias =
        reinterpret_cast<const float*>(weights + Eights * 8 * head_weight_pitch(part.channels));
    float sums[Eights][4];
#pragma unroll
    for (int e = 0; e < Eights; ++e) {
#pragma unroll
        for (int j = 0; j < 4; ++j)
            sums[e][j] = bias[e * 8 + head_sum_output(lane, j)];
    }
    convolve<Eights>(part, x, places, weights, sums);
#pragma unroll
    for (int e = 0; e < Eights; ++e) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int output = e * 8 + head_sum_output(lane, j);
            if (output >= part.outputs) continue;
            const float sum = sums[e][j];
            made[head_sum_place(lane, j) * pitch + output] =
                part.sigmoid ? __fdividef(1.0f, 1.0f + __expf(-sum)) : sum;
        }
    }
}

/// The rows of a tile, `y` being the first.
__device__ void write(const HeadConv& conv, const float* made, float* y, int places, int outputs) {
    const int lane = threadIdx.x % 32;
    if (head_fills_rows(conv)) {
        const int count = places * outputs;
        for (int i = lane; i < count / 4; i += 32)
            reinterpret_cast<float4*>(y)[i] = reinterpret_cast<const float4*>(made)[i];
        if (lane < count % 4) y[count / 4 * 4 + lane] = made[count / 4 * 4 + lane];
        return;
    }
    const int across = outputs <= 8 ? 8 : 32;
    const int pitch = head_sum_pitch(conv);
    for (int place = lane / across; place < places; place += 32 / across) {
        for (int output = lane % across; output < outputs; output += across)
            y[place * conv.y_place + output] = made[place * pitch + output];
    }
}

/// Eights is that of the widest part.
template <int Eights>
__global__ void __launch_bounds__(kThreads, Eights == 1 ? 4 : 2)
    head_conv(const __grid_constant__ HeadConv conv, int tiles) {
    extern __shared__ uint4 shared[];
    const int warp = threadIdx.x / 32;
    char* parts = reinterpret_cast<char*>(shared) + kHeadWarps * head_sum_bytes(conv);
    float* made =
        reinterpret_cast<float*>(reinterpret_cast<char*>(shared) + warp * head_sum_bytes(conv));
    const int outputs = conv.outputs();
    const int pitch = head_sum_pitch(conv);
    char* to = parts;
    for (int p = 0; p < conv.parts; ++p) {
        load_weights(conv.part[p], head_eights(conv.part[p], Eights), to);
        to += head_part_bytes(conv.part[p], Eights);
    }
    __syncthreads();
    for (int tile = blockIdx.x * kHeadWarps + warp; tile < tiles * conv.images;
         tile += gridDim.x * kHeadWarps) {
        const int image = tile / tiles;
        const int first = tile % tiles * kHeadPlaces;
        const int places = min(conv.places - first, kHeadPlaces);
        const char* loaded = parts;
        int column = 0;
        for (int p = 0; p < conv.parts; ++p) {
            const HeadPart& part = conv.part[p];
            const __half* x =
                static_cast<const __half*>(part.x) + image * part.x_image + first * part.x_place;
            if (part.outputs <= 8) {
                make_columns<1>(part, x, places, loaded, made + column, pitch);
            } else {
                make_columns<Eights>(part, x, places, loaded, made + column, pitch);
            }
            loaded += head_part_bytes(part, Eights);
            column += part.outputs;
        }
        __syncwarp();
        write(conv, made, conv.y + image * conv.y_image + first * conv.y_place, places, outputs);
        __syncwarp();  // the next tile's sums go where these are
    }
}

template <int Eights>
void launch(const HeadConv& conv, cudaStream_t stream) {
    const int bytes = head_shared_bytes(conv);
    const int tiles = head_tiles(conv);
    const int wanted = (tiles * conv.images + kHeadWarps - 1) / kHeadWarps;
    const int grid = std::min(wanted, blocks_at_once(head_conv<Eights>, kThreads, bytes));
    head_conv<Eights><<<grid, kThreads, static_cast<std::size_t>(bytes), stream>>>(conv, tiles);
}

}  // namespace

void launch_head_conv(const HeadConv& conv, cudaStream_t stream) {
    switch (head_widest(conv)) {
        case 1:
            return launch<1>(conv, stream);
        case 4:
            return launch<4>(conv, stream);
        case 10:
            return launch<10>(conv, stream);
        default:
            return launch<16>(conv, stream);
    }
}

}  // namespace sluice::infer::cuda
