#include <algorithm>

#include "sluice/infer/backends/cuda/blocks_at_once.cuh"
#include "sluice/infer/backends/cuda/hopper.cuh"
#include "sluice/infer/backends/cuda/int8_finish.cuh"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"

/// A block stays with its channels, whose weights stay in shared memory, and goes from tile to tile
/// of places. Some of its warps do nothing but copy: each a rectangle of x, whole, as soon as a
/// stage of shared memory is free. The others multiply and write, four warps (a group) a unit at
/// once. They meet at two barriers for each stage only, so that while one group multiplies another
/// one writes; and the wait for a copy to be seen by the matrix units, which is a wait for all
/// stores of a warp, is none for the warps that store outputs.
namespace sluice::infer::cuda {
namespace {

// What else than 9.0a is compiled for has no such instructions. The host's pass sees all, and so
// does ccache.
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// Copies a rectangle of x, by one warp; zeros for what is outside. Without a branch, so that the
/// steps of one copy do not wait for those of the copy before.
__device__ void load_x(const HaloWork& work, int tile, char* to) {
    const HaloCorner corner = halo_corner(work, tile);
    const HaloOrigin origin = halo_origin(work, corner.image, corner.row, corner.column);
    const unsigned base = shared_address(to);
    HaloCopy copy = halo_copy(work, threadIdx.x % 32);
#pragma unroll 4
    for (; copy.row < work.x_rows; copy.advance(work)) {
        const int row = origin.row + copy.row, column = origin.column + copy.column;
        const bool inside = static_cast<unsigned>(row) < static_cast<unsigned>(work.in[0]) &&
                            static_cast<unsigned>(column) < static_cast<unsigned>(work.in[1]);
        const int from = origin.offset + copy.row * work.x_row + copy.column * work.x_place +
                         copy.piece * kPiece;
        copy_piece_or_zeros(base + halo_x_at(work, copy.piece, copy.row, copy.column),
                            work.base.conv.x + (inside ? from : 0),
                            inside);
    }
}

/// Copies the weights, by these threads.
template <int N>
__device__ void load_weights(
    const HaloWork& work, int first_channel, int thread, int threads, char* to) {
    using Lanes = HaloLanes<N>;
    const int pieces = work.base.depth / kPiece;
    for (int i = thread; i < work.steps * 2 * N; i += threads) {
        const auto copy = Lanes::weight_copy(i);
        if (copy.piece < pieces) {
            const int channel = first_channel + Lanes::channel_of(copy.row);
            copy_piece(to + Lanes::weights_at(work.half_of[copy.piece], copy.row),
                       work.base.conv.weights + (channel * work.base.depth + copy.piece * kPiece),
                       false);
        } else {
            *reinterpret_cast<uint4*>(to + Lanes::weights_at(pieces, copy.row)) =
                make_uint4(0, 0, 0, 0);
        }
    }
}

/// A thread's share of a unit: N / 2 outputs.
template <int N>
class HaloOutputs {
public:
    __device__ HaloOutputs(const HaloWork& work, const float* numbers, int first_channel)
        : work_(work), first_channel_(first_channel), scale_(numbers) {}

    /// For the unit that begins at this output: sets out for the operand.
    __device__ void begin(const HaloCorner& unit) {
        const Int8Conv& conv = work_.base.conv;
        const int column = unit.column + Lanes::column_in_unit(threadIdx.x);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int row = unit.row + Lanes::row_in_unit(threadIdx.x, i);
            const bool is_one = row < conv.out[0] && column < conv.out[1];
            places_[i] = is_one ? (unit.image * conv.out[0] + row) * conv.out[1] + column : -1;
#pragma unroll
            for (int time = 0; time < Lanes::kTimes; ++time) {
                if (is_one)
                    load_operand<kOfLane>(
                        work_.base, places_[i], channel(time), operands_[time][i]);
            }
        }
    }

