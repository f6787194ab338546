#include <algorithm>
#include <utility>

#include <cuda.h>

#include "sluice/infer/backends/cuda/blocks_at_once.cuh"
#include "sluice/infer/backends/cuda/hopper.cuh"
#include "sluice/infer/backends/cuda/int8_finish.cuh"
#include "sluice/infer/backends/cuda/int8_wide_tile.h"

/// What takes time here is memory: operands that come and outputs that go. So a block stays with
/// its channels and goes from tile to tile of places, always with the next ones on their way. Some
/// of its warps do nothing but fill stages: one thread sets out a box of x, or of the operand, and
/// is done with it. The others multiply and write. (Copies of 16 bytes by all lanes to where other
/// layouts of shared memory want them took twice as long as all else: measured on an H200.)
///
/// The common ends (WideEnd) are short on purpose: the instructions from one tile to the next
/// should find room in the first instruction cache.
namespace sluice::infer::cuda {
namespace {

/// Of what boxes are copied.
struct WideMaps {
    CUtensorMap x[2];
    CUtensorMap operand;
};

// What else than 9.0a is compiled for has no such instructions. The host's pass sees all, and so
// does ccache.
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// Copies a chunk of x whose places do not follow each other, by one warp; zeros for places that
/// there are not.
__device__ void load_x(
    const WideWork& work, const WidePart& part, int chunk, int tile, unsigned to) {
    const int piece = threadIdx.x % kChunkPieces;
    if (piece >= wide_pieces(part, chunk)) return;
    const std::int8_t* from = part.x + (chunk * kChunkPieces + piece) * kPiece;
    constexpr int kAtOnce = 4, kStep = 32 / kChunkPieces;
    for (int first = threadIdx.x % 32 / kChunkPieces; first < work.rows; first += kAtOnce * kStep) {
        int offsets[kAtOnce];
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
            const int place = tile * work.rows + first + i * kStep;
            offsets[i] = place < work.base.places ? wide_x_from(work, part, place) : -1;
        }
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i)
            copy_piece_or_zeros(to + wide_piece_at(first + i * kStep, piece),
                                from + max(offsets[i], 0),
                                offsets[i] >= 0);
    }
}

/// Copies a chunk of the weights of the tile's channels, by these threads.
template <int N>
__device__ void load_weights(const WideWork& work,
                             const WidePart& part,
                             int chunk,
                             int first_channel,
                             int thread,
                             int threads,
                             unsigned to) {
    const int piece = thread % kChunkPieces;
    if (piece >= wide_pieces(part, chunk)) return;
    const int depth = part.pieces * kPiece;
    const std::int8_t* from = part.weights + (chunk * kChunkPieces + piece) * kPiece;
    const int step = threads / kChunkPieces;
#pragma unroll 2
    for (int row = thread / kChunkPieces; row < work.columns; row += step) {
        const int channel = first_channel + WideLanes<N>::channel_of(row);
        const bool is_one = channel < work.base.conv.out[2];
        copy_piece_or_zeros(
            to + wide_piece_at(row, piece), from + (is_one ? channel * depth : 0), is_one);
    }
}

/// A thread's share of a unit: N / 2 outputs.
template <int N, bool Two, WideEnd End>
class WideOutputs {
public:
    using Lanes = WideLanes<N>;

    /// Where the group's numbers begin, in shared memory.
    __device__ WideOutputs(const WideWork& work,
                           const float* numbers,
                           int first_row,
                           int first_channel)
        : work_(work),
          numbers_(numbers + threadIdx.x % 4 * 4),
          first_row_(first_row),
          channel_(first_channel + threadIdx.x % 4 * 16) {}

