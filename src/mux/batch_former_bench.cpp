#include <benchmark/benchmark.h>

#include "sluice/mux/batch_former.h"

namespace sluice::mux {
namespace {

/// One push for each source, then batches until none is due; the time is per frame.
void run(benchmark::State& state, const MuxOptions& options, bool ranked) {
    auto sources = static_cast<std::uint32_t>(state.range(0));
    BatchFormer former(options);
    for (std::uint32_t id = 0; id < sources; ++id) {
        SourceOptions source;
        if (ranked) source.priority = static_cast<int>(id % 3);
        if (ranked && id % 4 == 0) source.min_fps = 10;
        if (!former.add_source(meta::SourceId{id}, source)) state.SkipWithError("add_source");
    }
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    std::int64_t frames = 0;
    for (auto _ : state) {
        for (std::uint32_t id = 0; id < sources; ++id) {
            now += std::chrono::microseconds(10);
            Entry entry;
            entry.frame.source = meta::SourceId{id};
            entry.frame.source_size = {1920, 1080};
            entry.bytes = 3'110'400;
            former.push(entry, now);
            benchmark::DoNotOptimize(former.next_deadline());
            while (auto formed = former.poll(now))
                frames += static_cast<std::int64_t>(formed->batch.frames.size());
        }
    }
    state.SetItemsProcessed(frames);
    state.counters["per_frame"] = benchmark::Counter(
        static_cast<double>(frames), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_AutomaticBatch(benchmark::State& state) {
    run(state, {}, false);
}
BENCHMARK(BM_AutomaticBatch)->Arg(1)->Arg(16)->Arg(64)->Arg(256);

void BM_AutomaticBatchWithPriorities(benchmark::State& state) {
    run(state, {}, true);
}
BENCHMARK(BM_AutomaticBatchWithPriorities)->Arg(1)->Arg(16)->Arg(64)->Arg(256);

void BM_BatchesOfFour(benchmark::State& state) {
    run(state, {.batch_size = 4}, false);
}
BENCHMARK(BM_BatchesOfFour)->Arg(1)->Arg(16)->Arg(64)->Arg(256);

/// All sources always have a frame waiting, and batches are small: the dearest choice there is.
void BM_BacklogWithPriorities(benchmark::State& state) {
    auto sources = static_cast<std::uint32_t>(state.range(0));
    BatchFormer former({.batch_size = 1, .max_same_source_frames = 1});
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    auto push = [&](meta::SourceId id) {
        Entry entry;
        entry.frame.source = id;
        former.push(entry, now);
    };
    for (std::uint32_t id = 0; id < sources; ++id) {
        SourceOptions source{.min_fps = 10, .priority = static_cast<int>(id % 3)};
        if (!former.add_source(meta::SourceId{id}, source)) state.SkipWithError("add_source");
        push(meta::SourceId{id});
    }
    for (auto _ : state) {
        now += std::chrono::microseconds(10);
        auto formed = former.poll(now);
        push(formed->batch.frames.front().source);
    }
}
BENCHMARK(BM_BacklogWithPriorities)->Arg(16)->Arg(64)->Arg(256);

}  // namespace
}  // namespace sluice::mux
