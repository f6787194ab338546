#pragma once

/// What kernels of 8-bit numbers have in common: how they copy, and how they end.
namespace sluice::infer::cuda {

inline __device__ unsigned shared_address(const void* p) {
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

/// 16 bytes, in the background. What other threads will ask for again stays in the first cache.
inline __device__ void copy_piece(void* to, const void* from, bool again) {
    if (again) {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)),
                     "l"(from)
                     : "memory");
    } else {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)),
                     "l"(from)
                     : "memory");
    }
}
/// Likewise, to where shared_address() says; zeros instead, if `is_one` is false.
inline __device__ void copy_piece_or_zeros(unsigned to, const void* from, bool is_one) {
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(is_one ? 16 : 0)
        : "memory");
}
inline __device__ void end_of_group() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Until at most N of the latest groups of this thread are on their way.
template <int N>
__device__ void wait_for_groups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Bytes and floats are not converted by the instructions for that, which take eight times as long
// as a sum: a float from 2^23 on has the whole number above it in its lowest bits.

/// Four 8-bit numbers, the lowest byte first.
inline __device__ void unpack(unsigned word, float* to) {
    const unsigned from_128 = word ^ 0x80808080u;
#pragma unroll
    for (int i = 0; i < 4; ++i)
        to[i] = __uint_as_float(__byte_perm(from_128, 0x4B000000u, 0x7540u + i)) - 8388736.0f;
}

/// Four numbers n from -128 to 127, rounded and cut off, from (n + 128) / 255 of each.
inline __device__ unsigned packed_parts(float a, float b, float c, float d) {
    const auto from_128 = [](float part) {
        return __float_as_uint(fmaf(__saturatef(part), 255.0f, 8388608.0f));
    };
    const unsigned low = __byte_perm(from_128(a), from_128(b), 0x0040);
    const unsigned high = __byte_perm(from_128(c), from_128(d), 0x0040);
    return __byte_perm(low, high, 0x5410) ^ 0x80808080u;
}
/// Four numbers, rounded and cut off.
inline __device__ unsigned packed(float a, float b, float c, float d) {
    const auto part = [](float number) { return fmaf(number, 1.0f / 255.0f, 128.0f / 255.0f); };
    return packed_parts(part(a), part(b), part(c), part(d));
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