    /// Reads operands that do not go through shared memory.
    __device__ void begin(int tile) {
        if constexpr (End == WideEnd::kAny) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int place = place_of(tile, i);
                if (place >= work_.base.places) continue;
#pragma unroll
                for (int time = 0; time < Lanes::kTimes; ++time)
                    load_operand<16>(work_.base, place, channel_ + time * 64, words_[time][i]);
            }
        }
    }

    /// One chunk of a product, in the background. Where x and the weights lie: in shared memory, in
    /// 16 bytes.
    template <int Product>
    __device__ void multiply_chunk(unsigned x, unsigned weights, int steps, bool adds) {
        int(&sums)[N / 2] = sums_[Product];
        if ((steps & 4) != 0) multiply_steps<4>(sums, x, weights, adds);
        if ((steps & 2) != 0) multiply_steps<2>(sums, x, weights, adds);
        if ((steps & 1) != 0) multiply_steps<1>(sums, x, weights, adds);
    }
    __device__ void wait() {
        wait_for_products(sums_[0]);
        if constexpr (Two) wait_for_products(sums_[1]);
    }

    /// Reads those that do. Where the group's first channel lies in its box.
    __device__ void read_operands(unsigned box, int channel) {
#pragma unroll
        for (int time = 0; time < Lanes::kTimes; ++time) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int row = first_row_ + Lanes::row_in_unit(threadIdx.x, i);
                const int at = row * kChunk + channel + threadIdx.x % 4 * 16;
                load_words(box + swizzled(at + time * 64), words_[time][i]);
            }
        }
    }

    __device__ void end(int tile) {
        if constexpr (End == WideEnd::kAny) {
            end_any(tile);
        } else if (work_.operand_boxes > 0) {
            end_short<true>(tile);
        } else {
            end_short<false>(tile);
        }
    }

