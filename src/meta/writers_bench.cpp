#include <benchmark/benchmark.h>

#include "sluice/meta/writers.h"

namespace sluice::meta {
namespace {

Frame thirty_tracks() {
    Frame frame;
    frame.source_size = frame.size = {1920, 1080};
    frame.content = {0, 0, 1920, 1080};
    for (int i = 0; i < 30; ++i) {
        Object object;
        object.box = {10.25f * static_cast<float>(i), 33.5f, 61.75f, 140.125f};
        object.label = Name("person");
        object.detector_box = object.tracker_box = object.box;
        object.score = object.tracker_confidence = 0.875f;
        object.track_id = TrackId(static_cast<std::uint64_t>(i));
        frame.objects.push_back(object);
    }
    return frame;
}

void json_line_of_30_tracks(benchmark::State& state) {
    Frame frame = thirty_tracks();
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_json_line(out, frame, {"gate", "file:///a.mp4"});
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(json_line_of_30_tracks)->Unit(benchmark::kMicrosecond);

void mot_lines_of_30_tracks(benchmark::State& state) {
    Frame frame = thirty_tracks();
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_mot_lines(out, frame, MotRows::kTracks);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(mot_lines_of_30_tracks)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::meta
