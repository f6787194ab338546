#pragma once

#include "sluice/infer/backends/cuda/head_conv.h"

/// Where the numbers of a head's last convolution lie and which lane has which: plain functions of
/// numbers, so that a test without a GPU can move the numbers as the kernel does.
///
/// A warp makes 16 places. What is summed over goes by chunks of 32 channels, of which each of four
/// lanes reads 8 side by side, of x and of the weights alike. The matrix units think of these as
/// of other channels, which does not matter to a sum: so x goes to registers by loads of 16 bytes.
namespace sluice::infer::cuda {

inline constexpr int kHeadWarps = 8;
inline constexpr int kHeadPlaces = 16;  ///< of a warp's tile
inline constexpr int kHeadChunk = 32;   ///< channels

/// The place of a tile and the first channel of a chunk that a lane reads; `half` is 0 or 1.
__host__ __device__ constexpr int head_place(int lane, int half) {
    return half * 8 + lane / 4;
}
__host__ __device__ constexpr int head_channel(int lane) {
    return lane % 4 * 8;
}

/// The output of each eight whose weights a lane reads.
__host__ __device__ constexpr int head_weight_row(int lane) {
    return lane / 4;
}
/// Numbers from one output's weights to the next in shared memory: rows side by side begin 64 bytes
/// apart in the banks, so that 8 lanes that read at once, of two rows, meet no other.
__host__ __device__ constexpr int head_weight_pitch(int channels) {
    return channels % 64 == 0 ? channels + 32 : channels;
}

/// Sum j of four of a lane, for each eight of outputs.
__host__ __device__ constexpr int head_sum_place(int lane, int j) {
    return j / 2 * 8 + lane / 4;
}
__host__ __device__ constexpr int head_sum_output(int lane, int j) {
    return lane % 4 * 2 + j % 2;
}
/// Numbers from one place's sums to the next in shared memory: four places side by side begin 8
/// banks apart.
__host__ __device__ constexpr int head_sum_pitch(int eights) {
    return eights * 8 + (40 - eights * 8 % 32) % 32;
}

/// How a warp writes a tile: this many outputs side by side, the other lanes at further places.
__host__ __device__ constexpr int head_across(int eights) {
    return eights == 1 ? 8 : 32;
}

/// Weights, bias, sums of each warp.
__host__ __device__ constexpr int head_shared_bytes(int eights, int channels) {
    return eights * 8 * head_weight_pitch(channels) * 2 + eights * 8 * 4 +
           kHeadWarps * kHeadPlaces * head_sum_pitch(eights) * 4;
}

/// Tiles of an image: none reaches into the next.
__host__ __device__ constexpr int head_tiles(const HeadConv& conv) {
    return (conv.places + kHeadPlaces - 1) / kHeadPlaces;
}

}  // namespace sluice::infer::cuda
