#pragma once

#include <climits>
#include <cstdint>

#include "sluice/infer/backends/cuda/int8_conv.h"

/// How the own 8-bit convolution is cut up and where its numbers lie: plain functions of numbers,
/// so that a test without a GPU can move the numbers as the kernel does.
///
/// What is summed over is cut into chunks, a chunk into pieces of 16 bytes (of one place of the
/// window each, since input channels are a multiple of 16). Shared memory holds a chunk as rows:
/// those of x are places of the output, those of the weights are output channels.
namespace sluice::infer::cuda {

inline constexpr int kPiece = 16;          ///< bytes that are copied at once
inline constexpr int kMultiplied = 32;     ///< bytes of a row that one instruction takes
inline constexpr int kNowhere = -1 << 24;  ///< the row and column of what is outside any image

/// A block of threads makes rows x columns outputs, a warp of it warp_rows x warp_columns.
struct Cut {
    int rows, columns;
    int warp_rows, warp_columns;
    int chunk;   ///< bytes
    int stages;  ///< chunks in shared memory: one is worked on, the others are on their way
    int blocks;  ///< that a multiprocessor should hold: bounds the registers
};

inline constexpr Cut kCuts[] = {
    {64, 32, 32, 32, 64, 4, 8},
    {128, 32, 32, 32, 64, 4, 4},
    {64, 64, 32, 32, 64, 4, 5},
    {128, 64, 32, 64, 64, 4, 3},
    {256, 64, 32, 64, 64, 3, 2},
    {64, 128, 32, 64, 64, 4, 3},
    {128, 128, 64, 64, 64, 4, 2},
    {128, 128, 64, 32, 128, 3, 2},
    {256, 128, 64, 64, 64, 3, 1},
    {64, 64, 32, 32, 128, 4, 3},
    {128, 64, 64, 32, 128, 4, 2},
};
inline constexpr int kCutCount = sizeof(kCuts) / sizeof(kCuts[0]);

template <int I>
struct Tile {
    static constexpr Cut kCut = kCuts[I];
    static constexpr int kRows = kCut.rows;
    static constexpr int kColumns = kCut.columns;
    static constexpr int kChunk = kCut.chunk;
    static constexpr int kStages = kCut.stages;
    static constexpr int kWarpRows = kCut.warp_rows;
    static constexpr int kWarpColumns = kCut.warp_columns;
    static constexpr int kWarpsAcross = kColumns / kWarpColumns;
    static constexpr int kThreads = kRows / kWarpRows * kWarpsAcross * 32;
    static constexpr int kPieces = kChunk / kPiece;     ///< of a row
    static constexpr int kAtOnce = kThreads / kPieces;  ///< rows that all threads copy at once
    static constexpr int kRowCopies = kRows / kAtOnce;  ///< of one thread, for x
    static constexpr int kColumnCopies = kColumns / kAtOnce;
    static constexpr int kWays = kWarpRows / 16;      ///< 16 rows each
    static constexpr int kEights = kWarpColumns / 8;  ///< 8 columns each
    static constexpr int kOfLane = kWarpColumns / 4;  ///< channels side by side of a lane
    static constexpr int kXBytes = kRows * kChunk;
    static constexpr int kWeightBytes = kColumns * kChunk;
    static_assert(kRowCopies * kAtOnce == kRows && kColumnCopies * kAtOnce == kColumns);
    static_assert(kOfLane == 8 || kOfLane == 16);

    /// The piece of its rows that a thread copies, and which rows.
    __host__ __device__ static constexpr int copied_piece(int thread) { return thread % kPieces; }
    __host__ __device__ static constexpr int copied_row(int thread, int copy) {
        return thread / kPieces + copy * kAtOnce;
    }
    /// Where the outputs of a thread's warp begin.
    __host__ __device__ static constexpr int warp_row(int thread) {
        return thread / 32 / kWarpsAcross * kWarpRows;
    }
    __host__ __device__ static constexpr int warp_column(int thread) {
        return thread / 32 % kWarpsAcross * kWarpColumns;
    }
    /// A thread's outputs: in 2 * kWays places, kOfLane channels from the first on. Number c of
    /// place i is sums[i / 2][c / 2][i % 2 * 2 + c % 2] of sums[kWays][kEights][4].
    __host__ __device__ static constexpr int place_in_tile(int thread, int i) {
        return warp_row(thread) + i * 8 + thread % 32 / 4;
    }
    __host__ __device__ static constexpr int channel_in_tile(int thread) {
        return warp_column(thread) + thread % 4 * kOfLane;
    }
};

/// Where a piece of a row lies, in bytes. Pieces of a row change places from row to row, such that
/// the same piece of 8 rows side by side lies in different banks.
template <int Chunk>
__host__ __device__ constexpr int piece_at(int row, int piece) {
    constexpr int kPieces = Chunk / kPiece;
    constexpr int kRowsOfBanks = 8 / kPieces;
    return row * Chunk + (piece ^ (row / kRowsOfBanks % kPieces)) * kPiece;
}

/// Which of a tile's channels has its weights in this row: such that what a lane gets, columns
/// 2 * (lane % 4) and the next of each 8, are channels side by side.
template <class T>
__host__ __device__ constexpr int channel_of(int row) {
    const int in_warp = row % T::kWarpColumns;
    return row - in_warp + in_warp % 8 / 2 * T::kOfLane + in_warp / 8 * 2 + in_warp % 2;
}

/// The row and piece whose address a lane gives to ldmatrix. Of x, 16 rows and 32 bytes: matrices
/// are rows 0-7, rows 8-15, then the same 16 bytes further.
struct Spot {
    int row, piece;
};
__host__ __device__ constexpr Spot x_spot(int lane) {
    return {lane % 16, lane / 16};
}
/// Of weights, 16 channels: matrices are both halves of channels 0-7, then those of 8-15.
__host__ __device__ constexpr Spot weight_spot(int lane) {
    return {lane / 16 * 8 + lane % 8, lane / 8 % 2};
}

/// Divides numbers in [0, 2^31) by what was known before, by one multiplication (Granlund and
/// Montgomery, Division by Invariant Integers using Multiplication, 1994, section 4).
struct Divisor {
    int by = 1;
    unsigned factor = 0;
    int shift = 0;

