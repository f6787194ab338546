#pragma once

/// What kernels of 8-bit numbers have in common: how they end.
namespace sluice::infer::cuda {

/// Four numbers, rounded and cut off.
inline __device__ unsigned packed(float a, float b, float c, float d) {
    unsigned high, all;
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, 0;"
        : "=r"(high)
        : "r"(__float2int_rn(d)), "r"(__float2int_rn(c)));
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;"
        : "=r"(all)
        : "r"(__float2int_rn(b)), "r"(__float2int_rn(a)), "r"(high));
    return all;
}

/// Of x / 2. x * sigmoid(x) = h + h * tanh(h) for h = x / 2: one number of the special-function
/// unit instead of two. tanh.approx is wrong by 2^-11 of itself, so this by x / 4096: some
/// hundredths of a step where steps are 8-bit numbers.
inline __device__ float swish_of_half(float half) {
    float tanh;
    asm("tanh.approx.f32 %0, %1;" : "=f"(tanh) : "f"(half));
    return fmaf(half, tanh, half);
}
inline __device__ float swish(float x) {
    return __fdividef(x, 1.0f + __expf(-x));
}

}  // namespace sluice::infer::cuda