private:
    __device__ int place_of(int tile, int i) const {
        return tile * work_.rows + first_row_ + Lanes::row_in_unit(threadIdx.x, i);
    }
    __device__ bool is_channel(int time) const {
        return channel_ + time * 64 < work_.base.conv.out[2];
    }

    template <int Count>
    __device__ static void multiply_steps(int (&sums)[N / 2],
                                          unsigned& x,
                                          unsigned& weights,
                                          bool& adds) {
        begin_products();
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            multiply(sums,
                     swizzled_descriptor(x + i * 2),
                     swizzled_descriptor(weights + i * 2),
                     adds || i > 0);
        }
        end_products();
        x += Count * 2;
        weights += Count * 2;
        adds = true;
    }

    /// A kind of number (0: bias, 1: scale, 2: second scale) of 4 channels.
    __device__ float4 numbers_of(int kind, int time, int c) const {
        return *reinterpret_cast<const float4*>(numbers_ + kind * work_.columns + time * 64 +
                                                c * 4);
    }

    /// Adds a product to real numbers of 4 channels of place i.
    template <int Product>
    __device__ void add_product(float4 scale, int time, int i, int c, float (&to)[4]) const {
        const auto sum = [&](int j) {
            return static_cast<float>(sums_[Product][HaloLanes<N>::sum_at(time, i, c + j)]);
        };
        to[0] = fmaf(sum(0), scale.x, to[0]);
        to[1] = fmaf(sum(1), scale.y, to[1]);
        to[2] = fmaf(sum(2), scale.z, to[2]);
        to[3] = fmaf(sum(3), scale.w, to[3]);
    }

    /// Real numbers of 4 channels of both places, operands apart.
    __device__ void take_reals(int time, int c, float (&to)[2][4]) const {
        const float4 bias = numbers_of(0, time, c), scale = numbers_of(1, time, c);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            to[i][0] = bias.x, to[i][1] = bias.y, to[i][2] = bias.z, to[i][3] = bias.w;
            add_product<0>(scale, time, i, c, to[i]);
        }
        if constexpr (Two) {
            const float4 second = numbers_of(2, time, c);
            add_product<1>(second, time, 0, c, to[0]);
            add_product<1>(second, time, 1, c, to[1]);
        }
    }

    __device__ void end_any(int tile) {
#pragma unroll
        for (int time = 0; time < Lanes::kTimes; ++time) {
            float reals[2][16];
#pragma unroll
            for (int c = 0; c < 16; c += 4) {
                float four[2][4];
                take_reals(time, c, four);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    reals[j / 4][c + j % 4] = four[j / 4][j % 4];
            }
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int place = place_of(tile, i);
                if (place < work_.base.places)
                    finish<16>(work_.base, place, channel_ + time * 64, words_[time][i], reals[i]);
            }
        }
    }

    template <bool Joins>
    __device__ void end_short(int tile) const {
        const Int8Conv& conv = work_.base.conv;
        char* y = static_cast<char*>(conv.y) +
                  (static_cast<long long>(place_of(tile, 0)) * conv.y_pitch + channel_);
#pragma unroll
        for (int time = 0; time < Lanes::kTimes; ++time) {
            unsigned words[2][4];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                float reals[2][4];
                take_reals(time, j * 4, reals);
#pragma unroll
                for (int i = 0; i < 2; ++i)
                    words[i][j] = end_of_four<Joins>(words_[time][i][j], reals[i]);
            }
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                if (place_of(tile, i) < work_.base.places && is_channel(time))
                    *reinterpret_cast<uint4*>(y + i * 8 * conv.y_pitch + time * 64) =
                        make_uint4(words[i][0], words[i][1], words[i][2], words[i][3]);
            }
        }
    }

    __device__ static void load_words(unsigned from, unsigned (&to)[4]) {
        asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(from)
                     : "memory");
    }

    template <bool Joins>
    __device__ unsigned end_of_four(unsigned word, const float (&reals)[4]) const {
        float operand[4] = {};
        if constexpr (Joins) unpack(word, operand);
        unsigned bytes[4];
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            float part = reals[c];
            if (End == WideEnd::kSwish) part = fmaf(swish_of_half(part), work_.inverse, work_.zero);
            if (Joins) part = fmaf(operand[c], work_.joined, part);
            bytes[c] = __float_as_uint(fmaf(__saturatef(part), work_.range, work_.low));
        }
        return __byte_perm(__byte_perm(bytes[0], bytes[1], 0x0040),
                           __byte_perm(bytes[2], bytes[3], 0x0040),
                           0x5410);
    }

    const WideWork& work_;
    const float* numbers_;
    int first_row_;
    int channel_;  ///< the thread's first
    int sums_[Two ? 2 : 1][N / 2];
    unsigned words_[Lanes::kTimes][2][4] = {};  ///< operands
};

/// Shared memory of a block, and its way through the tiles.
///
/// Boxes go round in a ring of stages, those of one tile after those of another. Both sides may
/// tell of a stage only when their next one is on its way, so that two are. Who waits for box c may
/// so hold back c - 1; and whose turn c is may still wait for the stage of box c + copiers, which
/// has to be an earlier one than that of c - 1: that is why the warps that copy are two fewer than
/// the stages.
template <int I, bool Two, WideEnd End>
class WideBlock {
public:
    static constexpr WideCut kCut = kWideCuts[I];
    static constexpr int N = kCut.channels;
    static constexpr int kMultiplying = wide_groups(kCut) * 128;  ///< threads; the others copy

    __device__ WideBlock(const WideWork& work, const WideMaps& maps, char* shared)
        : work_(work),
          maps_(maps),
          shared_(shared),
          ring_(shared, work.stages),
          first_channel_(blockIdx.x % work.across * work.columns),
          first_tile_(blockIdx.x / work.across),
          tile_step_(gridDim.x / work.across) {}

    __device__ void create_barriers() const { ring_.create(kMultiplying); }

