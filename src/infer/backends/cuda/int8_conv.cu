#include <algorithm>

#include "sluice/infer/backends/cuda/blocks_at_once.cuh"
#include "sluice/infer/backends/cuda/int8_finish.cuh"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"
#include "sluice/infer/backends/cuda/int8_wide_tile.h"

/// A block of threads stays with its channels and goes from tile to tile of places. Chunks of x
/// (and of the weights, where they are not kept) flow through a ring in shared memory without a
/// stop between tiles: while one tile is finished and written, the next is on its way already. That
/// is what a layer that memory bounds lives from.
namespace sluice::infer::cuda {
namespace {

/// Four matrices of 8 rows of 16 bytes; lane i gives where row i % 8 of matrix i / 8 lies.
__device__ void load_matrices(const void* row, unsigned (&to)[4]) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// sum[16 places][8 channels] += a[16 places][32] * b[32][8 channels]
__device__ void multiply(int (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Brings what one thread copies, chunk after chunk and tile after tile.
template <class T>
class Loader {
public:
    __device__ Loader(const Int8ConvWork& work, int first_channel, int tile, int tile_step)
        : work_(work), tile_(tile), tile_step_(tile_step) {
#pragma unroll
        for (int i = 0; i < T::kColumnCopies; ++i) {
            const int channel = first_channel + channel_of<T>(row(i));
            weights_[i] = channel < work.conv.out[2] ? channel * work.depth : -1;
        }
    }

    /// The next chunk of x.
    __device__ void load_x(char* to) {
        const Int8Conv& conv = work_.conv;
        if (chunk_ == 0) {
#pragma unroll
            for (int i = 0; i < T::kRowCopies; ++i)
                origins_[i] = origin_of(work_, tile_ * T::kRows + row(i));
            cursor_ = {};
            cursor_.advance(conv, piece() * kPiece);
        }
        const Origin reach = reach_of(conv, cursor_);
#pragma unroll
        for (int i = 0; i < T::kRowCopies; ++i) {
            char* place = to + piece_at<T::kChunk>(row(i), piece());
            if (reads(conv, cursor_, origins_[i], reach)) {
                copy_piece(place, conv.x + (origins_[i].offset + reach.offset), !work_.flat);
            } else {
                const unsigned outside = 0x01010101u * static_cast<std::uint8_t>(conv.x_outside);
                *reinterpret_cast<uint4*>(place) = make_uint4(outside, outside, outside, outside);
            }
        }
    }
    /// The weights of a chunk.
    __device__ void load_weights(char* to, int chunk) const {
        const int depth = chunk * T::kChunk + piece() * kPiece;
#pragma unroll
        for (int i = 0; i < T::kColumnCopies; ++i) {
            char* place = to + piece_at<T::kChunk>(row(i), piece());
            if (weights_[i] >= 0 && depth < work_.depth) {
                copy_piece(place, work_.conv.weights + (weights_[i] + depth), false);
            } else {
                *reinterpret_cast<uint4*>(place) = make_uint4(0, 0, 0, 0);
            }
        }
    }
    __device__ int chunk() const {
        return chunk_;
    }
    __device__ void advance() {
        cursor_.advance(work_.conv, T::kChunk);
        if (++chunk_ == work_.chunks) {
            chunk_ = 0;
            tile_ += tile_step_;
        }
    }

private:
    __device__ static int piece() {
        return T::copied_piece(threadIdx.x);
    }
    __device__ static int row(int copy) {
        return T::copied_row(threadIdx.x, copy);
    }

    const Int8ConvWork& work_;
    int tile_;
    int tile_step_;
    int chunk_ = 0;
    Cursor cursor_;
    Origin origins_[T::kRowCopies];
    int weights_[T::kColumnCopies];
};

/// What a warp makes of a tile, and what it adds to it.
template <class T>
class Outputs {
public:
    __device__ Outputs(const Int8ConvWork& work, const float* numbers, int first_channel)
        : work_(work),
          channel_(first_channel + T::channel_in_tile(threadIdx.x)),
          scale_(numbers + T::channel_in_tile(threadIdx.x)) {
        clear();
    }

    __device__ void multiply_chunk(const char* x, const char* weights) {
        const Spot of_x = x_spot(lane());
        const Spot of_weights = weight_spot(lane());
#pragma unroll
        for (int k = 0; k < T::kChunk / kMultiplied; ++k) {
            unsigned a[T::kWays][4];
#pragma unroll
            for (int way = 0; way < T::kWays; ++way) {
                const int row = warp_row() + way * 16 + of_x.row;
                load_matrices(x + piece_at<T::kChunk>(row, k * 2 + of_x.piece), a[way]);
            }
#pragma unroll
            for (int n = 0; n < T::kEights; n += 2) {
                const int row = warp_column() + n * 8 + of_weights.row;
                unsigned b[4];
                load_matrices(weights + piece_at<T::kChunk>(row, k * 2 + of_weights.piece), b);
#pragma unroll
                for (int way = 0; way < T::kWays; ++way) {
                    multiply(sums_[way][n], a[way], b[0], b[1]);
                    multiply(sums_[way][n + 1], a[way], b[2], b[3]);
                }
            }
        }
    }

    /// Before the last chunk is multiplied, so that the operand is here when it is wanted.
    __device__ void load_operands(int tile) {
#pragma unroll
        for (int i = 0; i < 2 * T::kWays; ++i) {
            const int place = place_of(tile, i);
            if (place < work_.places) load_operand<T::kOfLane>(work_, place, channel_, operand_[i]);
        }
    }

    __device__ void finish_tile(int tile) {
        float x[2 * T::kWays][T::kOfLane];
        const auto sum = [&](int i, int c) { return sums_[i / 2][c / 2][i % 2 * 2 + c % 2]; };
        scale_sums(scale_, T::kColumns, sum, x);
        clear();
#pragma unroll
        for (int i = 0; i < 2 * T::kWays; ++i) {
            const int place = place_of(tile, i);
            if (place < work_.places) finish<T::kOfLane>(work_, place, channel_, operand_[i], x[i]);
        }
    }

private:
    __device__ static int lane() {
        return threadIdx.x % 32;
    }
    __device__ static int warp_row() {
        return T::warp_row(threadIdx.x);
    }
    __device__ static int warp_column() {
        return T::warp_column(threadIdx.x);
    }
    __device__ static int place_of(int tile, int i) {
        return tile * T::kRows + T::place_in_tile(threadIdx.x, i);
    }

    __device__ void clear() {
#pragma unroll
        for (int way = 0; way < T::kWays; ++way) {
#pragma unroll
            for (int n = 0; n < T::kEights; ++n) {
#pragma unroll
                for (int j = 0; j < 4; ++j)
                    sums_[way][n][j] = 0;
            }
        }
    }

    const Int8ConvWork& work_;
    int channel_;         ///< the lane's first
    const float* scale_;  ///< of the lane's channels; their biases are T::kColumns further
    int sums_[T::kWays][T::kEights][4];
    unsigned operand_[2 * T::kWays][T::kOfLane / 4] = {};
};

template <int I>
__global__ void __launch_bounds__(Tile<I>::kThreads, Tile<I>::kCut.blocks)
    int8_conv(const __grid_constant__ Int8ConvWork work) {
    using T = Tile<I>;
    extern __shared__ uint4 shared[];
    float* numbers = reinterpret_cast<float*>(shared);
    char* x = reinterpret_cast<char*>(numbers + 2 * T::kColumns);
    char* weights = x + T::kStages * T::kXBytes;

    const int first_channel = blockIdx.x % work.across * T::kColumns;
    const int first_tile = blockIdx.x / work.across;
    const int tile_step = gridDim.x / work.across;
    for (int i = threadIdx.x; i < T::kColumns; i += T::kThreads) {
        const int channel = first_channel + i;
        const bool is_one = channel < work.conv.out[2];
        numbers[i] = is_one ? work.conv.scale[channel] * work.gain : 0.0f;
        numbers[T::kColumns + i] =
            is_one ? (work.conv.bias[channel] + work.shift) * work.gain : 0.0f;
    }

    Loader<T> loader(work, first_channel, first_tile, tile_step);
    if (work.kept) {
        for (int chunk = 0; chunk < work.chunks; ++chunk)
            loader.load_weights(weights + chunk * T::kWeightBytes, chunk);
    }
    const int tiles = (work.down - first_tile + tile_step - 1) / tile_step;
    int to_load = tiles * work.chunks;
    const auto load = [&](int stage) {
        if (to_load > 0) {
            --to_load;
            loader.load_x(x + stage * T::kXBytes);
            if (!work.kept) loader.load_weights(weights + stage * T::kWeightBytes, loader.chunk());
            loader.advance();
        }
        end_of_group();  // an empty one too, so that counting groups is counting chunks
    };
#pragma unroll
    for (int stage = 0; stage < T::kStages - 1; ++stage)
        load(stage);

    Outputs<T> outputs(work, numbers, first_channel);
    int stage = 0;
    for (int i = 0; i < tiles; ++i) {
        const int tile = first_tile + i * tile_step;
        for (int chunk = 0; chunk < work.chunks; ++chunk) {
            wait_for_groups<T::kStages - 2>();
            __syncthreads();  // all have got the chunk, and are done with the one before
            load(stage == 0 ? T::kStages - 1 : stage - 1);
            if (chunk == work.chunks - 1) outputs.load_operands(tile);
            outputs.multiply_chunk(x + stage * T::kXBytes,
                                   weights + (work.kept ? chunk : stage) * T::kWeightBytes);
            stage = stage == T::kStages - 1 ? 0 : stage + 1;
        }
        outputs.finish_tile(tile);
    }
}

template <int I>
void launch(const Int8ConvWork& work, cudaStream_t stream) {
    using T = Tile<I>;
    const int bytes = int8_conv_shared_bytes(T::kCut, work);
    const int blocks = blocks_at_once(int8_conv<I>, T::kThreads, bytes);
    const int rows = std::max(1, std::min(work.down, blocks / work.across));
    int8_conv<I><<<rows * work.across, T::kThreads, bytes, stream>>>(work);
}

}  // namespace

void launch_int8_conv(int config, const Int8Conv& conv, cudaStream_t stream) {
    if (config >= kFirstWideConfig)
        return launch_int8_wide(config - kFirstWideConfig, conv, stream);
    if (config >= kTileConfigs)
        return launch_int8_halo(kHaloCuts[config - kTileConfigs], conv, stream);
    static_assert(kCutCount == 11);
    using Launch = void (*)(const Int8ConvWork&, cudaStream_t);
    constexpr Launch kLaunches[] = {launch<0>,
                                    launch<1>,
                                    launch<2>,
                                    launch<3>,
                                    launch<4>,
                                    launch<5>,
                                    launch<6>,
                                    launch<7>,
                                    launch<8>,
                                    launch<9>,
                                    launch<10>};
    kLaunches[int8_conv_config(config).cut](int8_conv_work(config, conv), stream);
}

}  // namespace sluice::infer::cuda
