#pragma once

#include "sluice/image/cuda/sample.h"

namespace sluice::image::cuda {

/// The samples of kRows pixels of the crop; x and y count from the content's corner.
template <Kind kKind, bool kGray>
__host__ __device__ inline void sample_rows(const Picture& picture,
                                            int x,
                                            int y,
                                            Color (&out)[kRows]) {
    Taps at{};
    at.luma_x = tap(picture.luma.x, x);
    if constexpr (is_yuv(kKind)) at.chroma_x = tap(picture.chroma.x, x);
    for (int row = 0; row < kRows; ++row) {
        at.luma_y = tap(picture.luma.y, y + row);
        if constexpr (is_yuv(kKind)) at.chroma_y = tap(picture.chroma.y, y + row);
        if constexpr (kGray) {
            out[row].red = gray_at<kKind>(picture, at);
        } else {
            out[row] = color_at<kKind>(picture, at);
        }
    }
}

template <bool kGray>
__host__ __device__ inline void sample_rows(const Picture& picture,
                                            int x,
                                            int y,
                                            Color (&out)[kRows]) {
    switch (picture.kind) {
        case Kind::kNv12:
            return sample_rows<Kind::kNv12, kGray>(picture, x, y, out);
        case Kind::kP010:
            return sample_rows<Kind::kP010, kGray>(picture, x, y, out);
        case Kind::kI420:
            return sample_rows<Kind::kI420, kGray>(picture, x, y, out);
        case Kind::kRgb:
            return sample_rows<Kind::kRgb, kGray>(picture, x, y, out);
        case Kind::kRgba:
            return sample_rows<Kind::kRgba, kGray>(picture, x, y, out);
        case Kind::kGray:
            return sample_rows<Kind::kGray, kGray>(picture, x, y, out);
    }
}

/// The numbers of network pixels (x, y) .. (x, y + kRows - 1); those below the network's edge are
/// of no use, but may be asked for.
__host__ __device__ inline void network_pixels(
    const PreprocessArgs& args, const Picture& picture, int x, int y, float (&out)[kRows][3]) {
    Color color[kRows] = {};
    // Rows of fill are sampled along with rows of content: an axis ends at the crop's edge.
    const bool column_inside = x >= picture.left && x < picture.right;
    if (column_inside && y + kRows > picture.top && y < picture.bottom) {
        if (args.channels == 1) {
            sample_rows<true>(picture, x - picture.left, y - picture.top, color);
        } else {
            sample_rows<false>(picture, x - picture.left, y - picture.top, color);
        }
    }
    for (int row = 0; row < kRows; ++row) {
        const bool inside = column_inside && y + row >= picture.top && y + row < picture.bottom;
        const bool swaps = args.blue_first && args.channels == 3;
        const float first = swaps ? color[row].blue : color[row].red;
        const float third = swaps ? color[row].red : color[row].blue;
        out[row][0] = (inside ? first : args.fill[0]) * args.scale[0] + args.bias[0];
        out[row][1] = (inside ? color[row].green : args.fill[1]) * args.scale[1] + args.bias[1];
        out[row][2] = (inside ? third : args.fill[2]) * args.scale[2] + args.bias[2];
    }
}

}  // namespace sluice::image::cuda
