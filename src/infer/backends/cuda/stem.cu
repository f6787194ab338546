#include <algorithm>

#include "sluice/infer/backends/cuda/blocks_at_once.cuh"
#include "sluice/infer/backends/cuda/device_math.cuh"
#include "sluice/infer/backends/cuda/int8_math.cuh"
#include "sluice/infer/backends/cuda/stem_tile.h"

/// A first layer as one kernel. A block of threads keeps all weights in shared memory and goes from
/// tile to tile: while it convolves one tile on the matrix units, the pixels of the next are on
/// their way, which it then makes blocks of (4 pixels, 12 or 16 numbers).
namespace sluice::infer::cuda {
namespace {

constexpr int kPerBlocks = 4;  ///< blocks of threads for a multiprocessor: bounds the registers

/// Swish of 8 bits is made of x / 2.
__device__ float gain_of(const StemArgs& args) {
    const bool halves = args.activates && args.output.type == Type::kI8 &&
                        static_cast<PointOp>(args.activation.op) == PointOp::kSwish;
    return halves ? 0.5f : 1.0f;
}

/// The biases are multiplied by the gain already.
template <class Tile>
__device__ void load_weights(const StemArgs& args, uint2* weights, float* bias) {
    const __half* from = static_cast<const __half*>(args.weights);
#pragma unroll 8
    for (int i = threadIdx.x; i < Tile::kSteps * Tile::kEights * 32; i += kStemThreads) {
        const int lane = i % 32;
        const int eight = i / 32 % Tile::kEights;
        const int step = i / 32 / Tile::kEights;
        const int output = Tile::output_of(eight, lane / 4);
        const int place = Tile::weights_of(output, step, lane);
        weights[Tile::weight_piece(step, eight, lane) * 2 + eight % 2] =
            place >= 0 && output < args.output.extents[1]
                ? *reinterpret_cast<const uint2*>(from + place)
                : make_uint2(0, 0);
    }
    for (int i = threadIdx.x; i < Tile::kEights * 8; i += kStemThreads)
        bias[i] = i < args.output.extents[1] ? args.bias[i] * gain_of(args) : 0.0f;
}

/// The numbers of two blocks beside each other.
template <class Tile>
using TwoBlocks = float[2][4][Tile::kChannels];

template <class Tile>
__device__ void store_pair(const TwoBlocks<Tile>& pair, __half* to) {
    const float* numbers = &pair[0][0][0];
#pragma unroll
    for (int i = 0; i < Tile::kBlock / 4; ++i) {
        uint4 piece;
        __half2* halves = reinterpret_cast<__half2*>(&piece);
#pragma unroll
        for (int j = 0; j < 4; ++j)
            halves[j] = __floats2half2_rn(numbers[i * 8 + j * 2], numbers[i * 8 + j * 2 + 1]);
        reinterpret_cast<uint4*>(to)[i] = piece;
    }
}

__device__ float number_of(unsigned char x) {
    return static_cast<float>(x);
}
__device__ float number_of(float x) {
    return x;
}
__device__ float number_of(__half x) {
    return __half2float(x);
}

/// Byte i of a word: as the last digits of 2^23 and what is more.
__device__ float byte_of(unsigned word, int i) {
    return __uint_as_float(__byte_perm(word, 0x4b000000u, 0x7440u | i)) - 8388608.0f;
}

/// Pixels of any type and layout: read when their blocks are made.
template <class Tile>
class AnyPixels {
public:
    __device__ explicit AnyPixels(const StemArgs& args) : args_(args) {}

    __device__ void fetch(const StemSpot& spot) { spot_ = spot; }
    __device__ void make_blocks(__half* blocks) const {
        for (int i = threadIdx.x; i < Tile::kPairsInAll; i += kStemThreads) {
            TwoBlocks<Tile> pair = {};
            switch (args_.input.type) {
                case Type::kU8:
                    read<unsigned char>(i, pair);
                    break;
                case Type::kF16:
                    read<__half>(i, pair);
                    break;
                default:
                    read<float>(i, pair);
                    break;
            }
            store_pair<Tile>(pair, blocks + i * 2 * Tile::kBlock);
        }
    }

private:
    template <class T>
    __device__ void read(int index, TwoBlocks<Tile>& pair) const {
        const StemBlock first = stem_block<Tile>(args_, spot_, index);
        if (first.y < 0 || first.y >= args_.blocks[0]) return;
        const int(&strides)[kMostDims] = args_.input.strides;
#pragma unroll
        for (int b = 0; b < 2; ++b) {
            if (first.x + b < 0 || first.x + b >= args_.blocks[1]) continue;
            const T* block = static_cast<const T*>(args_.input.data) + spot_.n * strides[0] +
                             2 * first.y * strides[2] + 2 * (first.x + b) * strides[3];
#pragma unroll
            for (int corner = 0; corner < 4; ++corner) {
#pragma unroll
                for (int c = 0; c < Tile::kChannels; ++c) {
                    const T pixel =
                        block[corner / 2 * strides[2] + corner % 2 * strides[3] + c * strides[1]];
                    pair[b][corner][c] = number_of(pixel) * args_.scale[c] + args_.shift[c];
                }
            }
        }
    }

