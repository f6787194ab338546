#include "sluice/tuner/search.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::tuner {
namespace {

struct Found {
    std::optional<std::size_t> least;
    std::vector<std::size_t> tried;
};

Found search(std::size_t most, std::size_t needed) {
    Found found;
    auto least = least_passing(most, [&](std::size_t n) -> Result<bool> {
        found.tried.push_back(n);
        return n >= needed;
    });
    EXPECT_TRUE(least);
    if (least) found.least = *least;
    return found;
}

TEST(LeastPassing, IsFoundForEveryNeed) {
    for (std::size_t most = 0; most < 40; ++most) {
        for (std::size_t needed = 0; needed <= most; ++needed)
            EXPECT_EQ(search(most, needed).least, needed) << most;
        EXPECT_EQ(search(most, most + 1).least, std::nullopt);
    }
}
TEST(LeastPassing, TriesFew) {
    EXPECT_LE(search(1000, 700).tried.size(), 22u);
    EXPECT_EQ(search(1000, 0).tried.size(), 1u);
}
TEST(LeastPassing, AnErrorEndsIt) {
    int calls = 0;
    auto least = least_passing(100, [&](std::size_t) -> Result<bool> {
        ++calls;
        return io_error("no");
    });
    EXPECT_FALSE(least);
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace sluice::tuner
