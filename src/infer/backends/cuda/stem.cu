#include <algorithm>

#include "sluice/infer/backends/cuda/device_math.cuh"

/// A first layer as one kernel. A block of threads keeps all weights in shared memory and goes from
/// tile to tile: it makes the tile's blocks (4 pixels, 16 numbers, of which 12 or 16 count), then
/// each warp convolves a row of 32 places on the matrix units. One place of the window is one step
/// of 16 of the sum. What bounds it is writing the output.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTileRows = kThreads / 32;  ///< a warp each
constexpr int kTileColumns = 32;
constexpr int kWays = 2;       ///< 16 places each, of the tile's row
constexpr int kGroup = 32;     ///< outputs that a lane shares with three others, 8 each
constexpr int kOfGroup = 4;    ///< matrices of 8 outputs in a group
constexpr int kPerBlocks = 4;  ///< blocks of threads for a multiprocessor: one waits, another works

/// 16 numbers are two pieces of 16 bytes, which change places in every other four rows: eight rows
/// that are read at once then lie in different banks.
__device__ int piece_of(int row, int half) {
    return row * 2 + (half ^ (row >> 2 & 1));
}

__device__ unsigned shared_address(const uint4* piece) {
    return static_cast<unsigned>(__cvta_generic_to_shared(piece));
}

/// Four matrices of 8x8; lane i gives where row i % 8 of matrix i / 8 lies.
__device__ void load_matrices(const uint4* piece, unsigned (&to)[4]) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(piece)));
}

/// sum[16 places][8 outputs] += a[16 places][16] * b[16][8 outputs]
__device__ void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The output whose weights lie in a row: such that a lane's sums are of 8 outputs side by side.
__device__ int output_of(int row) {
    const int matrix = row / 8 % kOfGroup;
    return row / kGroup * kGroup + row % 8 / 2 * 8 + matrix * 2 + row % 2;
}

template <int G>
__device__ void load_weights(const StemArgs& args, uint4* weights) {
    const int places = args.kernel[0] * args.kernel[1];
    const uint4* from = static_cast<const uint4*>(args.weights);
    for (int i = threadIdx.x; i < places * G * kGroup * 2; i += kThreads) {
        const int half = i % 2;
        const int row = i / 2 % (G * kGroup);
        const int place = i / 2 / (G * kGroup);
        const int output = output_of(row);
        weights[piece_of(place * G * kGroup + row, half)] =
            output < args.output.extents[1] ? from[(output * places + place) * 2 + half]
                                            : make_uint4(0, 0, 0, 0);
    }
}

struct Tile {
    int n;
    int top;   ///< of the output
    int left;  ///< likewise
};

template <int C>
__device__ void load_blocks(const StemArgs& args, const Tile& tile, uint4* blocks) {
    const int columns = kTileColumns + args.kernel[1] - 1;
    const int count = (kTileRows + args.kernel[0] - 1) * columns;
    const Operand& input = args.input;
    for (int i = threadIdx.x; i < count; i += kThreads) {
        const int y = tile.top - args.pad_begin[0] + i / columns;
        const int x = tile.left - args.pad_begin[1] + i % columns;
        float values[16] = {};
        if (y >= 0 && y < args.blocks[0] && x >= 0 && x < args.blocks[1]) {
#pragma unroll
            for (int corner = 0; corner < 4; ++corner) {
#pragma unroll
                for (int c = 0; c < C; ++c) {
                    const int index = tile.n * input.strides[0] + c * input.strides[1] +
                                      (2 * y + corner / 2) * input.strides[2] +
                                      (2 * x + corner % 2) * input.strides[3];
                    float value[1];
                    load<1>(at(input.data, input.type, index), input.type, 1, value);
                    values[corner * C + c] = value[0] * args.scale[c] + args.shift[c];
                }
            }
        }
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float part[8];
#pragma unroll
            for (int j = 0; j < 8; ++j)
                part[j] = values[half * 8 + j];
            store<8>(&blocks[piece_of(i, half)], Type::kF16, part);
        }
    }
}

template <PointOp op, int N>
__device__ void activate(float (&sums)[kWays][N][4], const KernelStep& step) {
    const KernelStep fixed{static_cast<std::uint8_t>(op), -1, step.a, step.b};
#pragma unroll
    for (int way = 0; way < kWays; ++way) {
#pragma unroll
        for (int n = 0; n < N; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float& x = sums[way][n][i];
                float saved = 0;
                if constexpr (op == PointOp::kSwish) {
                    x = __fdividef(x, 1.0f + __expf(-x));
                } else {
                    x = step_on(fixed, x, step.a, saved);
                }
            }
        }
    }
}

template <int N>
__device__ void activate(float (&sums)[kWays][N][4], const StemArgs& args) {
    if (!args.activates) return;
    switch (static_cast<PointOp>(args.activation.op)) {
        case PointOp::kRelu:
            return activate<PointOp::kRelu>(sums, args.activation);
        case PointOp::kLeakyRelu:
            return activate<PointOp::kLeakyRelu>(sums, args.activation);
        case PointOp::kClamp:
            return activate<PointOp::kClamp>(sums, args.activation);
        case PointOp::kHardSwish:
            return activate<PointOp::kHardSwish>(sums, args.activation);
        default:
            return activate<PointOp::kSwish>(sums, args.activation);
    }
}

