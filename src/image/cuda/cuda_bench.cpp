#include <chrono>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/image/cuda/preprocess.h"
#include "sluice/image/cuda/scale.h"
#include "sluice/image/cuda/test_pictures.h"

/// Device times, by events; the counter "host_us" is what the calling thread spends.
namespace sluice::image::cuda {
namespace {

using memory::ElementType;
using memory::PixelFormat;
using memory::cuda::Buffer;
using memory::cuda::Event;
using memory::cuda::Stream;

constexpr memory::Size kHd{1920, 1080};
constexpr Rect kAllOfHd{0, 0, 1920, 1080};
/// So many that they do not fit the device's cache: 200 MB.
constexpr std::size_t kPictures = 64;
/// Batches between two events.
constexpr int kRepeats = 10;

class Bench {
public:
    Bench() {
        const memory::Image image = detail::noise(PixelFormat::kNv12, kHd);
        const memory::Image& constant = image;
        for (std::size_t i = 0; i < kPictures; ++i)
            pictures_.emplace_back(constant.view());
    }

    memory::ImageView next() { return pictures_[at_++ % kPictures].seen(); }

    /// `batch` queues one batch.
    template <class Batch>
    void time(benchmark::State& state, const Stream& stream, Batch batch) {
        const Event from = Event::create(Event::Kind::kTimed).value();
        const Event to = Event::create(Event::Kind::kTimed).value();
        std::chrono::duration<double> host{};
        bool good = true;
        for (auto _ : state) {
            good = good && from.record(stream);
            const auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < kRepeats; ++i)
                good = good && batch();
            host += std::chrono::steady_clock::now() - start;
            good = good && to.record(stream) && to.wait();
            if (!good) {
                state.SkipWithError("a batch failed");
                break;
            }
            const double milliseconds = Event::milliseconds(from, to).value();
            state.SetIterationTime(milliseconds / 1000 / kRepeats);
        }
        const double batches = static_cast<double>(state.iterations()) * kRepeats;
        state.counters["host_us"] = host.count() * 1e6 / batches;
    }

private:
    std::vector<OnDevice> pictures_;
    std::size_t at_ = 0;
};

bool no_device(benchmark::State& state) {
    if (memory::cuda::use_device(0)) return false;
    state.SkipWithError("there is no CUDA device here");
    return true;
}

void preprocess(benchmark::State& state, ElementType type, TensorLayout layout, int stored) {
    if (no_device(state)) return;
    const int count = static_cast<int>(state.range(0));
    PreprocessPlan plan;
    plan.size = {640, 640};
    plan.fit = Fit::kLetterbox;
    plan.type = type;
    plan.layout = layout;
    Bench bench;
    const Stream stream = Stream::create().value();
    auto preprocessor = BatchPreprocessor::create(plan, count, stored).value();
    const std::size_t bytes = preprocessor.item_bytes() * static_cast<std::size_t>(count);
    const Buffer tensor = Buffer::create(Buffer::Kind::kDevice, bytes).value();
    bench.time(state, stream, [&] {
        bool good = true;
        for (int i = 0; i < count; ++i)
            good = good && preprocessor.add(i, bench.next(), kAllOfHd, stream);
        return good && preprocessor.run(count, tensor.data(), stream);
    });
}

void batches(benchmark::internal::Benchmark* bench) {
    bench->Arg(1)->Arg(8)->Arg(32)->UseManualTime()->Unit(benchmark::kMicrosecond);
}
constexpr auto kNchw = TensorLayout::kNchw;
constexpr auto kNhwc = TensorLayout::kNhwc;
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_640_u8_nchw, ElementType::kU8, kNchw, 0)->Apply(batches);
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_640_f16_nchw, ElementType::kF16, kNchw, 0)->Apply(batches);
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_640_f16_nhwc, ElementType::kF16, kNhwc, 0)->Apply(batches);
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_640_f16_nhwc4, ElementType::kF16, kNhwc, 4)
    ->Apply(batches);
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_640_f16_nhwc8, ElementType::kF16, kNhwc, 8)
    ->Apply(batches);

void tile(benchmark::State& state) {
    if (no_device(state)) return;
    Bench bench;
    const Stream stream = Stream::create().value();
    const OnDevice target(bench.next());
    BatchScaler scaler;
    bench.time(state, stream, [&] {
        for (int i = 0; i < 16; ++i)
            scaler.add(bench.next(), kAllOfHd, {i % 4 * 480, i / 4 * 270, 480, 270});
        return static_cast<bool>(scaler.run(target.view(), stream));
    });
}
BENCHMARK(tile)->Name("tile/16_hd_nv12_to_hd")->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::image::cuda