    /// Where the unit begins to read x, and where the weights lie: in shared memory, in 16 bytes.
    __device__ void multiply_all(unsigned x, unsigned weights) {
#pragma unroll
        for (int& sum : sums_)
            sum = 0;
        const std::uint64_t x_matrix = descriptor(x, 0, work_.stride[0] * work_.row_pitch / kPiece);
        const std::uint64_t weight_matrix = descriptor(weights, N, kUnit);
        int step = 0;
        for (; step + 8 <= work_.steps; step += 8)
            multiply_steps<8>(step, x_matrix, weight_matrix);
        if ((work_.steps & 4) != 0) {
            multiply_steps<4>(step, x_matrix, weight_matrix);
            step += 4;
        }
        if ((work_.steps & 2) != 0) {
            multiply_steps<2>(step, x_matrix, weight_matrix);
            step += 2;
        }
        if ((work_.steps & 1) != 0) multiply_steps<1>(step, x_matrix, weight_matrix);
        wait_for_products(sums_);
    }

    __device__ void end() {
#pragma unroll
        for (int time = 0; time < Lanes::kTimes; ++time) {
            float x[2][kOfLane];
            scale_sums(
                scale_ + Lanes::channel_in_tile(threadIdx.x, time),
                N,
                [&](int i, int c) { return sums_[Lanes::sum_at(time, i, c)]; },
                x);
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                if (places_[i] >= 0)
                    finish<kOfLane>(
                        work_.base, places_[i], channel(time), operands_[time][i], x[i]);
            }
        }
    }

private:
    using Lanes = HaloLanes<N>;
    static constexpr int kOfLane = Lanes::kOfLane;

    template <int Count>
    __device__ void multiply_steps(int step, std::uint64_t x, std::uint64_t weights) {
        begin_products();
#pragma unroll
        for (int i = step; i < step + Count; ++i)
            multiply(sums_, x + work_.reach[i], weights + static_cast<unsigned>(i * 2 * N), true);
        end_products();
    }
    __device__ int channel(int time) const {
        return first_channel_ + Lanes::channel_in_tile(threadIdx.x, time);
    }

    const HaloWork& work_;
    int first_channel_;
    const float* scale_;  ///< of the block's channels; their biases are N further
    int places_[2];       ///< of the output; negative: outside
    int sums_[N / 2];
    unsigned operands_[Lanes::kTimes][2][kOfLane / 4] = {};
};

/// Shared memory of a block, and its way through the tiles.
template <int N>
class HaloBlock {
public:
    static constexpr HaloCrew kCrew = halo_crew(N);
    static constexpr int kMultiplying = kCrew.groups * 128;  ///< threads; the others copy

    __device__ HaloBlock(const HaloWork& work, char* shared)
        : work_(work),
          ring_(shared, work.stages),
          numbers_(reinterpret_cast<float*>(shared + kHaloBarrierBytes)),
          x_(shared + halo_rectangles_at(N)),
          weights_(shared + work.weights_at),
          first_channel_(blockIdx.x % work.across * N),
          first_tile_(blockIdx.x / work.across),
          tile_step_(gridDim.x / work.across) {}

    __device__ void create_barriers() const { ring_.create(kMultiplying); }

    /// One warp of those that copy: every work.copiers-th tile.
    __device__ void copy(int copier) const {
        if (copier >= work_.copiers) return;
        Ring::Turn turn;
        int i = 0;
        for (int tile = first_tile_; tile < work_.tiles; tile += tile_step_, ring_.next(turn)) {
            if (i++ % work_.copiers != copier) continue;
            ring_.wait_until_empty(turn);
            load_x(work_, tile, x_ + turn.stage * work_.x_bytes);
            show_copies_to_matrix_units();
            ring_.tell_full(turn.stage);
        }
    }