/// The warp's row of the tile.
template <int G>
__device__ void convolve(const StemArgs& args,
                         const uint4* weights,
                         const uint4* blocks,
                         float (&sums)[kWays][G * kOfGroup][4]) {
    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    const int columns = kTileColumns + args.kernel[1] - 1;
    for (int ky = 0; ky < args.kernel[0]; ++ky) {
        for (int kx = 0; kx < args.kernel[1]; ++kx) {
            unsigned a[kWays][4];
#pragma unroll
            for (int way = 0; way < kWays; ++way) {
                // Matrices: places 0-7, places 8-15, then the same of the second half.
                const int place = (warp + ky) * columns + kx + way * 16 + lane % 16;
                load_matrices(&blocks[piece_of(place, lane / 16)], a[way]);
            }
            const int first = (ky * args.kernel[1] + kx) * G * kGroup;
#pragma unroll
            for (int n = 0; n < G * kOfGroup; n += 2) {
                // Matrices: both halves of 8 outputs, then of the next 8.
                const int row = first + (n + lane / 16) * 8 + lane % 8;
                unsigned b[4];
                load_matrices(&weights[piece_of(row, lane / 8 % 2)], b);
#pragma unroll
                for (int way = 0; way < kWays; ++way) {
                    multiply(sums[way][n], a[way], b[0], b[1]);
                    multiply(sums[way][n + 1], a[way], b[2], b[3]);
                }
            }
        }
    }
}

/// A lane has, of places lane / 4 and 8 further, 8 outputs of each group.
template <int G>
__device__ void write(const StemArgs& args,
                      const Tile& tile,
                      const float (&sums)[kWays][G * kOfGroup][4]) {
    const int lane = threadIdx.x % 32;
    const Image& output = args.output;
    const int y = tile.top + threadIdx.x / 32;
    if (y >= output.extents[2]) return;
#pragma unroll
    for (int way = 0; way < kWays; ++way) {
#pragma unroll
        for (int lower = 0; lower < 2; ++lower) {
            const int x = tile.left + way * 16 + lower * 8 + lane / 4;
            if (x >= output.extents[3]) continue;
#pragma unroll
            for (int group = 0; group < G; ++group) {
                const int channel = group * kGroup + lane % 4 * 8;
                if (channel >= output.extents[1]) continue;
                float part[8];
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    part[i] = sums[way][group * kOfGroup + i / 2][lower * 2 + i % 2];
                const int index = tile.n * output.strides[0] + channel + y * output.strides[2] +
                                  x * output.strides[3];
                store<8>(output.data, output.type, output.grid, index, part);
            }
        }
    }
}

template <int C, int G>
__global__ void __launch_bounds__(kThreads, 2)
    stem(const __grid_constant__ StemArgs args, int across, int down, int tiles) {
    extern __shared__ uint4 shared[];
    uint4* weights = shared;
    uint4* blocks = shared + args.kernel[0] * args.kernel[1] * G * kGroup * 2;
    load_weights<G>(args, weights);
    const int quarter = threadIdx.x % 4;
    for (int i = blockIdx.x; i < tiles; i += gridDim.x) {
        const Tile tile{
            i / across / down, i / across % down * kTileRows, i % across * kTileColumns};
        load_blocks<C>(args, tile, blocks);
        float sums[kWays][G * kOfGroup][4];
#pragma unroll
        for (int n = 0; n < G * kOfGroup; ++n) {
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const int output = n / kOfGroup * kGroup + quarter * 8 + n % kOfGroup * 2 + j;
                const float bias = output < args.output.extents[1] ? args.bias[output] : 0.0f;
#pragma unroll
                for (int way = 0; way < kWays; ++way)
                    sums[way][n][j] = sums[way][n][2 + j] = bias;
            }
        }
        __syncthreads();
        convolve<G>(args, weights, blocks, sums);
        __syncthreads();  // the next tile's blocks go where these are
        activate(sums, args);
        write<G>(args, tile, sums);
    }
}

int parts(int whole, int part) {
    return (whole + part - 1) / part;
}

template <int C, int G>
void launch(const StemArgs& args, cudaStream_t stream) {
    const int across = parts(args.output.extents[3], kTileColumns);
    const int down = parts(args.output.extents[2], kTileRows);
    const int tiles = args.output.extents[0] * across * down;
    int device = 0;
    int processors = 1;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    const int pieces = args.kernel[0] * args.kernel[1] * G * kGroup * 2 +
                       (kTileRows + args.kernel[0] - 1) * (kTileColumns + args.kernel[1] - 1) * 2;
    stem<C, G><<<std::min(tiles, processors * kPerBlocks),
                 kThreads,
                 static_cast<std::size_t>(pieces) * sizeof(uint4),
                 stream>>>(args, across, down, tiles);
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
    const bool few = args.output.extents[1] <= kGroup;
    if (args.channels == 3) return few ? launch<3, 1>(args, stream) : launch<3, 2>(args, stream);
    return few ? launch<4, 1>(args, stream) : launch<4, 2>(args, stream);
}

}  // namespace sluice::infer::cuda
