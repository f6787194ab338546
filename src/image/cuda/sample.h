#pragma once

#include <cmath>

#include "sluice/image/cuda/kernels.h"

/// What the kernels compute for a pixel, in float: the twin of cpu/reference.h. Compiled for the
/// host as well, where the tests judge it without a GPU.
namespace sluice::image::cuda {

/// Rows that one thread makes below each other: its columns are looked up once, and the loads of
/// all rows are under way together.
inline constexpr int kRows = 4;

__host__ __device__ inline int least(int a, int b) {
    return a < b ? a : b;
}
__host__ __device__ inline int most(int a, int b) {
    return a > b ? a : b;
}

/// The two samples around a point of an axis, and how much of the second.
struct Tap {
    int first;
    int second;
    float weight;
};

__host__ __device__ inline Tap tap(const Line& line, int output) {
    const long long at = line.at + output * line.step;
    const int below = static_cast<int>(at >> 32);
    const float weight = static_cast<float>(static_cast<unsigned>(at)) * 0x1p-32f;
    const int first = least(most(below, line.low), line.last);
    // From the last sample on both are the same, whatever the weight.
    return {first, least(first + 1, line.last), below < line.low ? 0 : weight};
}

/// The line of an output of half the resolution (its pixels lie in the middle of two).
__host__ __device__ inline Line halved(const Line& line) {
    return {line.at + line.step / 2, line.step * 2, line.low, line.last};
}

struct Taps {
    Tap luma_x;
    Tap luma_y;
    Tap chroma_x;
    Tap chroma_y;
};

template <class Sample>
struct Corners {
    Sample above_first;
    Sample above_second;
    Sample below_first;
    Sample below_second;
};

template <class Sample>
__host__ __device__ inline Corners<Sample> corners(const unsigned char* plane,
                                                   int pitch,
                                                   const Tap& x,
                                                   const Tap& y) {
    const auto* above =
        reinterpret_cast<const Sample*>(plane + static_cast<long long>(y.first) * pitch);
    const auto* below =
        reinterpret_cast<const Sample*>(plane + static_cast<long long>(y.second) * pitch);
    return {above[x.first], above[x.second], below[x.first], below[x.second]};
}

/// One part (`part` gives it) of four samples, mixed.
template <class Sample, class Part>
__host__ __device__ inline float mix(const Corners<Sample>& c,
                                     const Tap& x,
                                     const Tap& y,
                                     Part part) {
    const auto af = static_cast<float>(part(c.above_first));
    const auto as = static_cast<float>(part(c.above_second));
    const auto bf = static_cast<float>(part(c.below_first));
    const auto bs = static_cast<float>(part(c.below_second));
    const float above = af + x.weight * (as - af);
    const float below = bf + x.weight * (bs - bf);
    return above + y.weight * (below - above);
}

template <class Number>
__host__ __device__ inline float mix_plane(const unsigned char* plane,
                                           int pitch,
                                           const Tap& x,
                                           const Tap& y) {
    return mix(corners<Number>(plane, pitch, x, y), x, y, [](Number sample) { return sample; });
}

struct Color {
    float red;
    float green;
    float blue;
};

struct Chroma {
    float u;
    float v;
};

struct ThreeBytes {
    unsigned char x;
    unsigned char y;
    unsigned char z;
};

__host__ __device__ constexpr bool is_yuv(Kind kind) {
    return kind == Kind::kNv12 || kind == Kind::kP010 || kind == Kind::kI420;
}

/// P010 has its 8-bit samples in the upper byte, and two bits more below them.
inline constexpr float kP010Unit = 1 / 256.0f;

__host__ __device__ inline float clamp_sample(float value) {
    return fminf(fmaxf(value, 0.0f), 255.0f);
}

template <Kind kKind>
__host__ __device__ inline float luma_at(const Picture& picture, const Tap& x, const Tap& y) {
    if constexpr (kKind == Kind::kP010) {
        return kP010Unit * mix_plane<unsigned short>(picture.plane[0], picture.pitch[0], x, y);
    } else {
        return mix_plane<unsigned char>(picture.plane[0], picture.pitch[0], x, y);
    }
}

template <Kind kKind>
__host__ __device__ inline Chroma chroma_at(const Picture& picture, const Tap& x, const Tap& y) {
    if constexpr (kKind == Kind::kI420) {
        return {mix_plane<unsigned char>(picture.plane[1], picture.pitch[1], x, y),
                mix_plane<unsigned char>(picture.plane[2], picture.pitch[2], x, y)};
    } else if constexpr (kKind == Kind::kP010) {
        const auto around = corners<ushort2>(picture.plane[1], picture.pitch[1], x, y);
        return {kP010Unit * mix(around, x, y, [](ushort2 pair) { return pair.x; }),
                kP010Unit * mix(around, x, y, [](ushort2 pair) { return pair.y; })};
    } else {
        const auto around = corners<uchar2>(picture.plane[1], picture.pitch[1], x, y);
        return {mix(around, x, y, [](uchar2 pair) { return pair.x; }),
                mix(around, x, y, [](uchar2 pair) { return pair.y; })};
    }
}

template <class Pixel>
__host__ __device__ inline Color packed_at(const Picture& picture, const Tap& x, const Tap& y) {
    const auto around = corners<Pixel>(picture.plane[0], picture.pitch[0], x, y);
    const float first = mix(around, x, y, [](Pixel pixel) { return pixel.x; });
    const float green = mix(around, x, y, [](Pixel pixel) { return pixel.y; });
    const float third = mix(around, x, y, [](Pixel pixel) { return pixel.z; });
    if (picture.blue_first) return {third, green, first};
    return {first, green, third};
}

/// In 0..255, not rounded.
template <Kind kKind>
__host__ __device__ inline Color color_at(const Picture& picture, const Taps& at) {
    if constexpr (is_yuv(kKind)) {
        const float sample = luma_at<kKind>(picture, at.luma_x, at.luma_y);
        const float luma = picture.gain * (sample - picture.offset);
        const Chroma chroma = chroma_at<kKind>(picture, at.chroma_x, at.chroma_y);
        const float u = chroma.u - 128;
        const float v = chroma.v - 128;
        return {clamp_sample(luma + picture.red_v * v),
                clamp_sample(luma - picture.green_u * u - picture.green_v * v),
                clamp_sample(luma + picture.blue_u * u)};
    } else if constexpr (kKind == Kind::kGray) {
        const float gray = luma_at<kKind>(picture, at.luma_x, at.luma_y);
        return {gray, gray, gray};
    } else if constexpr (kKind == Kind::kRgb) {
        return packed_at<ThreeBytes>(picture, at.luma_x, at.luma_y);
    } else {
        return packed_at<uchar4>(picture, at.luma_x, at.luma_y);
    }
}

/// Luma at full range; of RGB as BT.601 has it.
template <Kind kKind>
__host__ __device__ inline float gray_at(const Picture& picture, const Taps& at) {
    if constexpr (is_yuv(kKind)) {
        const float sample = luma_at<kKind>(picture, at.luma_x, at.luma_y);
        return clamp_sample(picture.gain * (sample - picture.offset));
    } else if constexpr (kKind == Kind::kGray) {
        return luma_at<kKind>(picture, at.luma_x, at.luma_y);
    } else {
        const Color color = color_at<kKind>(picture, at);
        return 0.299f * color.red + 0.587f * color.green + 0.114f * color.blue;
    }
}

}  // namespace sluice::image::cuda
