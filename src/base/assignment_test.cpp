#include "sluice/base/assignment.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace sluice {
namespace {

struct Problem {
    std::size_t rows;
    std::size_t columns;
    std::vector<double> costs;
    double at(std::size_t row, std::size_t column) const { return costs[row * columns + column]; }
};

/// Cheapest way to serve rows from `row` on; with `skippable`, a row may stay alone for nothing.
double brute_force(const Problem& problem, std::size_t row, unsigned taken, bool skippable) {
    if (row == problem.rows) return 0;
    double best = std::numeric_limits<double>::infinity();
    auto used = static_cast<std::size_t>(__builtin_popcount(taken));
    std::size_t rows_after = problem.rows - row - 1;
    if (skippable || problem.columns - used <= rows_after) {
        best = brute_force(problem, row + 1, taken, skippable);
    }
    for (std::size_t column = 0; column < problem.columns; ++column) {
        if (taken & (1u << column)) continue;
        best = std::min(best,
                        problem.at(row, column) +
                            brute_force(problem, row + 1, taken | (1u << column), skippable));
    }
    return best;
}

Problem random_problem(std::mt19937& random, bool coarse) {
    std::uniform_int_distribution<std::size_t> size(1, 6);
    std::uniform_real_distribution<double> cost(-1, 2);
    Problem problem{size(random), size(random), {}};
    problem.costs.resize(problem.rows * problem.columns);
    for (double& value : problem.costs) {
        value = coarse ? std::round(2 * cost(random)) : cost(random);
    }
    return problem;
}

TEST(Assignment, FullAssignmentCostsAsLittleAsBruteForceFinds) {
    std::mt19937 random(7);
    AssignmentSolver solver;
    for (int trial = 0; trial < 2000; ++trial) {
        Problem problem = random_problem(random, trial % 2 == 0);
        auto columns = solver.solve(problem.costs, problem.rows, problem.columns);
        double total = 0;
        std::size_t pairs = 0;
        std::vector<int> seen;
        for (std::size_t row = 0; row < columns.size(); ++row) {
            if (columns[row] == kUnassigned) continue;
            total += problem.at(row, static_cast<std::size_t>(columns[row]));
            seen.push_back(columns[row]);
            ++pairs;
        }
        std::sort(seen.begin(), seen.end());
        EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
        EXPECT_EQ(pairs, std::min(problem.rows, problem.columns));
        EXPECT_NEAR(total, brute_force(problem, 0, 0, false), 1e-12) << "trial " << trial;
    }
}

TEST(Assignment, WithALimitTheBestPartialAssignmentIsFound) {
    std::mt19937 random(8);
    AssignmentSolver solver;
    constexpr double kLimit = 0.75;
    for (int trial = 0; trial < 2000; ++trial) {
        Problem problem = random_problem(random, trial % 2 == 0);
        auto columns = solver.solve(problem.costs, problem.rows, problem.columns, kLimit);
        double total = 0;
        for (std::size_t row = 0; row < columns.size(); ++row) {
            if (columns[row] == kUnassigned) continue;
            double cost = problem.at(row, static_cast<std::size_t>(columns[row]));
            EXPECT_LT(cost, kLimit);
            total += cost - kLimit;
        }
        for (double& value : problem.costs)
            value -= kLimit;
        EXPECT_NEAR(total, brute_force(problem, 0, 0, true), 1e-12) << "trial " << trial;
    }
}

TEST(Assignment, InfinityAndNanForbidAPairUnderALimit) {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    AssignmentSolver solver;
    std::vector<double> costs{kInf, 0.5, std::numeric_limits<double>::quiet_NaN(), kInf};
    auto columns = solver.solve(costs, 2, 2, 10);
    EXPECT_EQ(columns[0], 1);
    EXPECT_EQ(columns[1], kUnassigned);
}

TEST(Assignment, AnEmptySideLeavesAllRowsAlone) {
    AssignmentSolver solver;
    EXPECT_TRUE(solver.solve({}, 0, 3).empty());
    auto columns = solver.solve({}, 2, 0);
    ASSERT_EQ(columns.size(), 2u);
    EXPECT_EQ(columns[0], kUnassigned);
}

TEST(Assignment, ASolverCanBeUsedAgainForASmallerProblem) {
    AssignmentSolver solver;
    std::vector<double> large(64 * 64, 1);
    for (std::size_t i = 0; i < 64; ++i)
        large[i * 64 + (63 - i)] = 0;
    auto columns = solver.solve(large, 64, 64);
    EXPECT_EQ(columns[0], 63);
    std::vector<double> small{3, 1, 1, 3};
    columns = solver.solve(small, 2, 2);
    ASSERT_EQ(columns.size(), 2u);
    EXPECT_EQ(columns[0], 1);
    EXPECT_EQ(columns[1], 0);
}

}  // namespace
}  // namespace sluice
