#include <benchmark/benchmark.h>

#include "sluice/metrics/histogram.h"

namespace sluice::metrics {
namespace {

Histogram shared;

void BM_Record(benchmark::State& state) {
    std::int64_t value = 1;
    for (auto _ : state) {
        value = (value * 1'103'515'245 + 12'345) & 0x3ffffff;
        shared.record(Duration(value));
    }
}
BENCHMARK(BM_Record)->Threads(1)->Threads(2);

void BM_SnapshotAndPercentile(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(shared.snapshot().percentile(99));
}
BENCHMARK(BM_SnapshotAndPercentile);

}  // namespace
}  // namespace sluice::metrics
