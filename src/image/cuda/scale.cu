#include "sluice/image/cuda/square.h"

namespace sluice::image::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = 8;

__device__ unsigned char to_byte(float value) {
    return static_cast<unsigned char>(__float2uint_rn(clamp_sample(value)));
}

/// Thread (x, y) of the grid makes the square of chroma sample (x, y); blockIdx.z is the picture.
__global__ void __launch_bounds__(kWarp* kWarps) scale(const __grid_constant__ ScaleArgs args) {
    const Picture& picture = args.picture[blockIdx.z];
    const int column = blockIdx.x * kWarp + threadIdx.x;
    const int row = blockIdx.y * kWarps + threadIdx.y;
    const int left = picture.left + 2 * column;
    const int top = picture.top + 2 * row;
    if (left >= picture.right || top >= picture.bottom) return;
    const Square square = square_of(args, blockIdx.z, column, row);
#pragma unroll
    for (int y = 0; y < 2; ++y) {
        if (top + y >= picture.bottom) break;
        unsigned char* line = args.plane[0] + static_cast<size_t>(top + y) * args.pitch[0] + left;
        line[0] = to_byte(square.luma[y][0]);
        if (left + 1 < picture.right) line[1] = to_byte(square.luma[y][1]);
    }
    const size_t line = top / 2;
    if (args.planar) {
        args.plane[1][line * args.pitch[1] + left / 2] = to_byte(square.u);
        args.plane[2][line * args.pitch[2] + left / 2] = to_byte(square.v);
    } else {
        unsigned char* pair = args.plane[1] + line * args.pitch[1] + left;
        pair[0] = to_byte(square.u);
        pair[1] = to_byte(square.v);
    }
}

__global__ void __launch_bounds__(kWarp* kWarps) fill(const __grid_constant__ FillArgs args) {
    const int x = blockIdx.x * kWarp + threadIdx.x;
    const int y = blockIdx.y * kWarps + threadIdx.y;
    if (x >= args.columns * args.bytes_per_column || y >= args.rows) return;
    args.plane[static_cast<size_t>(y) * args.pitch + x] = args.bytes[x % args.bytes_per_column];
}

dim3 grid_of(int width, int height, int count) {
    return {static_cast<unsigned>((width + kWarp - 1) / kWarp),
            static_cast<unsigned>((height + kWarps - 1) / kWarps),
            static_cast<unsigned>(count)};
}

}  // namespace

void launch_scale(const ScaleArgs& args, cudaStream_t stream) {
    int columns = 0;
    int rows = 0;
    for (int i = 0; i < args.count; ++i) {
        const Picture& picture = args.picture[i];
        columns = most(columns, (picture.right - picture.left + 1) / 2);
        rows = most(rows, (picture.bottom - picture.top + 1) / 2);
    }
    scale<<<grid_of(columns, rows, args.count), dim3(kWarp, kWarps), 0, stream>>>(args);
}

void launch_fill(const FillArgs& args, cudaStream_t stream) {
    const int width = args.columns * args.bytes_per_column;
    fill<<<grid_of(width, args.rows, 1), dim3(kWarp, kWarps), 0, stream>>>(args);
}

}  // namespace sluice::image::cuda