    const StemArgs& args_;
    StemSpot spot_{};
};

/// Pixels of stem_reads_words: a word is two blocks' pixels of one row and channel.
template <class Tile>
class WordPixels {
public:
    __device__ explicit WordPixels(const StemArgs& args) : args_(args) {}

    __device__ void fetch(const StemSpot& spot) {
        const int(&strides)[kMostDims] = args_.input.strides;
#pragma unroll
        for (int i = 0; i < Tile::kPairsEach; ++i) {
            const int index = threadIdx.x + i * kStemThreads;
            const StemBlock block = stem_block<Tile>(args_, spot, index);
            is_inside_[i] = index < Tile::kPairsInAll && block.y >= 0 &&
                            block.y < args_.blocks[0] && block.x >= 0 && block.x < args_.blocks[1];
            if (!is_inside_[i]) continue;
            const char* pixels = static_cast<const char*>(args_.input.data) +
                                 (spot.n * strides[0] + 2 * block.y * strides[2] + 2 * block.x);
#pragma unroll
            for (int row = 0; row < 2; ++row) {
#pragma unroll
                for (int c = 0; c < Tile::kChannels; ++c)
                    words_[i][row][c] = __ldg(reinterpret_cast<const unsigned*>(
                        pixels + row * strides[2] + c * strides[1]));
            }
        }
    }
    __device__ void make_blocks(__half* blocks) const {
#pragma unroll
        for (int i = 0; i < Tile::kPairsEach; ++i) {
            const int index = threadIdx.x + i * kStemThreads;
            if (index >= Tile::kPairsInAll) break;
            TwoBlocks<Tile> pair = {};
            if (is_inside_[i]) {
#pragma unroll
                for (int b = 0; b < 2; ++b) {
#pragma unroll
                    for (int corner = 0; corner < 4; ++corner) {
#pragma unroll
                        for (int c = 0; c < Tile::kChannels; ++c)
                            pair[b][corner][c] =
                                byte_of(words_[i][corner / 2][c], b * 2 + corner % 2) *
                                    args_.scale[c] +
                                args_.shift[c];
                    }
                }
            }
            store_pair<Tile>(pair, blocks + index * 2 * Tile::kBlock);
        }
    }

private:
    const StemArgs& args_;
    unsigned words_[Tile::kPairsEach][2][Tile::kChannels];
    bool is_inside_[Tile::kPairsEach];
};

/// Of a lane: in its way's places lane % 32 / 4 and 8 further, two outputs of each eight.
template <class Tile>
using Sums = float[Tile::kWays][Tile::kEights][4];

template <class Tile>
__device__ void convolve(const uint4* weights, const __half* blocks, Sums<Tile>& sums) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int step = 0; step < Tile::kSteps; ++step) {
        const __half* from = blocks + Tile::reach(step, lane);
        unsigned a[Tile::kWays][4];
#pragma unroll
        for (int way = 0; way < Tile::kWays; ++way) {
#pragma unroll
            for (int right = 0; right < 2; ++right) {
                const uint2 four =
                    *reinterpret_cast<const uint2*>(from + Tile::place_at(threadIdx.x, way, right));
                a[way][right] = four.x;
                a[way][2 + right] = four.y;
            }
        }
#pragma unroll
        for (int n = 0; n < Tile::kEights; n += 2) {
            const uint4 b = weights[Tile::weight_piece(step, n, lane)];
#pragma unroll
            for (int way = 0; way < Tile::kWays; ++way) {
                multiply(sums[way][n], a[way], b.x, b.y);
                multiply(sums[way][n + 1], a[way], b.z, b.w);
            }
        }
    }
}

template <class Tile, class Function>
__device__ void apply(Sums<Tile>& sums, Function function) {
#pragma unroll
    for (int way = 0; way < Tile::kWays; ++way) {
#pragma unroll
        for (int n = 0; n < Tile::kEights; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                sums[way][n][i] = function(sums[way][n][i]);
        }
    }
}