    static constexpr Divisor of(int by) {
        int bits = 0;
        while ((1LL << bits) < by)
            ++bits;
        if (by == 1) return {};
        const std::uint64_t power = std::uint64_t{1} << (31 + bits);
        const auto divisor = static_cast<std::uint64_t>(by);
        return {by, static_cast<unsigned>((power + divisor - 1) / divisor), bits - 1};
    }
};
__host__ __device__ constexpr int operator/(int number, const Divisor& divisor) {
    if (divisor.by == 1) return number;
    const std::uint64_t product = static_cast<std::uint64_t>(number) * divisor.factor;
    return static_cast<int>(static_cast<unsigned>(product >> 32) >> divisor.shift);
}

/// A convolution as the kernel wants it.
struct Int8ConvWork {
    Int8Conv conv;
    int places = 0;  ///< of the output, in all
    int depth = 0;   ///< bytes of weights of an output channel
    int chunks = 0;
    int across = 0;  ///< tiles beside each other, that is of channels
    int down = 0;
    bool flat = false;    ///< what belongs to a place of the output is that place of x
    bool kept = false;    ///< all weights of a tile's channels stay in shared memory
    bool wide_y = false;  ///< 16 bytes at once
    bool wide_operand = false;
    Divisor columns;  ///< of the output
    Divisor pixels;   ///< of an image of the output
    // gained = (sum * scale + bias + shift) * gain + operand * before
    // result = act(gained / gain) * inverse + zero + operand * after
    // It is the output's number or, of 8 bits, that number's part of all: (number + 128) / 255.
    float gain = 1;
    float shift = 0;
    float before = 0;
    float floor = 0;  ///< of what is not swish
    float inverse = 1;
    float zero = 0;
    float after = 0;
};

/// What a place of the output reads: from its first row and column of x on.
struct Origin {
    int offset;  ///< bytes from x; may point before it
    int row, column;
};
__host__ __device__ constexpr Origin origin_of(const Int8ConvWork& work, int place) {
    const Int8Conv& conv = work.conv;
    if (place >= work.places) return {0, kNowhere, kNowhere};
    if (work.flat) return {place * conv.x_pitch, 0, 0};
    const int image = place / work.pixels;
    const int in_image = place - image * work.pixels.by;
    const int out_row = in_image / work.columns;
    const int out_column = in_image - out_row * work.columns.by;
    const int row = out_row * conv.stride[0] - conv.pad_begin[0];
    const int column = out_column * conv.stride[1] - conv.pad_begin[1];
    return {((image * conv.in[0] + row) * conv.in[1] + column) * conv.x_pitch, row, column};
}

/// Where a thread is in what is summed over.
struct Cursor {
    int channel = 0;  ///< of the input
    int row = 0;      ///< of the window
    int column = 0;

    __host__ __device__ constexpr void advance(const Int8Conv& conv, int bytes) {
        channel += bytes;
        while (channel >= conv.in[2]) {
            channel -= conv.in[2];
            if (++column == conv.kernel[1]) {
                column = 0;
                ++row;
            }
        }
    }
};

/// What a cursor adds to an origin.
__host__ __device__ constexpr Origin reach_of(const Int8Conv& conv, const Cursor& cursor) {
    const int row = cursor.row * conv.dilation[0];
    const int column = cursor.column * conv.dilation[1];
    return {(row * conv.in[1] + column) * conv.x_pitch + cursor.channel, row, column};
}

/// Whether it is inside the image and the window has not ended.
__host__ __device__ constexpr bool reads(const Int8Conv& conv,
                                         const Cursor& cursor,
                                         const Origin& origin,
                                         const Origin& reach) {
    return static_cast<unsigned>(origin.row + reach.row) < static_cast<unsigned>(conv.in[0]) &&
           static_cast<unsigned>(origin.column + reach.column) <
               static_cast<unsigned>(conv.in[1]) &&
           cursor.row < conv.kernel[0];
}

/// Whether sizes, distances and pointers are what any of our kernels can work with.
bool int8_conv_is_sound(const Int8Conv& conv);

/// The configs from 0 on; those after them are the kHaloCuts (int8_halo_tile.h), then the kWideCuts
/// (int8_wide_tile.h).
inline constexpr int kTileConfigs = 15;
inline constexpr int kFirstWideConfig = 27;

/// Which cut a config is and whether it keeps the weights.
struct Int8ConvConfig {
    const char* name;
    int cut;
    bool kept;
};
const Int8ConvConfig& int8_conv_config(int config);  ///< from 0 to kTileConfigs - 1

Int8ConvWork int8_conv_work(int config, const Int8Conv& conv);

/// Shared memory of a block: scales and biases of its channels, stages, kept weights.
int int8_conv_shared_bytes(const Cut& cut, const Int8ConvWork& work);

}  // namespace sluice::infer::cuda
