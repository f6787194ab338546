#pragma once

#include <type_traits>

#include <cuda_fp16.h>

#include "sluice/infer/backends/cuda/int8_conv_tile.h"
#include "sluice/infer/backends/cuda/int8_math.cuh"

/// How the outputs of our 8-bit convolutions end: C channels of a place, side by side in one lane,
/// from the scaled sum to what is written. C is 4, 8 or 16; channels that the output has not are
/// passed over, 8 at a time.
namespace sluice::infer::cuda {

/// Sums times scales plus biases, for `Rows` places. `sum(row, c)` is a reference to a sum;
/// `scale` are the lane's scales, and its biases lie `to_biases` floats further.
template <int Rows, int C, class Sum>
__device__ void scale_sums(const float* scale, int to_biases, const Sum& sum, float (&x)[Rows][C]) {
#pragma unroll
    for (int c = 0; c < C; c += 4) {
        const float4 scales = *reinterpret_cast<const float4*>(scale + c);
        const float4 biases = *reinterpret_cast<const float4*>(scale + to_biases + c);
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
            x[row][c] = fmaf(static_cast<float>(sum(row, c)), scales.x, biases.x);
            x[row][c + 1] = fmaf(static_cast<float>(sum(row, c + 1)), scales.y, biases.y);
            x[row][c + 2] = fmaf(static_cast<float>(sum(row, c + 2)), scales.z, biases.z);
            x[row][c + 3] = fmaf(static_cast<float>(sum(row, c + 3)), scales.w, biases.w);
        }
    }
}

/// An operand of 8 bits as it lies in memory, to be read early. Other operands are read late.
template <int C>
__device__ void load_operand(const Int8ConvWork& work,
                             int place,
                             int channel,
                             unsigned (&to)[C / 4]) {
    const Int8Conv& conv = work.conv;
    if (conv.join == Int8Conv::Join::kNone || conv.operand_type != Int8Conv::Number::kS8) return;
    const char* from = static_cast<const char*>(conv.operand) +
                       static_cast<long long>(place) * conv.operand_pitch + channel;
    if constexpr (C == 4) {
        if (channel < conv.out[2]) to[0] = *reinterpret_cast<const unsigned*>(from);
    } else {
        if constexpr (C == 16) {
            if (work.wide_operand) {
                if (channel >= conv.out[2]) return;
                const uint4 raw = *reinterpret_cast<const uint4*>(from);
                to[0] = raw.x, to[1] = raw.y, to[2] = raw.z, to[3] = raw.w;
                return;
            }
        }
#pragma unroll
        for (int part = 0; part < C / 8; ++part) {
            if (channel + part * 8 >= conv.out[2]) continue;
            const uint2 raw = *reinterpret_cast<const uint2*>(from + part * 8);
            to[part * 2] = raw.x, to[part * 2 + 1] = raw.y;
        }
    }
}

template <int C>
__device__ void read_operand(const Int8ConvWork& work,
                             int place,
                             int channel,
                             const unsigned (&words)[C / 4],
                             float (&x)[C]) {
    const Int8Conv& conv = work.conv;
    if (conv.operand_type == Int8Conv::Number::kS8) {
#pragma unroll
        for (int j = 0; j < C / 4; ++j)
            unpack(words[j], x + j * 4);
        return;
    }
    constexpr int kPart = C < 8 ? C : 8;
    using Raw = std::conditional_t<kPart == 8, uint4, uint2>;
    const __half* from = static_cast<const __half*>(conv.operand) +
                         static_cast<long long>(place) * conv.operand_pitch + channel;
#pragma unroll
    for (int part = 0; part < C / kPart; ++part) {
        if (channel + part * kPart >= conv.out[2]) continue;
        const Raw raw = *reinterpret_cast<const Raw*>(from + part * kPart);
        const __half2* pairs = reinterpret_cast<const __half2*>(&raw);
#pragma unroll
        for (int j = 0; j < kPart / 2; ++j) {
            const float2 pair = __half22float2(pairs[j]);
            x[part * kPart + j * 2] = pair.x;
            x[part * kPart + j * 2 + 1] = pair.y;
        }
    }
}

template <int C>
__device__ void activate(const Int8ConvWork& work, float (&x)[C]) {
    if (work.conv.act != Int8Conv::Act::kSwish) {
#pragma unroll
        for (int c = 0; c < C; ++c)
            x[c] = fmaxf(x[c], work.floor);
    } else if (work.conv.type == Int8Conv::Number::kS8) {
#pragma unroll
        for (int c = 0; c < C; ++c)
            x[c] = swish_of_half(x[c]);
    } else {
#pragma unroll
        for (int c = 0; c < C; ++c)
            x[c] = swish(x[c]);
    }
}

template <int C>
__device__ void write(const Int8ConvWork& work, int place, int channel, const float (&x)[C]) {
    const Int8Conv& conv = work.conv;
    constexpr int kPart = C < 8 ? C : 8;
    const long long index = static_cast<long long>(place) * conv.y_pitch + channel;
    if (conv.type == Int8Conv::Number::kF16) {
        using Raw = std::conditional_t<kPart == 8, uint4, uint2>;
        __half* to = static_cast<__half*>(conv.y) + index;
#pragma unroll
        for (int part = 0; part < C / kPart; ++part) {
            if (channel + part * kPart >= conv.out[2]) continue;
            Raw raw;
            __half2* pairs = reinterpret_cast<__half2*>(&raw);
#pragma unroll
            for (int j = 0; j < kPart / 2; ++j)
                pairs[j] = __floats2half2_rn(x[part * kPart + j * 2], x[part * kPart + j * 2 + 1]);
            *reinterpret_cast<Raw*>(to + part * kPart) = raw;
        }
        return;
    }
    unsigned words[C / 4];
#pragma unroll
    for (int j = 0; j < C / 4; ++j)
        words[j] = packed_parts(x[j * 4], x[j * 4 + 1], x[j * 4 + 2], x[j * 4 + 3]);
    char* to = static_cast<char*>(conv.y) + index;
    if constexpr (C == 4) {
        if (channel < conv.out[2]) *reinterpret_cast<unsigned*>(to) = words[0];
    } else {
        if constexpr (C == 16) {
            if (work.wide_y) {
                if (channel < conv.out[2])
                    *reinterpret_cast<uint4*>(to) =
                        make_uint4(words[0], words[1], words[2], words[3]);
                return;
            }
        }
#pragma unroll
        for (int part = 0; part < C / 8; ++part) {
            if (channel + part * 8 < conv.out[2])
                *reinterpret_cast<uint2*>(to + part * 8) =
                    make_uint2(words[part * 2], words[part * 2 + 1]);
        }
    }
}

/// From the scaled sums x to memory; `words` is what `load_operand` has loaded.
template <int C>
__device__ void finish(const Int8ConvWork& work,
                       int place,
                       int channel,
                       const unsigned (&words)[C / 4],
                       float (&x)[C]) {
    const bool joins = work.conv.join != Int8Conv::Join::kNone;
    float operand[C] = {};
    if (joins) {
        read_operand<C>(work, place, channel, words, operand);
#pragma unroll
        for (int c = 0; c < C; ++c)
            x[c] = fmaf(operand[c], work.before, x[c]);
    }
    activate<C>(work, x);
#pragma unroll
    for (int c = 0; c < C; ++c)
        x[c] = fmaf(x[c], work.inverse, work.zero);
    if (joins) {
#pragma unroll
        for (int c = 0; c < C; ++c)
            x[c] = fmaf(operand[c], work.after, x[c]);
    }
    write<C>(work, place, channel, x);
}

}  // namespace sluice::infer::cuda