template <PointOp op, class Tile>
__device__ void activate(const KernelStep& step, Sums<Tile>& sums) {
    const KernelStep fixed{static_cast<std::uint8_t>(op), -1, step.a, step.b};
    apply<Tile>(sums, [&](float x) {
        float saved = 0;
        return step_on(fixed, x, step.a, saved);
    });
}

template <class Tile>
__device__ void activate(const StemArgs& args, Sums<Tile>& sums) {
    if (!args.activates) return;
    switch (static_cast<PointOp>(args.activation.op)) {
        case PointOp::kRelu:
            return activate<PointOp::kRelu, Tile>(args.activation, sums);
        case PointOp::kLeakyRelu:
            return activate<PointOp::kLeakyRelu, Tile>(args.activation, sums);
        case PointOp::kClamp:
            return activate<PointOp::kClamp, Tile>(args.activation, sums);
        case PointOp::kHardSwish:
            return activate<PointOp::kHardSwish, Tile>(args.activation, sums);
        default:
            if (args.output.type == Type::kI8)
                return apply<Tile>(sums, [](float x) { return swish_of_half(x); });
            return apply<Tile>(sums, [](float x) { return swish(x); });
    }
}

/// Outputs side by side.
template <int Width>
__device__ void store_outputs(const float (&numbers)[Width], __half* to) {
    unsigned words[Width / 2];
#pragma unroll
    for (int i = 0; i < Width / 2; ++i)
        reinterpret_cast<__half2*>(words)[i] =
            __floats2half2_rn(numbers[i * 2], numbers[i * 2 + 1]);
    if constexpr (Width == 8) {
        *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
    } else {
        *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
    }
}
template <int Width>
__device__ void store_outputs(const float (&parts)[Width], signed char* to) {
    unsigned words[Width / 4];
#pragma unroll
    for (int i = 0; i < Width / 4; ++i)
        words[i] = packed_parts(parts[i * 4], parts[i * 4 + 1], parts[i * 4 + 2], parts[i * 4 + 3]);
    if constexpr (Width == 8) {
        *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
    } else {
        *reinterpret_cast<unsigned*>(to) = words[0];
    }
}

/// The lane's outputs of eight kFirst and up to three more, at one place.
template <class Tile, int kFirst, class Number>
__device__ void write_eights(const StemArgs& args,
                             const float (&sums)[Tile::kEights][4],
                             int right,
                             Number* place) {
    const int channel = Tile::output_of(kFirst, threadIdx.x % 4 * 2);
    if (channel >= args.output.extents[1]) return;
    float numbers[Tile::width_of(kFirst)];
#pragma unroll
    for (int i = 0; i < Tile::width_of(kFirst); ++i)
        numbers[i] = sums[kFirst + i / 2][right * 2 + i % 2];
    store_outputs(numbers, place + channel);
}

template <class Tile, class Number>
__device__ void write(const StemArgs& args, const StemSpot& spot, const Sums<Tile>& sums) {
    const Image& output = args.output;
#pragma unroll
    for (int way = 0; way < Tile::kWays; ++way) {
        const int y = spot.top + Tile::row_of(threadIdx.x, way);
        if (y >= output.extents[2]) break;
#pragma unroll
        for (int right = 0; right < 2; ++right) {
            const int x = spot.left + Tile::column_of(threadIdx.x, right);
            if (x >= output.extents[3]) continue;
            Number* place = static_cast<Number*>(output.data) + spot.n * output.strides[0] +
                            y * output.strides[2] + x * output.strides[3];
            write_eights<Tile, 0>(args, sums[way], right, place);
            if constexpr (Tile::kEights > 4) write_eights<Tile, 4>(args, sums[way], right, place);
        }
    }
}

template <class Tile>
__device__ void add_bias(const StemArgs& args, const float* bias, Sums<Tile>& sums) {
    const float gain = gain_of(args);
#pragma unroll
    for (int n = 0; n < Tile::kEights; ++n) {
        const float2 both =
            *reinterpret_cast<const float2*>(bias + Tile::output_of(n, threadIdx.x % 4 * 2));
#pragma unroll
        for (int way = 0; way < Tile::kWays; ++way) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                sums[way][n][i] = fmaf(sums[way][n][i], gain, i % 2 == 0 ? both.x : both.y);
        }
    }
}

template <class Tile>
__device__ void finish(const StemArgs& args,
                       const StemSpot& spot,
                       const float* bias,
                       Sums<Tile>& sums) {
    add_bias<Tile>(args, bias, sums);
    activate<Tile>(args, sums);
    if (args.output.type != Type::kI8) return write<Tile, __half>(args, spot, sums);
    // As packed_parts takes them.
    const Grid& grid = args.output.grid;
    const float factor = 1.0f / (255.0f * grid.step);
    const float summand = (grid.zero + 128.0f) / 255.0f;
    apply<Tile>(sums, [&](float x) { return fmaf(x, factor, summand); });
    write<Tile, signed char>(args, spot, sums);
}

