#pragma once

#include <cstdint>

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

/// Eights of outputs that a part has room for, where the widest has `eights`.
__host__ __device__ constexpr int head_eights(const HeadPart& part, int eights) {
    return part.outputs <= 8 ? 1 : eights;
}
/// What the widest part wants, of those that the kernel is made for.
constexpr int head_widest(const HeadConv& conv) {
    int outputs = 0;
    for (int i = 0; i < conv.parts; ++i)
        outputs = conv.part[i].outputs > outputs ? conv.part[i].outputs : outputs;
    return outputs <= 8 ? 1 : outputs <= 32 ? 4 : outputs <= 80 ? 10 : 16;
}

/// Do the outputs fill the rows, so that a tile is written as one piece, 16 bytes at a time?
__host__ __device__ inline bool head_fills_rows(const HeadConv& conv) {
    return conv.y_place == conv.outputs() && conv.y_image % 4 == 0 &&
           reinterpret_cast<std::uintptr_t>(conv.y) % 16 == 0;
}
/// Numbers from one place's sums to the next in shared memory: as they are written, or else such
/// that places side by side begin in different banks.
__host__ __device__ inline int head_sum_pitch(const HeadConv& conv) {
    return head_fills_rows(conv) ? conv.outputs() : conv.outputs() | 1;
}

/// Bytes of shared memory: weights and biases of each part, sums of each warp.
__host__ __device__ constexpr int head_part_bytes(const HeadPart& part, int eights) {
    return head_eights(part, eights) * 8 * (head_weight_pitch(part.channels) * 2 + 4);
}
__host__ __device__ inline int head_sum_bytes(const HeadConv& conv) {
    return kHeadPlaces * head_sum_pitch(conv) * 4;
}
inline int head_shared_bytes(const HeadConv& conv) {
    int bytes = kHeadWarps * head_sum_bytes(conv);
    for (int i = 0; i < conv.parts; ++i)
        bytes += head_part_bytes(conv.part[i], head_widest(conv));
    return bytes;
}

/// Tiles of an image: none reaches into the next.
__host__ __device__ constexpr int head_tiles(const HeadConv& conv) {
    return (conv.places + kHeadPlaces - 1) / kHeadPlaces;
}

}  // namespace sluice::infer::cuda
