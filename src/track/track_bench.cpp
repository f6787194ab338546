#include <cstddef>
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/track/registry.h"

namespace sluice::track {
namespace {

/// People of some 60x160 pixels walking about in a 1080p picture, boxes shaken by 2 pixels, every
/// tenth weak and every twentieth missing. The loop of frames runs to and fro, so that it has no
/// seam.
std::vector<std::vector<meta::Detection>> walk(int objects) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> x(0, 1860);
    std::uniform_real_distribution<float> y(0, 920);
    std::uniform_real_distribution<float> speed(-3, 3);
    std::uniform_real_distribution<float> chance(0, 1);
    std::normal_distribution<float> shake(0, 2);
    struct Walker {
        float x, y, dx, dy;
    };
    std::vector<Walker> walkers;
    for (int i = 0; i < objects; ++i)
        walkers.push_back({x(random), y(random), speed(random), speed(random)});
    std::vector<std::vector<meta::Detection>> frames;
    for (int f = 0; f < 100; ++f) {
        auto& frame = frames.emplace_back();
        for (const Walker& walker : walkers) {
            float luck = chance(random);
            auto t = static_cast<float>(f);
            meta::Detection detection;
            detection.box = {walker.x + t * walker.dx + shake(random),
                             walker.y + t * walker.dy + shake(random),
                             60 + shake(random),
                             160 + shake(random)};
            detection.score = luck < 0.15F ? 0.3F : 0.9F;
            if (luck > 0.05F) frame.push_back(detection);
        }
    }
    for (std::size_t f = frames.size() - 1; f-- > 0;)
        frames.push_back(std::vector(frames[f]));
    return frames;
}

void run(benchmark::State& state, const char* name) {
    auto frames = walk(static_cast<int>(state.range(0)));
    TrackerSettings settings;
    settings.name = name;
    auto tracker = create_tracker(settings);
    if (!tracker) return state.SkipWithError(tracker.error().text().c_str());
    std::vector<TrackedObject> tracks;
    FrameInput input;
    std::size_t frame = 0;
    std::size_t reported = 0;
    for (auto _ : state) {
        input.pts_ns = static_cast<std::int64_t>(frame) * 40'000'000;
        (*tracker)->update(input, frames[frame % frames.size()], tracks);
        reported += tracks.size();
        ++frame;
    }
    state.counters["reported"] =
        static_cast<double>(reported) / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(run, iou, "iou")->Arg(10)->Arg(100)->Arg(300)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, sort, "sort")->Arg(10)->Arg(100)->Arg(300)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, bytetrack, "bytetrack")
    ->Arg(10)
    ->Arg(100)
    ->Arg(300)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, ocsort, "ocsort")
    ->Arg(10)
    ->Arg(100)
    ->Arg(300)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::track
