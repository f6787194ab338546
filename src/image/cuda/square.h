#pragma once

#include "sluice/image/cuda/sample.h"

namespace sluice::image::cuda {

/// Four luma samples of the target and the chroma they share; not rounded.
struct Square {
    float luma[2][2];
    float u;
    float v;
};

__host__ __device__ inline float weighted(const float (&parts)[3], const Color& color) {
    return parts[0] * color.red + parts[1] * color.green + parts[2] * color.blue;
}

/// `same_colors` is for YUV only.
template <Kind kKind>
__host__ __device__ inline Square square_of(
    const ScaleArgs& args, const Picture& picture, bool same_colors, int column, int row) {
    Square out{};
    Taps at{};
    for (int y = 0; y < 2; ++y) {
        at.luma_y = tap(picture.luma.y, 2 * row + y);
        at.chroma_y = tap(picture.chroma.y, 2 * row + y);
        for (int x = 0; x < 2; ++x) {
            at.luma_x = tap(picture.luma.x, 2 * column + x);
            at.chroma_x = tap(picture.chroma.x, 2 * column + x);
            out.luma[y][x] =
                same_colors ? luma_at<kKind>(picture, at.luma_x, at.luma_y)
                            : args.luma_offset + weighted(args.luma, color_at<kKind>(picture, at));
        }
    }
    at.chroma_x = tap(halved(picture.chroma.x), column);
    at.chroma_y = tap(halved(picture.chroma.y), row);
    if (same_colors) {
        const Chroma chroma = chroma_at<kKind>(picture, at.chroma_x, at.chroma_y);
        out.u = chroma.u;
        out.v = chroma.v;
    } else {
        at.luma_x = tap(halved(picture.luma.x), column);
        at.luma_y = tap(halved(picture.luma.y), row);
        const Color color = color_at<kKind>(picture, at);
        out.u = 128 + weighted(args.u, color);
        out.v = 128 + weighted(args.v, color);
    }
    return out;
}

/// The square of chroma sample (column, row) of picture `index`, counted from its corner. What lies
/// beyond an odd edge is of no use, but may be asked for.
__host__ __device__ inline Square square_of(const ScaleArgs& args, int index, int column, int row) {
    const Picture& picture = args.picture[index];
    const bool same = args.same_colors[index];
    switch (picture.kind) {
        case Kind::kNv12:
            return square_of<Kind::kNv12>(args, picture, same, column, row);
        case Kind::kP010:
            return square_of<Kind::kP010>(args, picture, same, column, row);
        case Kind::kI420:
            return square_of<Kind::kI420>(args, picture, same, column, row);
        case Kind::kRgb:
            return square_of<Kind::kRgb>(args, picture, same, column, row);
        case Kind::kRgba:
            return square_of<Kind::kRgba>(args, picture, same, column, row);
        case Kind::kGray:
            return square_of<Kind::kGray>(args, picture, same, column, row);
    }
    return {};
}

}  // namespace sluice::image::cuda
