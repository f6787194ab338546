#include <algorithm>

#include <cuda_fp16.h>

#include "sluice/infer/backends/cuda/head_conv_tile.h"

/// Blocks of threads keep the weights in shared memory; their warps go from tile to tile on their
/// own. What bounds it is reading x and writing the rows.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = kHeadWarps * 32;
constexpr int kAtOnce = 4;  ///< chunks of x that are on their way together

/// sum[16 places][8 outputs] += a[16 places][16] * b[16][8 outputs]
__device__ void multiply(
    float (&sum)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/// Outputs beyond the last have weights of zero.
template <int Eights>
__device__ void load_weights(const HeadConv& conv, __half* weights, float* bias) {
    const int pieces = conv.channels / 8;
    for (int i = threadIdx.x; i < Eights * 8 * pieces; i += kThreads) {
        const int output = i / pieces;
        const int channel = i % pieces * 8;
        const __half* from =
            static_cast<const __half*>(conv.weights) + output * conv.channels + channel;
        *reinterpret_cast<uint4*>(weights + output * head_weight_pitch(conv.channels) + channel) =
            output < conv.outputs ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
    }
    for (int i = threadIdx.x; i < Eights * 8; i += kThreads)
        bias[i] = i < conv.outputs ? conv.bias[i] : 0.0f;
}

/// `x` is the tile's first place, of which `places` are inside the image.
template <int Eights>
__device__ void convolve(const HeadConv& conv,
                         const __half* x,
                         int places,
                         const __half* weights,
                         float (&sums)[Eights][4]) {
    const int lane = threadIdx.x % 32;
    const int pitch = head_weight_pitch(conv.channels);
    for (int first = 0; first < conv.channels; first += kAtOnce * kHeadChunk) {
        uint4 a[kAtOnce][2];
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c) {
            const int channel = first + c * kHeadChunk + head_channel(lane);
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int place = head_place(lane, half);
                const bool reads = place < places && channel < conv.channels;
                a[c][half] =
                    reads
                        ? __ldg(reinterpret_cast<const uint4*>(x + place * conv.x_place + channel))
                        : make_uint4(0, 0, 0, 0);
            }
        }
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c) {
            const int channel = first + c * kHeadChunk + head_channel(lane);
            if (channel >= conv.channels) break;  // all lanes alike: chunks are whole
            const uint4 low = a[c][0];
            const uint4 high = a[c][1];
#pragma unroll
            for (int e = 0; e < Eights; ++e) {
                const uint4 b = *reinterpret_cast<const uint4*>(
                    weights + (e * 8 + head_weight_row(lane)) * pitch + channel);
                multiply(sums[e], low.x, high.x, low.y, high.y, b.x, b.y);
                multiply(sums[e], low.z, high.z, low.w, high.w, b.z, b.w);
            }
        }
    }
}

template <int Eights>
__device__ void write(const HeadConv& conv, const float* sums, float* y, int places) {
    constexpr int kAcross = head_across(Eights);
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int row = 0; row < kHeadPlaces; row += 32 / kAcross) {
        const int place = row + lane / kAcross;
        if (place >= places) continue;
        for (int output = lane % kAcross; output < conv.outputs; output += kAcross)
            y[place * conv.y_place + output] = sums[place * head_sum_pitch(Eights) + output];
    }
}

template <int Eights>
__global__ void __launch_bounds__(kThreads, Eights == 1 ? 4 : 2)
    head_conv(const __grid_constant__ HeadConv conv, int tiles) {
    extern __shared__ uint4 shared[];
    __half* weights = reinterpret_cast<__half*>(shared);
    float* bias = reinterpret_cast<float*>(weights + Eights * 8 * head_weight_pitch(conv.channels));
    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    float* made = bias + Eights * 8 + warp * kHeadPlaces * head_sum_pitch(Eights);
    load_weights<Eights>(conv, weights, bias);
    __syncthreads();
    for (int tile = blockIdx.x * kHeadWarps + warp; tile < tiles * conv.images;
         tile += gridDim.x * kHeadWarps) {
        const int image = tile / tiles;
        const int first = tile % tiles * kHeadPlaces;
        const int places = min(conv.places - first, kHeadPlaces);
        float sums[Eights][4];
#pragma unroll
        for (int e = 0; e < Eights; ++e) {
#pragma unroll
            for (int j = 0; j < 4; ++j)
                sums[e][j] = bias[e * 8 + head_sum_output(lane, j)];
        }
        const __half* x = static_cast<const __half*>(conv.x);
        convolve<Eights>(
            conv, x + image * conv.x_image + first * conv.x_place, places, weights, sums);
#pragma unroll
        for (int e = 0; e < Eights; ++e) {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float sum = sums[e][j];
                made[head_sum_place(lane, j) * head_sum_pitch(Eights) + e * 8 +
                     head_sum_output(lane, j)] =
                    conv.sigmoid ? __fdividef(1.0f, 1.0f + __expf(-sum)) : sum;
            }
        }
        __syncwarp();
        write<Eights>(conv, made, conv.y + image * conv.y_image + first * conv.y_place, places);
        __syncwarp();  // the next tile's sums go where these are
    }
}

template <int Eights>
void launch(const HeadConv& conv, cudaStream_t stream) {
    const int bytes = head_shared_bytes(Eights, conv.channels);
    const int tiles = head_tiles(conv);
    int device = 0;
    int processors = 1;
    int blocks = 1;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    cudaFuncSetAttribute(head_conv<Eights>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, head_conv<Eights>, kThreads, bytes);
    const int wanted = (tiles * conv.images + kHeadWarps - 1) / kHeadWarps;
    const int grid = std::min(wanted, processors * std::max(blocks, 1));
    head_conv<Eights><<<grid, kThreads, static_cast<std::size_t>(bytes), stream>>>(conv, tiles);
}

}  // namespace

void launch_head_conv(const HeadConv& conv, cudaStream_t stream) {
    if (conv.outputs <= 8) return launch<1>(conv, stream);
    if (conv.outputs <= 32) return launch<4>(conv, stream);
    if (conv.outputs <= 80) return launch<10>(conv, stream);
    launch<16>(conv, stream);
}

}  // namespace sluice::infer::cuda
