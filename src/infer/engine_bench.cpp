#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/infer/engine.h"

namespace sluice::infer {
namespace {

/// SLUICE_BENCH_MODEL, or YOLOX-nano of the test data.
std::string model_path() {
    if (const char* model = std::getenv("SLUICE_BENCH_MODEL")) return model;
    const char* data = std::getenv("SLUICE_TEST_DATA");
    return std::string(data ? data : "../shared/data") + "/models/yolox_nano/yolox_nano.onnx";
}

/// The engine alone: batches of made-up pixels, as many in flight as it wants.
void throughput(benchmark::State& state, Precision precision, memory::ElementType type) {
    EngineOptions options;
    options.precision = precision;
    options.batch_size = static_cast<int>(state.range(0));
    options.device_batch = static_cast<int>(state.range(1));
    InputAdaptation adaptation;
    adaptation.type = type;
    if (!std::filesystem::exists(model_path())) {
        state.SkipWithError("no model: set SLUICE_BENCH_MODEL");
        return;
    }
    auto engine = create_engine(model_path(), options, adaptation);
    if (!engine) {
        state.SkipWithError(engine.error().text().c_str());
        return;
    }
    std::vector<std::unique_ptr<Request>> requests;
    for (int i = 0; i < (*engine)->request_count(); ++i) {
        requests.push_back((*engine)->create_request().value());
        for (int item = 0; item < options.batch_size; ++item) {
            auto memory = requests.back()->item(0, item);
            std::memset(memory.data(), 0x40, memory.size());
        }
        (void)(*engine)->submit(*requests.back());
    }
    std::size_t next = 0;
    for (auto _ : state) {
        Request& request = *requests[next++ % requests.size()];
        if (!(*engine)->wait(request) || !(*engine)->submit(request))
            state.SkipWithError("a request failed");
    }
    for (auto& request : requests)
        (void)(*engine)->wait(*request);
    state.counters["fps"] = benchmark::Counter(
        static_cast<double>(state.iterations() * state.range(0)), benchmark::Counter::kIsRate);
    state.SetLabel((*engine)->description());
}

using memory::ElementType;

BENCHMARK_CAPTURE(throughput, auto_u8, Precision::kAuto, ElementType::kU8)
    ->Args({1, 1})
    ->Args({4, 1})
    ->Args({8, 1})
    ->Args({4, 4})
    ->Args({8, 8})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(throughput, auto_bf16, Precision::kAuto, ElementType::kBf16)
    ->Args({1, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(throughput, auto_f32, Precision::kAuto, ElementType::kF32)
    ->Args({1, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(throughput, fp32_u8, Precision::kFp32, ElementType::kU8)
    ->Args({1, 1})
    ->Args({4, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace sluice::infer
