#pragma once

#include <cstdint>

#include "sluice/infer/backends/cuda/int8_conv_tile.h"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"

/// The third way to an 8-bit convolution, for Hopper: windows of one place (1x1), which write more
/// than they compute, and two of them at once (Int8Conv::Second). Where everything lies, in plain
/// functions of numbers, so that a test without a GPU can move the numbers as the kernel does.
///
/// A tile is so many places times so many channels of the output, a unit of it 64 places times 64
/// or 128 channels: what four warps (a group) make. What is summed over goes in chunks of 128 bytes
/// of each product, the last one maybe shorter. Boxes of so many places times 128 bytes flow
/// through a ring of stages in shared memory: of each tile the chunks of x, then its operand. A row
/// of a box is a place; its pieces of 16 bytes lie in the order that the matrix units know
/// (`swizzled`). The weights lie likewise, a row for each channel: all of them, if there is room;
/// otherwise those of a chunk lie in its stage.
namespace sluice::infer::cuda {

inline constexpr int kUnitRows = 64;  ///< places of a unit
inline constexpr int kChunk = 128;    ///< bytes
inline constexpr int kChunkPieces = kChunk / kPiece;
inline constexpr int kMostWideStages = 12;
inline constexpr int kWideBarrierBytes = 256;  ///< two of 8 bytes for each stage

struct WideCut {
    const char* name;
    int channels;      ///< of a unit: 64 or 128
    int down, across;  ///< units of a tile, a group of warps each
    int copiers;       ///< warps that copy, at the most
    int blocks;        ///< that a multiprocessor should hold: bounds the registers
};
inline constexpr WideCut kWideCuts[] = {
    {"wide 64x128", 128, 1, 1, 2, 2},
    {"wide 128x128", 128, 2, 1, 4, 1},
    {"wide 64x256", 128, 1, 2, 4, 1},
    {"wide 64x256 thin", 64, 1, 4, 4, 1},
    {"wide 128x64", 64, 2, 1, 2, 2},
    {"wide 256x64", 64, 4, 1, 4, 1},
};
inline constexpr int kWideCutCount = sizeof(kWideCuts) / sizeof(kWideCuts[0]);

__host__ __device__ constexpr int wide_groups(const WideCut& cut) {
    return cut.down * cut.across;
}
constexpr int wide_threads(const WideCut& cut) {
    return wide_groups(cut) * 128 + cut.copiers * 32;
}
/// Whether it is made for two products: nobody has asked for them with fewer channels.
constexpr bool wide_takes_two(const WideCut& cut) {
    return cut.channels * cut.across >= 128;
}

/// One of the products. Distances are bytes.
struct WidePart {
    const std::int8_t* x;
    const std::int8_t* weights;
    int x_place, x_row, x_image;  ///< to what the next place, row, image of the output reads
    bool flat;                    ///< places that are read follow each other
    int pieces;                   ///< of a place
    int chunks;
    int first_chunk;  ///< chunks of the product before it
};

/// How outputs end. Those of 8 bits have short ways; the operand, if there is one, has 8 bits then.
enum class WideEnd : std::uint8_t {
    kLinear,  ///< no swish; the operand before the activation
    kSwish,   ///< the operand after it
    kAny      ///< as Int8ConvWork says
};

struct WideWork {
    Int8ConvWork base;
    WidePart parts[2];
    int part_count;
    int rows, columns;  ///< of a tile: places and channels
    int down, across;   ///< tiles
    bool kept;          ///< all weights of the tile's channels stay in shared memory
    int x_bytes;        ///< of a chunk
    int stage_bytes;    ///< x, and the weights where they are not kept
    int weight_bytes;   ///< of those that are kept
    int stages;
    int copiers;  ///< warps, two fewer than stages at the most: see WideBlock

    WideEnd end;
    int operand_boxes;  ///< of a tile; 0 where no operand goes through shared memory
    // kLinear: real = sum * scale * gain + (bias + shift) * gain + begin
    //          part = real + operand * joined
    // kSwish:  half a real number = sum * scale * gain + (bias + shift) * gain + begin
    //          part = swish(real) * inverse + zero + operand * joined
    // The output is saturated(part) * range + low, rounded: parts 0 and 1 are the least and the
    // largest number that it may be, so that ReLU is in it.
    float gain, shift, begin;
    float inverse, zero;
    float joined;
    float range, low;
};

WideWork wide_work(const WideCut& cut, const Int8Conv& conv);
bool wide_fits(const WideCut& cut, const Int8Conv& conv);
void launch_int8_wide(int cut, const Int8Conv& conv, cudaStream_t stream);

/// Shared memory: barriers, numbers, kept weights, stages. What the matrix units read begins at
/// multiples of 1024.
__host__ __device__ constexpr int wide_weights_at(const WideWork& work) {
    // Bias, scale and second scale of each channel.
    const int numbers = 3 * work.columns * static_cast<int>(sizeof(float));
    return (kWideBarrierBytes + numbers + 1023) / 1024 * 1024;
}
__host__ __device__ constexpr int wide_stages_at(const WideWork& work) {
    return wide_weights_at(work) + work.weight_bytes;
}
constexpr int wide_shared_bytes(const WideWork& work) {
    return wide_stages_at(work) + work.stages * work.stage_bytes;
}

/// Where a byte lies: the pieces of each 128 bytes change places from line to line, such that the
/// same piece of 8 lines side by side lies in different banks ("128-byte swizzle", PTX manual).
__host__ __device__ constexpr int swizzled(int at) {
    return at ^ at / 128 % 8 * kPiece;
}

__host__ __device__ constexpr int wide_piece_at(int row, int piece) {
    return swizzled(row * kChunk + piece * kPiece);
}

/// Pieces of a chunk.
__host__ __device__ constexpr int wide_pieces(const WidePart& part, int chunk) {
    const int left = part.pieces - chunk * kChunkPieces;
    return left < kChunkPieces ? left : kChunkPieces;
}

/// Where the place of x begins that a place of the output reads: bytes.
__host__ __device__ constexpr int wide_x_from(const WideWork& work,
                                              const WidePart& part,
                                              int place) {
    if (part.flat) return place * part.x_place;
    const int image = place / work.base.pixels;
    const int in_image = place - image * work.base.pixels.by;
    const int row = in_image / work.base.columns;
    const int column = in_image - row * work.base.columns.by;
    return image * part.x_image + row * part.x_row + column * part.x_place;
}

/// How the N channels of units lie.
template <int N>
struct WideLanes {
    using Lanes = HaloLanes<N>;
    static constexpr int kTimes = Lanes::kTimes;  ///< times 16 channels side by side of a lane

    /// Which channel of the tile has its weights in this row.
    __host__ __device__ static constexpr int channel_of(int row) {
        return row / N * N + Lanes::channel_of(row % N);
    }
    __host__ __device__ static constexpr int row_in_unit(int thread, int i) {
        return thread % 128 / 32 * 16 + i * 8 + thread % 32 / 4;
    }
    /// Where the numbers of a channel lie: so that the four times 4 that four lanes read at once
    /// lie side by side.
    __host__ __device__ static constexpr int number_at(int channel) {
        return channel / 64 * 64 + channel % 16 / 4 * 16 + channel % 64 / 16 * 4 + channel % 4;
    }
};

}  // namespace sluice::infer::cuda
