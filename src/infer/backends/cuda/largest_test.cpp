#include "sluice/infer/backends/cuda/largest.h"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

namespace sluice::infer::cuda {
namespace {

std::int8_t byte_of(unsigned word, int i) {
    return static_cast<std::int8_t>(word >> (8 * i));
}

TEST(LargestBytes, AreThoseOfEachOfFour) {
    unsigned seed = 1;
    auto next = [&] {
        seed = seed * 1664525u + 1013904223u;
        return seed ^ seed >> 13;
    };
    for (int round = 0; round < 20000; ++round) {
        const unsigned words[] = {next(), next(), next()};
        LargestBytes largest;
        for (unsigned word : words)
            largest.take(word);
        for (int i = 0; i < 4; ++i) {
            const auto right =
                std::max({byte_of(words[0], i), byte_of(words[1], i), byte_of(words[2], i)});
            ASSERT_EQ(byte_of(largest.word(), i), right) << "round " << round << ", byte " << i;
        }
    }
}

TEST(LargestBytes, OfNoneAreTheLeast) {
    EXPECT_EQ(LargestBytes().word(), 0x80808080u);
    LargestBytes largest;
    largest.take(0x80808080u);
    EXPECT_EQ(largest.word(), 0x80808080u);
}

}  // namespace
}  // namespace sluice::infer::cuda
