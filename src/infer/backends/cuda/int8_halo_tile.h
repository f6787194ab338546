#pragma once

#include <cstdint>

#include "sluice/infer/backends/cuda/int8_conv_tile.h"

/// The second way to an 8-bit convolution, for Hopper: a block of threads makes a rectangle of
/// outputs and copies what they read, border and all, into shared memory once. Where everything
/// lies, in plain functions of numbers, so that a test without a GPU can move the numbers as the
/// kernel does.
///
/// Shared memory holds a rectangle of x as planes, one for each 16 channels: in a plane row after
/// row, in a row column after column (of stride 2, even columns before odd ones), 16 bytes each. So
/// the places that 8 outputs side by side read for one place of the window are 128 bytes in a row:
/// the matrix units of Hopper read such "core matrices" of 8 x 16 bytes right where they lie
/// (wgmma, PTX manual, "Matrix descriptor": no swizzling, K-major). Another place of the window is
/// another address.
///
/// A unit is 8 x 8 outputs: the 64 rows of one wgmma. What is summed over goes in steps of 32
/// bytes, that is of two halves: each 16 channels of one place of the window.
namespace sluice::infer::cuda {

inline constexpr int kUnit = 8;  ///< rows and columns of outputs
inline constexpr int kMostSteps = 72;
inline constexpr int kMostHaloStages = 8;
inline constexpr int kHaloBarrierBytes = 128;  ///< two of 8 bytes for each stage

/// A block makes rows x columns outputs of so many channels.
struct HaloCut {
    const char* name;
    int channels;
    int rows, columns;
};
inline constexpr HaloCut kHaloCuts[] = {
    {"halo 16x8x32", 32, 16, 8},
    {"halo 16x16x32", 32, 16, 16},
    {"halo 32x16x32", 32, 32, 16},
    {"halo 16x8x48", 48, 16, 8},
    {"halo 16x16x48", 48, 16, 16},
    {"halo 16x8x64", 64, 16, 8},
    {"halo 16x16x64", 64, 16, 16},
    {"halo 32x16x64", 64, 32, 16},
    {"halo 16x8x96", 96, 16, 8},
    {"halo 16x16x96", 96, 16, 16},
    {"halo 16x8x128", 128, 16, 8},
    {"halo 16x16x128", 128, 16, 16},
};
inline constexpr int kHaloCutCount = sizeof(kHaloCuts) / sizeof(kHaloCuts[0]);

/// A block's warps: four in each group that multiplies, and those that may copy (HaloWork::copiers
/// of them do). A multiprocessor should hold so many blocks, which bounds the registers.
struct HaloCrew {
    int groups, copiers, blocks;
};
constexpr HaloCrew halo_crew(int channels) {
    return channels <= 48   ? HaloCrew{2, 2, 3}
           : channels <= 64 ? HaloCrew{4, 4, 1}
                            : HaloCrew{3, 4, 1};
}

constexpr int halo_threads(int channels) {
    const HaloCrew crew = halo_crew(channels);
    return crew.groups * 128 + crew.copiers * 32;
}

/// A convolution as the kernel wants it. Sizes and distances are bytes.
struct HaloWork {
    Int8ConvWork base;  ///< how outputs end; its conv's places lie in rows of 8 where it is flat
    /// How x is seen. Of a window of one place and a stride only the places that are read are seen.
    int in[2];
    int stride[2];
    int x_place, x_row, x_image;  ///< from one to the next
    int rows, columns;            ///< outputs of a tile
    Divisor units_across;         ///< of a tile
    int units;
    Divisor tiles_across;  ///< of an image
    Divisor tiles_of_image;
    int tiles;
    int across;  ///< parts of the output's channels

    int x_rows, x_columns;  ///< what a tile reads
    int pieces;             ///< of a place
    int rows_at_once;       ///< how far the next place is that a lane copies
    int columns_at_once;
    int phase_pitch;  ///< from even columns to odd ones
    int row_pitch;
    int plane;
    int x_bytes;  ///< of a rectangle
    int stages;   ///< rectangles in shared memory: one is worked on, the others are on their way
    /// Warps that copy, no more than stages. One more would come for a stage two rounds before it
    /// is free, and a barrier does not tell a phase from the one before the last.
    int copiers;

