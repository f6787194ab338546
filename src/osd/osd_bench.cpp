#include <benchmark/benchmark.h>

#include "sluice/osd/renderer.h"
#include "sluice/osd/scene.h"

namespace sluice::osd {
namespace {

/// 30 tracked people spread over the frame; scores change from frame to frame.
meta::Frame crowd(int objects, int step) {
    meta::Frame frame;
    frame.size = {1920, 1080};
    frame.pts_ns = std::int64_t{step} * 40'000'000;
    for (int i = 0; i < objects; ++i) {
        meta::Object object;
        object.label = Name("person");
        object.track_id = meta::TrackId(static_cast<std::uint64_t>(i + 1));
        object.score = 0.5F + 0.01F * static_cast<float>((i * 7 + step * 3) % 50);
        int row = i / 10;
        object.box = {static_cast<float>(20 + (i % 10) * 187 + step % 40),
                      static_cast<float>(60 + row * 340),
                      90,
                      240};
        frame.objects.push_back(object);
    }
    return frame;
}

void draw_boxes_with_labels(benchmark::State& state, memory::PixelFormat format, double trails) {
    OsdOptions options;
    options.trails = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(trails));
    auto scene = std::move(Scene::create(options)).value();
    auto renderer = std::move(Renderer::create(options)).value();
    memory::Image image(format, {1920, 1080});
    std::vector<meta::Frame> frames;
    for (int step = 0; step < 40; ++step)
        frames.push_back(crowd(30, step));
    std::size_t at = 0;
    for (auto _ : state) {
        auto drawn = renderer->draw(image.view(), scene.build(frames[at++ % frames.size()]));
        benchmark::DoNotOptimize(drawn);
    }
}

void build_scene(benchmark::State& state) {
    auto scene = std::move(Scene::create({})).value();
    meta::Frame frame = crowd(30, 0);
    for (auto _ : state)
        benchmark::DoNotOptimize(scene.build(frame).data());
}

BENCHMARK_CAPTURE(draw_boxes_with_labels, i420, memory::PixelFormat::kI420, 0.0);
BENCHMARK_CAPTURE(draw_boxes_with_labels, nv12, memory::PixelFormat::kNv12, 0.0);
BENCHMARK_CAPTURE(draw_boxes_with_labels, bgr, memory::PixelFormat::kBgr, 0.0);
BENCHMARK_CAPTURE(draw_boxes_with_labels, i420_and_trails, memory::PixelFormat::kI420, 1.0);
BENCHMARK(build_scene);

}  // namespace
}  // namespace sluice::osd
