#pragma once

#include <algorithm>
#include <cstdint>

#include <cuda_runtime_api.h>

namespace sluice::infer::cuda {

/// Of both signed numbers of 16 bits in two words: one instruction from compute capability 9.0 on.
__host__ __device__ inline unsigned max_of_pairs(unsigned a, unsigned b) {
#ifdef __CUDA_ARCH__
    return __vmaxs2(a, b);
#else
    auto larger = [&](int shift) {
        return unsigned{static_cast<std::uint16_t>(std::max(
            static_cast<std::int16_t>(a >> shift), static_cast<std::int16_t>(b >> shift)))};
    };
    return larger(16) << 16 | larger(0);
#endif
}

/// The largest of many words of four signed bytes each, by comparisons of two numbers of 16 bits:
/// devices have no instruction for four of 8. Bytes 1 and 3 are upper halves as they lie, bytes 0
/// and 2 once they are moved up; what is in a lower half only decides between equal bytes.
struct LargestBytes {
    unsigned odd = 0x80808080u;
    unsigned even = 0x80808080u;

    __host__ __device__ void take(unsigned word) {
        odd = max_of_pairs(odd, word);
        even = max_of_pairs(even, word << 8);
    }
    __host__ __device__ unsigned word() const {
        return (odd & 0xff00ff00u) | (even >> 8 & 0x00ff00ffu);
    }
};

}  // namespace sluice::infer::cuda
