#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "sluice/image/cuda/network_pixels.h"

namespace sluice::image::cuda {
namespace {

constexpr int kWarp = 32;   // pixels side by side
constexpr int kWarps = 8;   // of a block, one below the other
constexpr int kPlanar = 0;  // as the number of stored channels

template <class Number>
__device__ Number number(float value);
template <>
__device__ unsigned char number(float value) {
    return static_cast<unsigned char>(__float2uint_rn(clamp_sample(value)));
}
template <>
__device__ __half number(float value) {
    return __float2half_rn(value);
}
template <>
__device__ __nv_bfloat16 number(float value) {
    return __float2bfloat16_rn(value);
}
template <>
__device__ float number(float value) {
    return value;
}

/// A pixel padded with zeros, written at once.
template <class Number, int kStored>
struct alignas(sizeof(Number) * kStored < 16 ? sizeof(Number) * kStored : 16) PaddedPixel {
    Number numbers[kStored];
};

/// Thread (x, y) of the grid makes kRows pixels of column x, so that neighbours read and write
/// neighbours; blockIdx.z is the item.
template <class Number, int kStored>
__global__ void __launch_bounds__(kWarp* kWarps)
    preprocess(const __grid_constant__ PreprocessArgs args) {
    const int first_x = blockIdx.x * kWarp;
    const int x = first_x + threadIdx.x;
    const int first_y = (blockIdx.y * kWarps + threadIdx.y) * kRows;
    float pixels[kRows][3];
    network_pixels(args, args.picture[blockIdx.z], x, first_y, pixels);

    const size_t area = static_cast<size_t>(args.width) * args.height;
    const int per_pixel = kStored == kPlanar ? args.channels : kStored;
    Number* item = static_cast<Number*>(args.destination) + blockIdx.z * area * per_pixel;
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
        const int y = first_y + row;
        if (y >= args.height) return;
        const size_t line = static_cast<size_t>(y) * args.width;
        const float(&pixel)[3] = pixels[row];
        if constexpr (kStored == kPlanar) {
            if (x >= args.width) continue;
            item[line + x] = number<Number>(pixel[0]);
            if (args.channels == 3) {
                item[area + line + x] = number<Number>(pixel[1]);
                item[2 * area + line + x] = number<Number>(pixel[2]);
            }
        } else if constexpr (kStored == 3) {
            // Through the block's memory, so that a warp writes its numbers side by side.
            __shared__ Number staged[kWarps][kWarp * 3];
            Number* mine = staged[threadIdx.y];
#pragma unroll
            for (int channel = 0; channel < 3; ++channel)
                mine[threadIdx.x * 3 + channel] = number<Number>(pixel[channel]);
            __syncwarp();
            const int count = min(kWarp, args.width - first_x) * 3;
            for (int i = threadIdx.x; i < count; i += kWarp)
                item[(line + first_x) * 3 + i] = mine[i];
            __syncwarp();
        } else {
            if (x >= args.width) continue;
            PaddedPixel<Number, kStored> padded;
#pragma unroll
            for (int channel = 0; channel < kStored; ++channel) {
                const bool filled = channel < 3 && channel < args.channels;
                padded.numbers[channel] = number<Number>(filled ? pixel[channel % 3] : 0.0f);
            }
            reinterpret_cast<PaddedPixel<Number, kStored>*>(item)[line + x] = padded;
        }
    }
}

template <class Number>
void launch(const PreprocessArgs& args, cudaStream_t stream) {
    constexpr int kBlockRows = kWarps * kRows;
    const dim3 block(kWarp, kWarps);
    const dim3 grid(
        (args.width + kWarp - 1) / kWarp, (args.height + kBlockRows - 1) / kBlockRows, args.count);
    switch (args.stored_channels) {
        case 3:
            preprocess<Number, 3><<<grid, block, 0, stream>>>(args);
            break;
        case 4:
            preprocess<Number, 4><<<grid, block, 0, stream>>>(args);
            break;
        case 8:
            preprocess<Number, 8><<<grid, block, 0, stream>>>(args);
            break;
        default:  // a single channel lies the same in either layout
            preprocess<Number, kPlanar><<<grid, block, 0, stream>>>(args);
    }
}

}  // namespace

void launch_preprocess(const PreprocessArgs& args, cudaStream_t stream) {
    switch (args.type) {
        case Element::kU8:
            return launch<unsigned char>(args, stream);
        case Element::kF16:
            return launch<__half>(args, stream);
        case Element::kBf16:
            return launch<__nv_bfloat16>(args, stream);
        case Element::kF32:
            return launch<float>(args, stream);
    }
}

}  // namespace sluice::image::cuda
