#include <algorithm>
#include <cmath>
#include <random>

#include <benchmark/benchmark.h>

#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/detector.h"
#include "sluice/infer/backends/cuda/measure.h"
#include "sluice/infer/backends/cuda/upload.h"
#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::Event;
using memory::cuda::Stream;

constexpr int kBatch = 32;
constexpr int kCells = 8400;

enum Crowd { kFew, kEverywhere, kAroundObjects };

/// A box on the object next to the cell at these pixels; `next` gives numbers from 0 to 1.
template <class Next>
void put_on_object(float* at, const int (&place)[2], int stride, const Next& next) {
    constexpr int kApart = 92;  // objects, in pixels
    for (int axis = 0; axis < 2; ++axis) {
        const int object = std::min(place[axis] / kApart, 6) * kApart + kApart / 2;
        at[axis] = static_cast<float>(object - place[axis]) / static_cast<float>(stride) +
                   0.1f * next() * kApart / static_cast<float>(stride);
        at[2 + axis] = std::log((0.7f + 0.3f * next()) * kApart / static_cast<float>(stride));
    }
}

/// Rows of YOLOX: few are over the threshold, or all. These are on boxes that overlap a few others,
/// or on the object next to their cell, of 49.
void fill(std::vector<float>& values, int classes, Crowd crowd) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> numbers(0, 1);
    const auto next = [&] { return numbers(random); };
    const std::size_t width = 5 + static_cast<std::size_t>(classes);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t column = i % width;
        const bool shows = crowd != kFew || i / width % 400 == 0;
        values[i] = column < 4   ? 2 * next() - 0.5f
                    : column > 4 ? next()
                    : shows      ? 0.8f + 0.2f * next()
                                 : 0.02f * next();
    }
    if (crowd != kAroundObjects) return;
    std::size_t row = 0;
    for (int item = 0; item < kBatch; ++item) {
        for (int stride : {8, 16, 32}) {
            const int side = 640 / stride;
            for (int cell = 0; cell < side * side; ++cell, ++row) {
                const int place[] = {cell % side * stride, cell / side * stride};
                put_on_object(values.data() + row * width, place, stride, next);
            }
        }
    }
}

/// Microseconds that the kept boxes of all items take to the host when nothing else is done.
double bus_microseconds(const Detector& detector,
                        const DetectorMemory& memory,
                        const Stream& stream) {
    std::vector<meta::Detection> found;
    std::size_t boxes = 0;
    for (int item = 0; item < kBatch; ++item) {
        detector.read(memory, item, found);
        boxes += found.size();
    }
    const auto copy = [&]() -> Result<void> {
        return memory::cuda::check(cudaMemcpyAsync(memory.kept.data(),
                                                   memory.candidates.data(),
                                                   boxes * sizeof(FoundBox),
                                                   cudaMemcpyDeviceToHost,
                                                   stream.get()),
                                   "copying boxes");
    };
    return 1000.0 * shortest_time(stream, copy).value();
}

/// A CUDA graph with the detector alone; the time is the device's. As a list (x1, y1, x2, y2, score
/// and class) a quarter of the rows are boxes, all of them in one place.
void detector(benchmark::State& state) {
    const int classes = static_cast<int>(state.range(0));
    const auto crowd = static_cast<Crowd>(state.range(1));
    if (memory::cuda::device_count() == 0 || !memory::cuda::use_device(0)) {
        state.SkipWithError("there is no CUDA device here");
        return;
    }
    TestOutputs outputs;
    fill(outputs.add("output", {kBatch, kCells, 5 + classes}), classes, crowd);
    HeadOptions head;
    head.head = state.range(2) != 0 ? HeadKind::kEndToEnd : HeadKind::kYolox;
    auto layout = recognise(outputs.specs, {640, 640}, head).value();
    PostprocessOptions options;
    options.all.pre_cluster_threshold = crowd == kFew ? 0.25f : 0;
    options.all.nms_iou_threshold = 0.45f;
    auto host = Postprocessor::create(outputs.specs, layout, options, {}).value();
    const Detector detector = Detector::create(outputs.specs, layout, host->clustering()).value();
    const DetectorMemory memory = detector.allocate().value();
    const Buffer data =
        Buffer::create(Buffer::Kind::kDevice, outputs.views[0].floats().size_bytes()).value();
    upload(outputs.views[0].data, data, "uploading made-up outputs").value();
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
    state.counters["bus_us"] = bus_microseconds(detector, memory, stream);
}
BENCHMARK(detector)
    ->ArgNames({"classes", "crowd", "list"})
    ->ArgsProduct({{80, 1}, {kFew, kEverywhere, kAroundObjects}, {0}})
    ->ArgsProduct({{1}, {kFew, kEverywhere}, {1}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::infer::cuda