/// The tiles of all images, and how a block of threads goes from one to its next.
struct Path {
    int images, down, across;
    StemSpot step;  ///< counted in tiles, like all here

    __host__ __device__ StemSpot tile(int index) const {
        return {index / across / down, index / across % down, index % across};
    }
    __device__ void advance(StemSpot& tile) const {
        tile.left += step.left;
        tile.top += step.top;
        tile.n += step.n;
        if (tile.left >= across) {
            tile.left -= across;
            ++tile.top;
        }
        if (tile.top >= down) {
            tile.top -= down;
            ++tile.n;
        }
    }
};

template <class Tile, template <class> class Pixels>
__global__ void __launch_bounds__(kStemThreads, kPerBlocks)
    stem(const __grid_constant__ StemArgs args, const __grid_constant__ Path path) {
    extern __shared__ uint4 shared[];
    uint4* weights = shared;
    __half* blocks = reinterpret_cast<__half*>(weights + Tile::kWeightPieces);
    constexpr int kTurns = Tile::kBlockPieces * 8;  ///< numbers to the other tile's blocks
    float* bias = reinterpret_cast<float*>(blocks + 2 * kTurns);
    const auto spot_of = [](const StemSpot& tile) -> StemSpot {
        return {tile.n, tile.top * Tile::kRows, tile.left * kStemColumns};
    };

    StemSpot tile = path.tile(blockIdx.x);
    Pixels<Tile> pixels(args);
    pixels.fetch(spot_of(tile));
    load_weights<Tile>(args, reinterpret_cast<uint2*>(weights), bias);
    pixels.make_blocks(blocks);
    int turn = 0;
    while (tile.n < path.images) {
        __syncthreads();  // these blocks are made, and all are done with those before
        const StemSpot spot = spot_of(tile);
        path.advance(tile);
        const bool goes_on = tile.n < path.images;
        if (goes_on) pixels.fetch(spot_of(tile));
        Sums<Tile> sums = {};
        convolve<Tile>(
            weights, blocks + turn * kTurns + args.pad_begin[1] % 2 * Tile::kBlock, sums);
        finish<Tile>(args, spot, bias, sums);
        turn = 1 - turn;
        if (goes_on) pixels.make_blocks(blocks + turn * kTurns);
    }
}

int parts(int whole, int part) {
    return (whole + part - 1) / part;
}

template <class Tile, template <class> class Pixels>
void launch(const StemArgs& args, cudaStream_t stream) {
    Path path{args.output.extents[0],
              parts(args.output.extents[2], Tile::kRows),
              parts(args.output.extents[3], kStemColumns),
              {}};
    const int grid = std::min(path.images * path.down * path.across,
                              blocks_at_once(stem<Tile, Pixels>, kStemThreads, Tile::kSharedBytes));
    path.step = path.tile(grid);
    stem<Tile, Pixels><<<grid, kStemThreads, Tile::kSharedBytes, stream>>>(args, path);
}

/// As words at the three sizes that networks have; all else is made to work.
template <int Kernel>
void launch(const StemArgs& args, cudaStream_t stream) {
    const int outputs = args.output.extents[1];
    if (args.channels == 4) return launch<StemTile<Kernel, 4, 8>, AnyPixels>(args, stream);
    if (!stem_reads_words(args)) {
        if (outputs <= 32) return launch<StemTile<Kernel, 3, 4>, AnyPixels>(args, stream);
        return launch<StemTile<Kernel, 3, 8>, AnyPixels>(args, stream);
    }
    if (outputs <= 32) return launch<StemTile<Kernel, 3, 4>, WordPixels>(args, stream);
    if (outputs <= 48) return launch<StemTile<Kernel, 3, 6>, WordPixels>(args, stream);
    launch<StemTile<Kernel, 3, 8>, WordPixels>(args, stream);
}

}  // namespace

bool stem_activates(std::uint8_t op) {
    switch (static_cast<PointOp>(op)) {
        case PointOp::kRelu:
        case PointOp::kLeakyRelu:
        case PointOp::kClamp:
        case PointOp::kHardSwish:
        case PointOp::kSwish:
            return true;
        default:
            return false;
    }
}

void launch_stem(const StemArgs& args, cudaStream_t stream) {
    if (args.kernel == 2) return launch<2>(args, stream);
    if (args.kernel == 3) return launch<3>(args, stream);
    launch<4>(args, stream);
}

}  // namespace sluice::infer::cuda
