#include "sluice/track/detail/associate.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "sluice/track/detail/overlap_matcher.h"

namespace sluice::track::detail {
namespace {

using Gains = std::vector<std::vector<double>>;  // 0: no candidate

double best_by_trying_all(const Gains& gains, std::size_t row, unsigned used) {
    if (row == gains.size()) return 0;
    double best = best_by_trying_all(gains, row + 1, used);
    for (std::size_t c = 0; c < gains[row].size(); ++c) {
        if ((used >> c & 1U) || gains[row][c] <= 0) continue;
        best = std::max(best, gains[row][c] + best_by_trying_all(gains, row + 1, used | 1U << c));
    }
    return best;
}

std::span<const Match> associate(Associator& associator, const Gains& gains, std::size_t columns) {
    associator.begin(gains.size(), columns);
    for (std::size_t r = 0; r < gains.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            if (gains[r][c] > 0)
                associator.add(static_cast<int>(r), static_cast<int>(c), gains[r][c]);
        }
    }
    return associator.solve();
}

TEST(Associator, FindsTheBestMatchingOfRandomProblems) {
    std::mt19937 random(3);
    std::uniform_int_distribution<std::size_t> size(0, 7);
    std::uniform_real_distribution<double> chance(0, 1);
    Associator associator;
    for (int round = 0; round < 1500; ++round) {
        std::size_t rows = size(random);
        std::size_t columns = size(random);
        double density = chance(random);
        Gains gains(rows, std::vector<double>(columns, 0));
        for (auto& row : gains) {
            for (double& gain : row)
                gain = chance(random) < density ? chance(random) : 0;
        }
        double total = 0;
        std::set<int> targets;
        std::set<int> measurements;
        for (const Match& match : associate(associator, gains, columns)) {
            double gain = gains[static_cast<std::size_t>(match.target)]
                               [static_cast<std::size_t>(match.measurement)];
            EXPECT_GT(gain, 0) << "a pair that was no candidate";
            EXPECT_TRUE(targets.insert(match.target).second);
            EXPECT_TRUE(measurements.insert(match.measurement).second);
            EXPECT_TRUE(associator.measurement_taken(match.measurement));
            total += gain;
        }
        EXPECT_NEAR(total, best_by_trying_all(gains, 0, 0), 1e-9);
    }
}

TEST(Associator, LeavesEverythingAloneWithoutCandidates) {
    Associator associator;
    associator.begin(4, 3);
    EXPECT_TRUE(associator.solve().empty());
    EXPECT_FALSE(associator.measurement_taken(2));
}

TEST(Associator, GivesUpAStrongPairForAStrongerSum) {
    Associator associator;
    auto matches = associate(associator, {{0.9, 0.8}, {0.85, 0}}, 2);
    ASSERT_EQ(matches.size(), 2U);
    for (const Match& match : matches)
        EXPECT_NE(match.target, match.measurement);
}

TEST(OverlapMatcher, TakesOneToOneOverlapsAsTheyAre) {
    OverlapMatcher matcher;
    matcher.begin(2, 2);
    matcher.add({0, 0}, 0.6);
    matcher.add({0, 1}, 0.2);
    matcher.add({1, 1}, 0.5);
    EXPECT_TRUE(matcher.without_choice(0.3));
    EXPECT_EQ(matcher.above(0.3).size(), 2U);
    EXPECT_FALSE(matcher.without_choice(0.1));
}

TEST(OverlapMatcher, DropsWeakPairsOnlyAfterMatching) {
    OverlapMatcher matcher;
    matcher.begin(2, 2);
    matcher.add({0, 0}, 0.6);
    matcher.add({0, 1}, 0.55);
    matcher.add({1, 0}, 0.2);
    // 0-1 with 1-0 is worth 0.75, more than 0-0 alone; then 1-0 falls.
    auto matches = matcher.best(0.3);
    ASSERT_EQ(matches.size(), 1U);
    EXPECT_EQ(matches[0].target, 0);
    EXPECT_EQ(matches[0].measurement, 1);
}

}  // namespace
}  // namespace sluice::track::detail
