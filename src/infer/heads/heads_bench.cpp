#include <algorithm>

#include <benchmark/benchmark.h>

#include "sluice/infer/heads/test_outputs.h"
#include "sluice/infer/postprocess.h"

namespace sluice::infer {
namespace {

/// The head alone; `score` is the threshold.
void run_head(benchmark::State& state, TestOutputs& outputs, memory::Size input, float score) {
    auto layout = recognise(outputs.specs, input, {}).value();
    auto head = create_head(outputs.specs, layout).value();
    std::vector<float> thresholds(static_cast<std::size_t>(layout.classes()), score);
    std::vector<meta::Detection> found;
    for (auto _ : state) {
        found.clear();
        if (!head->decode({outputs.views, 0, {score, thresholds}}, found))
            state.SkipWithError("decode failed");
        benchmark::DoNotOptimize(found.data());
    }
    state.counters["boxes"] = static_cast<double>(found.size());
}

/// As a street gives it: a hundred cells with an object, the others with an objectness near 0.
void fill_yolox(std::vector<float>& values) {
    fill_scores(values, 1);
    for (std::size_t row = 0; row * 85 < values.size(); ++row) {
        float& objectness = values[row * 85 + 4];
        objectness = row % 35 == 0 ? 0.9f : objectness * 0.02f;
        values[row * 85 + 5 + row % 80] = 0.95f;
    }
}

void yolox_3549x85(benchmark::State& state) {
    TestOutputs outputs;
    fill_yolox(outputs.add("output", {1, 3549, 85}));
    run_head(state, outputs, {416, 416}, 0.25f);
}
BENCHMARK(yolox_3549x85);

/// At the threshold of an evaluation, on scores that are too good to be real: 1,900 boxes.
void yolox_3549x85_crowded(benchmark::State& state) {
    TestOutputs outputs;
    fill_scores(outputs.add("output", {1, 3549, 85}), 1);
    run_head(state, outputs, {416, 416}, 0.01f);
}
BENCHMARK(yolox_3549x85_crowded);

/// Background near 0 and a hundred objects, as a picture gives it.
void fill_sparse(std::vector<float>& values, std::size_t first) {
    std::fill(values.begin() + static_cast<std::ptrdiff_t>(first), values.end(), 1e-4f);
    for (std::size_t i = 0; i < 100; ++i)
        values[first + i * 6007 % (values.size() - first)] = 0.5f + static_cast<float>(i) * 1e-3f;
}

void yolov8_84x8400(benchmark::State& state) {
    TestOutputs outputs;
    auto& values = outputs.add("output0", {1, 84, 8400});
    fill_random(values, 0, 1, 1);
    fill_sparse(values, 4 * 8400);
    run_head(state, outputs, {640, 640}, 0.25f);
}
BENCHMARK(yolov8_84x8400);

void centernet_80x128x128(benchmark::State& state) {
    TestOutputs outputs;
    fill_sparse(outputs.add("heat", {1, 80, 128, 128}), 0);
    fill_random(outputs.add("wh", {1, 4, 128, 128}), 0, 40, 1);
    run_head(state, outputs, {512, 512}, 0.3f);
}
BENCHMARK(centernet_80x128x128);

/// Boxes of one class or of many, each overlapping a few others.
void nms_8400(benchmark::State& state) {
    const auto classes = static_cast<int>(state.range(0));
    std::mt19937 random(1);
    std::uniform_real_distribution<float> place(0, 600);
    std::uniform_real_distribution<float> score(0, 1);
    std::vector<meta::Detection> boxes;
    for (int i = 0; i < 8400; ++i)
        boxes.push_back({{place(random), place(random), 40, 40},
                         score(random),
                         meta::ClassId(i % classes),
                         Name()});
    std::vector<float> thresholds(80, 0.45f);
    Nms nms;
    std::vector<meta::Detection> work;
    for (auto _ : state) {
        work.assign(boxes.begin(), boxes.end());
        nms.run(work, thresholds, Nms::Scope::kPerClass);
        benchmark::DoNotOptimize(work.data());
    }
    state.counters["kept"] = static_cast<double>(work.size());
}
BENCHMARK(nms_8400)->Arg(1)->Arg(80);

}  // namespace
}  // namespace sluice::infer