    /// The threads that multiply, before the first tile.
    __device__ void prepare() const {
        const Int8ConvWork& base = work_.base;
        for (int i = threadIdx.x; i < N; i += kMultiplying) {
            const int channel = first_channel_ + i;
            numbers_[i] = base.conv.scale[channel] * base.gain;
            numbers_[N + i] = (base.conv.bias[channel] + base.shift) * base.gain;
        }
        load_weights<N>(work_, first_channel_, threadIdx.x, kMultiplying, weights_);
        show_copies_to_matrix_units();
        asm volatile("bar.sync 1, %0;" ::"n"(kMultiplying) : "memory");
    }

    /// One group: every kCrew.groups-th unit of all tiles.
    __device__ void multiply(int group) const {
        HaloOutputs<N> outputs(work_, numbers_, first_channel_);
        int unit = group;  // of the tile; goes on from tile to tile
        Ring::Turn turn;
        for (int tile = first_tile_; tile < work_.tiles; tile += tile_step_, ring_.next(turn)) {
            const HaloCorner corner = halo_corner(work_, tile);
            bool is_read = false;
            for (; unit < work_.units; unit += kCrew.groups) {
                const int down = unit / work_.units_across,
                          across = unit - down * work_.units_across.by;
                const HaloCorner first{
                    corner.image, corner.row + down * kUnit, corner.column + across * kUnit};
                if (first.row >= work_.base.conv.out[0] || first.column >= work_.base.conv.out[1])
                    continue;
                outputs.begin(first);
                ring_.wait_until_full(turn);
                const unsigned x = shared_address(x_ + turn.stage * work_.x_bytes);
                outputs.multiply_all((x + halo_unit_at(work_, down, across)) / kPiece,
                                     shared_address(weights_) / kPiece);
                is_read = unit + kCrew.groups >= work_.units;
                if (is_read) ring_.tell_empty(turn.stage);
                outputs.end();
            }
            unit -= work_.units;
            if (is_read) continue;
            ring_.wait_until_full(turn);  // so that no warp is two rounds late
            ring_.tell_empty(turn.stage);
        }
    }

private:
    const HaloWork& work_;
    Ring ring_;
    float* numbers_;
    char* x_;
    char* weights_;
    int first_channel_;
    int first_tile_;
    int tile_step_;
};

#endif

template <int N>
__global__ void __launch_bounds__(halo_threads(N), halo_crew(N).blocks)
    int8_halo(const __grid_constant__ HaloWork work) {
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
    extern __shared__ __align__(128) char shared[];
    const HaloBlock<N> block(work, shared);
    block.create_barriers();
    __syncthreads();
    // The same in all lanes, which the compiler cannot see otherwise.
    const int warp = __shfl_sync(0xffffffff, threadIdx.x / 32, 0);
    constexpr int kMultiplying = HaloBlock<N>::kMultiplying / 32;
    if (warp >= kMultiplying) {
        block.copy(warp - kMultiplying);
    } else {
        block.prepare();
        block.multiply(warp / 4);
    }
#endif
}

template <int N>
void launch(const HaloWork& work, int bytes, cudaStream_t stream) {
    const int blocks = blocks_at_once(int8_halo<N>, halo_threads(N), bytes);
    const int rows = std::max(1, std::min(work.tiles, blocks / work.across));
    int8_halo<N><<<rows * work.across, halo_threads(N), bytes, stream>>>(work);
}

}  // namespace

void launch_int8_halo(const HaloCut& cut, const Int8Conv& conv, cudaStream_t stream) {
    const HaloWork work = halo_work(cut, conv);
    const int bytes = halo_shared_bytes(cut, work);
    switch (cut.channels) {
        case 32:
            return launch<32>(work, bytes, stream);
        case 48:
            return launch<48>(work, bytes, stream);
        case 64:
            return launch<64>(work, bytes, stream);
        case 96:
            return launch<96>(work, bytes, stream);
        default:
            return launch<128>(work, bytes, stream);
    }
}

}  // namespace sluice::infer::cuda