    int steps;
    /// Where the weights lie. Not the rectangles are last, because memcheck takes the 2 KB of x
    /// that a product reads for one piece, which the last ones are not.
    int weights_at;
    /// Where a step's first half lies in the rectangle and how far the second is from it, as they
    /// are added to a descriptor: 16 bytes each, 16 bits each.
    unsigned reach[kMostSteps];
    /// Which half each 16 bytes of an output channel's weights belong to. Of an odd number, the
    /// last half has zeros.
    std::uint8_t half_of[2 * kMostSteps];
};

HaloWork halo_work(const HaloCut& cut, const Int8Conv& conv);
bool halo_fits(const HaloCut& cut, const Int8Conv& conv);
int halo_shared_bytes(const HaloCut& cut, const HaloWork& work);
void launch_int8_halo(const HaloCut& cut, const Int8Conv& conv, cudaStream_t stream);

/// Shared memory: barriers, scales and biases, rectangles, weights.
__host__ __device__ constexpr int halo_rectangles_at(int channels) {
    return kHaloBarrierBytes + 2 * channels * static_cast<int>(sizeof(float));
}

/// Where 16 channels of a place of the rectangle lie.
__host__ __device__ constexpr int halo_x_at(const HaloWork& work, int piece, int row, int column) {
    const int phases = work.stride[1] - 1;  // a mask
    return piece * work.plane + row * work.row_pitch + (column & phases) * work.phase_pitch +
           (column >> phases) * kPiece;
}
/// Where a unit begins to read.
__host__ __device__ constexpr int halo_unit_at(const HaloWork& work,
                                               int unit_row,
                                               int unit_column) {
    return unit_row * kUnit * work.stride[0] * work.row_pitch + unit_column * kUnit * kPiece;
}

/// What one lane of a copying warp copies of a rectangle: 16 bytes of a place (always the same of
/// all pieces), and then of the place that lies `at_once` further.
struct HaloCopy {
    int piece, row, column;

    __host__ __device__ constexpr void advance(const HaloWork& work) {
        row += work.rows_at_once;
        column += work.columns_at_once;
        if (column >= work.x_columns) {
            column -= work.x_columns;
            ++row;
        }
    }
};
__host__ __device__ constexpr HaloCopy halo_copy(const HaloWork& work, int lane) {
    const int place = lane / work.pieces;
    if (place >= 32 / work.pieces) return {0, work.x_rows, 0};  // one that is left over
    const int row = place / work.x_columns;
    return {lane - place * work.pieces, row, place - row * work.x_columns};
}

/// Where x begins for a tile: the first row and column of it, and what comes before them in memory.
struct HaloOrigin {
    int row, column;
    int offset;  ///< from x; may point before it
};
__host__ __device__ constexpr HaloOrigin halo_origin(const HaloWork& work,
                                                     int image,
                                                     int row,
                                                     int column) {
    const int first_row = row * work.stride[0] - work.base.conv.pad_begin[0];
    const int first_column = column * work.stride[1] - work.base.conv.pad_begin[1];
    return {first_row,
            first_column,
            image * work.x_image + first_row * work.x_row + first_column * work.x_place};
}

/// The first output of a tile.
struct HaloCorner {
    int image, row, column;
};
__host__ __device__ constexpr HaloCorner halo_corner(const HaloWork& work, int tile) {
    const int image = tile / work.tiles_of_image;
    const int in_image = tile - image * work.tiles_of_image.by;
    const int down = in_image / work.tiles_across;
    return {image, down * work.rows, (in_image - down * work.tiles_across.by) * work.columns};
}

/// How N channels lie among weights, sums and lanes.
template <int N>
struct HaloLanes {
    static constexpr int kOfLane = N % 64 == 0 ? 16 : N % 32 == 0 ? 8 : 4;  ///< side by side
    static constexpr int kTogether = 4 * kOfLane;  ///< that four lanes write side by side
    static constexpr int kTimes = N / kTogether;
    static_assert(kTimes * kTogether == N);

    /// Where weights lie: half after half, in each the channels.
    __host__ __device__ static constexpr int weights_at(int half, int row) {
        return (half * N + row) * kPiece;
    }
    /// The i-th 16 bytes that are copied, of so many of each channel: two and two in memory, since
    /// that is how much of it is read at once.
    struct Copy {
        int piece, row;
    };
    __host__ __device__ static constexpr Copy weight_copy(int i) {
        return {i / (2 * N) * 2 + i % 2, i / 2 % N};
    }
    /// Which channel has its weights in this row: such that what a lane gets, columns
    /// 2 * (lane % 4) and the next of each 8, are channels side by side.
    __host__ __device__ static constexpr int channel_of(int row) {
        const int in = row % kTogether;
        return row - in + in % 8 / 2 * kOfLane + in / 8 * 2 + in % 2;
    }
    /// A thread's outputs: kTimes times kOfLane channels from this one on, in two places.
    __host__ __device__ static constexpr int channel_in_tile(int thread, int time) {
        return time * kTogether + thread % 4 * kOfLane;
    }
    __host__ __device__ static constexpr int row_in_unit(int thread, int i) {
        return thread % 128 / 32 * 2 + i;
    }
    __host__ __device__ static constexpr int column_in_unit(int thread) { return thread % 32 / 4; }
    /// Which of its N / 2 sums is channel c of place i.
    __host__ __device__ static constexpr int sum_at(int time, int i, int c) {
        return time * kTogether / 2 + c / 2 * 4 + i * 2 + c % 2;
    }
};

}  // namespace sluice::infer::cuda
