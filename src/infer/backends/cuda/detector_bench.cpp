#include <random>

#include <benchmark/benchmark.h>

#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/detector.h"
#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::Event;
using memory::cuda::Stream;

constexpr int kBatch = 32;
constexpr int kCells = 8400;

/// Rows of YOLOX; `crowded`: all are over the threshold, on boxes that overlap a few others.
void fill(std::vector<float>& values, int classes, bool crowded) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> number(0, 1);
    const std::size_t width = 5 + static_cast<std::size_t>(classes);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t column = i % width;
        const bool shows = crowded || i / width % 400 == 0;
        values[i] = column < 4   ? 2 * number(random) - 0.5f
                    : column > 4 ? number(random)
                    : shows      ? 0.8f + 0.2f * number(random)
                                 : 0.02f * number(random);
    }
}

/// A CUDA graph with the detector alone; the time is the device's. As a list (x1, y1, x2, y2, score
/// and class) a quarter of the rows are boxes, all of them in one place.
void detector(benchmark::State& state) {
    const int classes = static_cast<int>(state.range(0));
    const bool crowded = state.range(1) != 0;
    if (memory::cuda::device_count() == 0 || !memory::cuda::use_device(0)) {
        state.SkipWithError("there is no CUDA device here");
        return;
    }
    TestOutputs outputs;
    fill(outputs.add("output", {kBatch, kCells, 5 + classes}), classes, crowded);
    HeadOptions head;
    head.head = state.range(2) != 0 ? HeadKind::kEndToEnd : HeadKind::kYolox;
    auto layout = recognise(outputs.specs, {640, 640}, head).value();
    PostprocessOptions options;
    options.all.pre_cluster_threshold = crowded ? 0 : 0.25f;
    options.all.nms_iou_threshold = 0.45f;
    auto host = Postprocessor::create(outputs.specs, layout, options, {}).value();
    const Detector detector = Detector::create(outputs.specs, layout, host->clustering()).value();
    const DetectorMemory memory = detector.allocate().value();
    const Buffer data =
        Buffer::create(Buffer::Kind::kDevice, outputs.views[0].floats().size_bytes()).value();
    cudaMemcpy(data.data(), outputs.views[0].data, data.bytes(), cudaMemcpyHostToDevice);
    const Stream stream = Stream::create().value();
    const Event from = Event::create(Event::Kind::kTimed).value();
    const Event to = Event::create(Event::Kind::kTimed).value();
    const auto graph = captured(stream, [&] {
                           return detector.enqueue(std::span(&data, 1), memory, stream);
                       }).value();
    for (auto _ : state) {
        if (!from.record(stream) || !launch(graph, stream) || !to.record(stream) || !to.wait())
            state.SkipWithError("the detector failed");
        state.SetIterationTime(static_cast<double>(Event::milliseconds(from, to).value()) / 1000);
    }
    std::vector<meta::Detection> found;
    detector.read(memory, 0, found);
    state.counters["boxes"] = static_cast<double>(found.size());
}
BENCHMARK(detector)
    ->ArgNames({"classes", "crowded", "list"})
    ->ArgsProduct({{80, 1}, {0, 1}, {0}})
    ->ArgsProduct({{1}, {0, 1}, {1}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::infer::cuda
