#include <random>

#include <benchmark/benchmark.h>

#include "sluice/base/assignment.h"

namespace sluice {
namespace {

/// Most pairs overlap nothing (cost 1), as between tracks and detections.
void solve_sparse(benchmark::State& state) {
    auto size = static_cast<std::size_t>(state.range(0));
    std::mt19937 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<double> costs(size * size);
    for (double& cost : costs)
        cost = uniform(random) < 0.97 ? 1 : uniform(random);
    for (std::size_t i = 0; i < size; ++i)
        costs[i * size + (i * 7 + 3) % size] = 0.2;
    AssignmentSolver solver;
    for (auto _ : state)
        benchmark::DoNotOptimize(solver.solve(costs, size, size, 0.8).data());
}
BENCHMARK(solve_sparse)->Arg(10)->Arg(100)->Unit(benchmark::kMicrosecond);

void solve_dense(benchmark::State& state) {
    auto size = static_cast<std::size_t>(state.range(0));
    std::mt19937 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<double> costs(size * size);
    for (double& cost : costs)
        cost = uniform(random);
    AssignmentSolver solver;
    for (auto _ : state)
        benchmark::DoNotOptimize(solver.solve(costs, size, size).data());
}
BENCHMARK(solve_dense)->Arg(10)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice
