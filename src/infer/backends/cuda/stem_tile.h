#pragma once

#include "sluice/infer/backends/cuda/kernels.h"

/// How the kernel for first layers is cut up and where its numbers lie: plain functions of numbers,
/// so that a test without a GPU can move the numbers as the kernel does.
///
/// A block is 2x2 pixels: the channels of the first corner, of the second, and so on. Blocks of a
/// row lie side by side in shared memory, without what the weights are padded with, so that all
/// that a row of the window covers are numbers side by side. The sum goes over these by fours: at
/// each step of 16, each of four lanes reads 8 bytes. The matrix units think of these as of other
/// numbers, which does not matter to a sum.
namespace sluice::infer::cuda {

inline constexpr int kStemThreads = 128;
inline constexpr int kStemColumns = 16;  ///< places of a tile beside each other

template <int Kernel, int Channels, int Eights>
struct StemTile {
    static constexpr int kKernel = Kernel;
    static constexpr int kChannels = Channels;        ///< of a pixel
    static constexpr int kEights = Eights;            ///< 8 outputs each
    static constexpr int kWays = Eights > 4 ? 2 : 4;  ///< rows of places that a warp makes
    static constexpr int kRows = kStemThreads / 32 * kWays;

    static constexpr int kBlock = 4 * Channels;  ///< numbers
    /// Pairs of blocks in a row, of which the first is at an even block: there may be one too many.
    static constexpr int kPairs = (kStemColumns + Kernel + 1) / 2;
    static constexpr int kPitch = kPairs * 2 * kBlock;  ///< numbers from row to row
    static constexpr int kBlockRows = kRows + Kernel - 1;
    static constexpr int kPairsInAll = kBlockRows * kPairs;
    /// That a thread makes.
    static constexpr int kPairsEach = (kPairsInAll + kStemThreads - 1) / kStemThreads;

    static constexpr int kFoursOfRow = Kernel * Channels;
    static constexpr int kFours = Kernel * kFoursOfRow;
    static constexpr int kSteps = (kFours + 3) / 4;
    static constexpr int kWeightPieces = kSteps * Eights / 2 * 32;  ///< of 16 bytes
    static constexpr int kBlockPieces = kBlockRows * kPitch / 8;    ///< likewise
    /// Weights, blocks of two tiles, bias.
    static constexpr int kSharedBytes = (kWeightPieces + 2 * kBlockPieces) * 16 + Eights * 8 * 4;
    static_assert(kSharedBytes <= 48 * 1024, "more has to be asked for");

    /// Numbers from a place's first block to what a lane reads of it at a step. The last step may
    /// be cut short: then its weights are zeros, and what is read only has to be a number.
    __host__ __device__ static constexpr int reach(int step, int lane) {
        const int first = step * 4;
        const int quarter = lane % 4;
        // Known before it runs but for the lane, where all four are in one row of the window.
        if (first + 3 < kFours && first / kFoursOfRow == (first + 3) / kFoursOfRow)
            return first / kFoursOfRow * kPitch + first % kFoursOfRow * 4 + quarter * 4;
        const int four = first + quarter < kFours ? first + quarter : kFours - 1;
        return four / kFoursOfRow * kPitch + four % kFoursOfRow * 4;
    }
    /// A thread's places: in each of its ways, one and the one 8 to the right of it.
    __host__ __device__ static constexpr int row_of(int thread, int way) {
        return thread / 32 * kWays + way;
    }
    __host__ __device__ static constexpr int column_of(int thread, int right) {
        return thread % 32 / 4 + right * 8;
    }
    /// Numbers from the tile's first block to the first one that such a place reads.
    __host__ __device__ static constexpr int place_at(int thread, int way, int right) {
        return row_of(thread, way) * kPitch + column_of(thread, right) * kBlock;
    }

    /// The four weights that belong to what a lane reads at a step, in StemArgs::weights; -1 where
    /// there are none.
    __host__ __device__ static constexpr int weights_of(int output, int step, int lane) {
        const int four = step * 4 + lane % 4;
        if (four >= kFours) return -1;
        return (output * Kernel * Kernel + four / Channels) * 16 + four % Channels * 4;
    }
    /// Where they lie in shared memory: 16 bytes of a lane for two eights, in the order in which
    /// the lanes read.
    __host__ __device__ static constexpr int weight_piece(int step, int eight, int lane) {
        return (step * (Eights / 2) + eight / 2) * 32 + lane;
    }
    /// Outputs side by side that a lane has of four eights, and of what is left of them.
    __host__ __device__ static constexpr int width_of(int eight) {
        const int left = Eights - eight / 4 * 4;
        return left < 4 ? left * 2 : 8;
    }
    /// The output that is column 0 .. 7 of an eight: such that a lane, which has columns
    /// 2 * (lane % 4) and the next, has outputs side by side.
    __host__ __device__ static constexpr int output_of(int eight, int column) {
        return eight / 4 * 32 + column / 2 * width_of(eight) + eight % 4 * 2 + column % 2;
    }
};

/// A tile: its first place.
struct StemSpot {
    int n, top, left;
};

/// The first block of a pair, of StemArgs::blocks; may be outside.
struct StemBlock {
    int y, x;
};
template <class Tile>
__host__ __device__ constexpr StemBlock stem_block(const StemArgs& args,
                                                   const StemSpot& spot,
                                                   int pair) {
    const int pad = args.pad_begin[1];
    return {spot.top - args.pad_begin[0] + pair / Tile::kPairs,
            spot.left - pad - pad % 2 + pair % Tile::kPairs * 2};
}

/// Whether the pixels of a pair are four bytes side by side, and aligned, in each of its rows.
inline bool stem_reads_words(const StemArgs& args) {
    const int* strides = args.input.strides;
    return args.channels == 3 && args.input.type == Type::kU8 && strides[3] == 1 &&
           strides[0] % 4 == 0 && strides[1] % 4 == 0 && strides[2] % 4 == 0 &&
           args.blocks[1] % 2 == 0 && reinterpret_cast<std::uintptr_t>(args.input.data) % 4 == 0;
}

}  // namespace sluice::infer::cuda
