#include "sluice/eval/bootstrap.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sluice::eval {
namespace {

double mean(std::span<const std::size_t> items) {
    double sum = 0;
    for (std::size_t item : items)
        sum += static_cast<double>(item);
    return sum / static_cast<double>(items.size());
}

TEST(Bootstrap, OfAMeanIsAsTheoryHasIt) {
    Interval interval = bootstrap(400, mean, 2000, 1);
    // 0 .. 399: deviation 115.5, of the mean 5.77; 1.96 of them.
    EXPECT_NEAR(interval.low, 199.5 - 11.3, 1.2);
    EXPECT_NEAR(interval.high, 199.5 + 11.3, 1.2);
}

TEST(Bootstrap, TheSeedDecides) {
    EXPECT_EQ(bootstrap(50, mean, 100, 7).low, bootstrap(50, mean, 100, 7).low);
    EXPECT_NE(bootstrap(50, mean, 100, 7).low, bootstrap(50, mean, 100, 8).low);
}

TEST(Bootstrap, OfOneOrNothing) {
    EXPECT_EQ(bootstrap(1, mean, 100, 1).high, 0);
    EXPECT_EQ(bootstrap(0, mean, 100, 1).high, 0);
}

}  // namespace
}  // namespace sluice::eval
