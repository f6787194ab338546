#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/image/detail/test_images.h"
#include "sluice/image/preprocess.h"
#include "sluice/image/scale.h"

namespace sluice::image {
namespace {

using memory::ElementType;
using memory::PixelFormat;

using detail::noise;

PreprocessPlan network(int extent, ElementType type, TensorLayout layout, Fit fit) {
    PreprocessPlan plan;
    plan.size = {extent, extent};
    plan.fit = fit;
    plan.channels = ChannelOrder::kBgr;
    plan.type = type;
    plan.layout = layout;
    return plan;
}

void preprocess(benchmark::State& state,
                PixelFormat format,
                memory::Size size,
                PreprocessPlan plan) {
    const memory::Image image = noise(format, size);
    Preprocessor preprocessor = std::move(Preprocessor::create(plan)).value();
    std::vector<std::uint8_t> tensor(preprocessor.output_bytes());
    for (auto _ : state) {
        auto placement = preprocessor.run(image.view(), tensor.data());
        benchmark::DoNotOptimize(placement);
        benchmark::ClobberMemory();
    }
}

constexpr memory::Size kHd{1920, 1080};
constexpr memory::Size kPal{768, 576};
const auto kU8Nhwc = network(416, ElementType::kU8, TensorLayout::kNhwc, Fit::kLetterbox);
const auto kU8Nchw = network(416, ElementType::kU8, TensorLayout::kNchw, Fit::kLetterbox);
const auto kF32Nchw = network(416, ElementType::kF32, TensorLayout::kNchw, Fit::kLetterbox);
const auto kF32Nhwc = network(416, ElementType::kF32, TensorLayout::kNhwc, Fit::kLetterbox);
const auto kBf16Nchw = network(416, ElementType::kBf16, TensorLayout::kNchw, Fit::kLetterbox);
const auto kStretch = network(512, ElementType::kU8, TensorLayout::kNchw, Fit::kStretch);

BENCHMARK_CAPTURE(preprocess, hd_i420_to_416_u8_nhwc, PixelFormat::kI420, kHd, kU8Nhwc);
BENCHMARK_CAPTURE(preprocess, hd_i420_to_416_u8_nchw, PixelFormat::kI420, kHd, kU8Nchw);
BENCHMARK_CAPTURE(preprocess, hd_i420_to_416_f32_nchw, PixelFormat::kI420, kHd, kF32Nchw);
BENCHMARK_CAPTURE(preprocess, hd_i420_to_416_f32_nhwc, PixelFormat::kI420, kHd, kF32Nhwc);
BENCHMARK_CAPTURE(preprocess, hd_i420_to_416_bf16_nchw, PixelFormat::kI420, kHd, kBf16Nchw);
BENCHMARK_CAPTURE(preprocess, hd_i420_to_512_stretch_u8_nchw, PixelFormat::kI420, kHd, kStretch);
BENCHMARK_CAPTURE(preprocess, hd_nv12_to_416_u8_nhwc, PixelFormat::kNv12, kHd, kU8Nhwc);
BENCHMARK_CAPTURE(preprocess, hd_bgr_to_416_u8_nhwc, PixelFormat::kBgr, kHd, kU8Nhwc);
BENCHMARK_CAPTURE(preprocess, pal_i420_to_416_u8_nhwc, PixelFormat::kI420, kPal, kU8Nhwc);
BENCHMARK_CAPTURE(preprocess, pal_i420_to_416_f32_nchw, PixelFormat::kI420, kPal, kF32Nchw);

void scale(benchmark::State& state, PixelFormat from, PixelFormat to, memory::Size size) {
    const memory::Image source = noise(from, kHd);
    memory::Image target(to, size);
    Scaler scaler;
    for (auto _ : state) {
        auto done = scaler.run(source.view(), target.view());
        benchmark::DoNotOptimize(done);
        benchmark::ClobberMemory();
    }
}

constexpr memory::Size kTile{640, 360};
BENCHMARK_CAPTURE(scale, hd_to_640x360_i420, PixelFormat::kI420, PixelFormat::kI420, kTile);
BENCHMARK_CAPTURE(scale, hd_to_640x360_nv12, PixelFormat::kNv12, PixelFormat::kNv12, kTile);
BENCHMARK_CAPTURE(scale, hd_to_640x360_i420_bgr, PixelFormat::kI420, PixelFormat::kBgr, kTile);
BENCHMARK_CAPTURE(scale, hd_to_640x360_bgr_i420, PixelFormat::kBgr, PixelFormat::kI420, kTile);
BENCHMARK_CAPTURE(scale, hd_same_size_i420, PixelFormat::kI420, PixelFormat::kI420, kHd);
BENCHMARK_CAPTURE(scale, hd_same_size_i420_nv12, PixelFormat::kI420, PixelFormat::kNv12, kHd);

}  // namespace
}  // namespace sluice::image