    /// One warp of those that copy: every work.copiers-th box.
    __device__ void copy(int copier) const {
        if (copier >= work_.copiers) return;
        Ring::Turn turn;
        int whose = 0;        // turn it is
        int on_its_way = -1;  // the stage that this warp has not yet told of
        const auto is_mine = [&] {
            const bool mine = whose == copier;
            whose = whose + 1 == work_.copiers ? 0 : whose + 1;
            if (mine) ring_.wait_until_empty(turn);
            return mine;
        };
        for (int tile = first_tile_; tile < work_.down; tile += tile_step_) {
            for (int product = 0; product < (Two ? 2 : 1); ++product) {
                const WidePart& part = work_.parts[product];
                for (int chunk = 0; chunk < part.chunks; ++chunk, ring_.next(turn)) {
                    if (is_mine()) fill(turn.stage, product, chunk, tile, on_its_way);
                }
            }
            for (int i = 0; i < work_.operand_boxes; ++i, ring_.next(turn)) {
                if (!is_mine()) continue;
                tell_rest(on_its_way);
                copy_box(turn.stage, maps_.operand, first_channel_ + i * kChunk, tile);
                ring_.tell_full(turn.stage);
            }
        }
        tell_rest(on_its_way);
    }

    /// One group: its unit of every tile.
    __device__ void multiply(int group) const {
        const int down = group / kCut.across, across = group % kCut.across;
        WideOutputs<N, Two, End> outputs(
            work_, numbers() + across * N, down * kUnitRows, first_channel_ + across * N);
        load_kept_weights();
        compute_numbers();
        show_copies_to_matrix_units();
        asm volatile("bar.sync 1, %0;" ::"n"(kMultiplying) : "memory");

        Ring::Turn turn;
        for (int tile = first_tile_; tile < work_.down; tile += tile_step_) {
            outputs.begin(tile);
            int last = -1;
            multiply_product<0>(outputs, down, across, turn, last);
            if constexpr (Two) multiply_product<1>(outputs, down, across, turn, last);
            outputs.wait();
            ring_.tell_empty(last);
            for (int i = 0; i < work_.operand_boxes; ++i, ring_.next(turn)) {
                ring_.wait_until_full(turn);
                const int channel = across * N - i * kChunk;
                if (channel >= 0 && channel < kChunk)
                    outputs.read_operands(stage_at(turn.stage), channel);
                ring_.tell_empty(turn.stage);
            }
            outputs.end(tile);
        }
    }

private:
    /// By all threads that multiply.
    __device__ void load_kept_weights() const {
        for (int product = 0; work_.kept && product < (Two ? 2 : 1); ++product) {
            const WidePart& part = work_.parts[product];
            for (int chunk = 0; chunk < part.chunks; ++chunk)
                load_weights<N>(work_,
                                part,
                                chunk,
                                first_channel_,
                                threadIdx.x,
                                kMultiplying,
                                kept_weights_at(part, chunk));
        }
    }
    __device__ void compute_numbers() const {
        const Int8Conv& conv = work_.base.conv;
        float* to = numbers();
        for (int i = threadIdx.x; i < work_.columns; i += kMultiplying) {
            const int channel = first_channel_ + i;
            if (channel >= conv.out[2]) continue;
            const int at = WideLanes<N>::number_at(i);
            to[at] = fmaf(conv.bias[channel] + work_.shift, work_.gain, work_.begin);
            to[work_.columns + at] = conv.scale[channel] * work_.gain;
            if (Two) to[2 * work_.columns + at] = conv.second.scale[channel] * work_.gain;
        }
    }

    /// All chunks of a product. A stage is free once the products of the next one have set out;
    /// `last` is the one that is not yet.
    template <int Product>
    __device__ void multiply_product(WideOutputs<N, Two, End>& outputs,
                                     int down,
                                     int across,
                                     Ring::Turn& turn,
                                     int& last) const {
        const WidePart& part = work_.parts[Product];
        for (int chunk = 0; chunk < part.chunks; ++chunk, ring_.next(turn)) {
            ring_.wait_until_full(turn);
            const unsigned x = stage_at(turn.stage);
            const unsigned weights = work_.kept ? kept_weights_at(part, chunk) : x + work_.x_bytes;
            outputs.template multiply_chunk<Product>((x + down * kUnitRows * kChunk) / 16,
                                                     (weights + across * N * kChunk) / 16,
                                                     wide_pieces(part, chunk) / 2,
                                                     chunk > 0);
            if (last >= 0) {
                wait_for_product_groups<1>();
                ring_.tell_empty(last);
            }
            last = turn.stage;
        }
    }

    /// A chunk's stage. What this warp copies itself it tells of when it has set out for the next
    /// one.
    __device__ void fill(int stage, int product, int chunk, int tile, int& on_its_way) const {
        const WidePart& part = work_.parts[product];
        const unsigned to = stage_at(stage);
        if (part.flat) {
            copy_box(stage, maps_.x[product], chunk * kChunk, tile);
        } else {
            load_x(work_, part, chunk, tile, to);
        }
        if (!work_.kept)
            load_weights<N>(
                work_, part, chunk, first_channel_, threadIdx.x % 32, 32, to + work_.x_bytes);
        if (part.flat && work_.kept) {
            tell_rest(on_its_way);
            ring_.tell_full(stage);
            return;
        }
        end_of_group();
        if (on_its_way >= 0) {
            show_groups_to_matrix_units<1>();
            ring_.tell_full(on_its_way);
        }
        on_its_way = stage;
    }
    __device__ void copy_box(int stage, const CUtensorMap& from, int column, int tile) const {
        if (threadIdx.x % 32 != 0) return;
        ring_.full(stage).expect(work_.x_bytes);
        ring_.full(stage).copy_box(stage_at(stage), from, column, tile * work_.rows);
    }
    __device__ void tell_rest(int& on_its_way) const {
        if (on_its_way < 0) return;
        show_groups_to_matrix_units<0>();
        ring_.tell_full(on_its_way);
        on_its_way = -1;
    }

    __device__ float* numbers() const {
        return reinterpret_cast<float*>(shared_ + kWideBarrierBytes);
    }
    __device__ unsigned kept_weights_at(const WidePart& part, int chunk) const {
        return shared_address(shared_) + wide_weights_at(work_) +
               (part.first_chunk + chunk) * work_.columns * kChunk;
    }
    __device__ unsigned stage_at(int stage) const {
        return shared_address(shared_) + wide_stages_at(work_) + stage * work_.stage_bytes;
    }

    const WideWork& work_;
    const WideMaps& maps_;
    char* shared_;
    Ring ring_;
    int first_channel_;
    int first_tile_;
    int tile_step_;
};

#endif

template <int I, bool Two, WideEnd End>
__global__ void __launch_bounds__(wide_threads(kWideCuts[I]), kWideCuts[I].blocks)
    int8_wide(const __grid_constant__ WideWork work, const __grid_constant__ WideMaps maps) {
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
    extern __shared__ __align__(1024) char shared[];
    const WideBlock<I, Two, End> block(work, maps, shared);
    block.create_barriers();
    __syncthreads();
    // The same in all lanes, which the compiler cannot see otherwise.
    const int warp = __shfl_sync(0xffffffff, threadIdx.x / 32, 0);
    constexpr int kMultiplying = wide_groups(kWideCuts[I]) * 4;
    // Of four groups and the warps that copy, 96 registers a thread are dealt out anew.
    constexpr bool kManyGroups = kMultiplying == 16;
    if (warp >= kMultiplying) {
        if (kManyGroups) asm volatile("setmaxnreg.dec.sync.aligned.u32 32;");
        block.copy(warp - kMultiplying);
    } else {
        if (kManyGroups) asm volatile("setmaxnreg.inc.sync.aligned.u32 112;");
        block.multiply(warp / 4);
    }
#endif
}

using EncodeMap = decltype(&cuTensorMapEncodeTiled);

/// The driver's, of which nothing is linked; null where it has none.
EncodeMap encoder() {
    static const EncodeMap encode = [] {
        void* found = nullptr;
        cudaDriverEntryPointQueryResult result{};
        if (cudaGetDriverEntryPointByVersion(
                "cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result) != cudaSuccess)
            found = nullptr;
        return reinterpret_cast<EncodeMap>(found);
    }();
    return encode;
}

/// A matrix of bytes, `pitch` from row to row, of which boxes of kChunk columns are copied.
bool map_matrix(CUtensorMap& map, const void* at, int columns, int rows, int pitch, int box_rows) {
    const cuuint64_t extents[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
    const cuuint64_t pitches[] = {static_cast<cuuint64_t>(pitch)};
    const cuuint32_t box[] = {kChunk, static_cast<cuuint32_t>(box_rows)};
    const cuuint32_t steps[] = {1, 1};
    return encoder() != nullptr && encoder()(&map,
                                             CU_TENSOR_MAP_DATA_TYPE_UINT8,
                                             2,
                                             const_cast<void*>(at),
                                             extents,
                                             pitches,
                                             box,
                                             steps,
                                             CU_TENSOR_MAP_INTERLEAVE_NONE,
                                             CU_TENSOR_MAP_SWIZZLE_128B,
                                             CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                                             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

bool map_all(const WideWork& work, WideMaps& maps) {
    const int places = work.base.places;
    for (int i = 0; i < work.part_count; ++i) {
        const WidePart& part = work.parts[i];
        if (part.flat &&
            !map_matrix(maps.x[i], part.x, part.pieces * kPiece, places, part.x_place, work.rows))
            return false;
    }
    const Int8Conv& conv = work.base.conv;
    return work.operand_boxes == 0 ||
           map_matrix(
               maps.operand, conv.operand, conv.out[2], places, conv.operand_pitch, work.rows);
}

template <int I, bool Two, WideEnd End>
void launch(const WideWork& work, cudaStream_t stream) {
    constexpr int kThreads = wide_threads(kWideCuts[I]);
    const auto kernel = int8_wide<I, Two, End>;
    const int bytes = wide_shared_bytes(work);
    const int blocks = blocks_at_once(kernel, kThreads, bytes);
    const int rows = std::max(1, std::min(work.down, blocks / work.across));
    WideMaps maps{};
    // No blocks are an error that the caller will see.
    const int grid = map_all(work, maps) ? rows * work.across : 0;
    kernel<<<grid, kThreads, bytes, stream>>>(work, maps);
}

template <int I>
void launch_cut(const WideWork& work, cudaStream_t stream) {
    if (work.part_count == 1) {
        switch (work.end) {
            case WideEnd::kLinear:
                return launch<I, false, WideEnd::kLinear>(work, stream);
            case WideEnd::kSwish:
                return launch<I, false, WideEnd::kSwish>(work, stream);
            case WideEnd::kAny:
                return launch<I, false, WideEnd::kAny>(work, stream);
        }
    }
    if constexpr (wide_takes_two(kWideCuts[I])) {
        if (work.end == WideEnd::kLinear) return launch<I, true, WideEnd::kLinear>(work, stream);
        launch<I, true, WideEnd::kAny>(work, stream);
    }
}

template <int... I>
void launch_one_of(int cut,
                   const WideWork& work,
                   cudaStream_t stream,
                   std::integer_sequence<int, I...>) {
    ((cut == I ? launch_cut<I>(work, stream) : void()), ...);
}

}  // namespace

void launch_int8_wide(int cut, const Int8Conv& conv, cudaStream_t stream) {
    WideWork work = wide_work(kWideCuts[cut], conv);
    launch_one_of(cut, work, stream, std::make_integer_sequence<int, kWideCutCount>());
}

}  // namespace sluice::infer::cuda
