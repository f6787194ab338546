#include <benchmark/benchmark.h>

#include "sluice/memory/cuda/device.h"
#include "sluice/osd/cuda/cuda_renderer.h"
#include "sluice/osd/cuda/sheet_maker.h"
#include "sluice/osd/scene.h"

namespace sluice::osd::cuda {
namespace {

constexpr int kPictures = 32;
constexpr memory::Size kSize{1920, 1080};

/// 30 people with labels; scores change from picture to picture.
std::vector<std::vector<meta::Primitive>> crowd(double trails, bool blur) {
    OsdOptions options;
    options.trails = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(trails));
    if (blur) options.blur_class_ids = {0};
    auto scene = Scene::create(options).value();
    std::vector<std::vector<meta::Primitive>> out;
    for (int step = 0; step < kPictures; ++step) {
        meta::Frame frame;
        frame.size = kSize;
        frame.pts_ns = std::int64_t{step} * 40'000'000;
        for (int i = 0; i < 30; ++i) {
            meta::Object object;
            object.label = Name("person");
            object.class_id = meta::ClassId(0);
            object.track_id = meta::TrackId(static_cast<std::uint64_t>(i + 1));
            object.score = 0.5F + 0.01F * static_cast<float>((i * 7 + step * 3) % 50);
            int row = i / 10;
            object.box = {static_cast<float>(20 + (i % 10) * 187 + step),
                          static_cast<float>(60 + row * 340),
                          90,
                          240};
            frame.objects.push_back(object);
        }
        auto list = scene.build(frame);
        out.emplace_back(list.begin(), list.end());
    }
    return out;
}

/// What the host does for a batch, without a device.
void make_sheet(benchmark::State& state, double trails, bool blur) {
    auto lists = crowd(trails, blur);
    Atlas atlas;
    SheetMaker maker(atlas);
    auto shapes = Shapes::create({}).value();
    memory::Image image(memory::PixelFormat::kNv12, kSize);
    for (auto _ : state) {
        for (const auto& list : lists) {
            maker.begin(image.view());
            for (const meta::Primitive& shape : list)
                shapes.draw(shape, kSize, maker);
        }
        const Sheet& sheet = maker.finish();
        state.counters["bins"] = static_cast<double>(sheet.bins.size());
        state.counters["items"] = static_cast<double>(sheet.items.size());
        state.counters["marks"] = static_cast<double>(sheet.marks.size());
        maker.clear();
    }
}

/// A batch of 32 NV12 pictures, from draw lists to finished pixels.
void draw_batch(benchmark::State& state, double trails, bool blur) {
    auto available = check_available();
    if (!available) return state.SkipWithError(available.error().message.c_str());
    auto renderer = create_renderer({}, 0).value();
    auto lists = crowd(trails, blur);
    std::vector<memory::cuda::Buffer> pixels;
    std::vector<memory::MutableImageView> views;
    for (int i = 0; i < kPictures; ++i) {
        auto bytes = static_cast<std::size_t>(2048 * kSize.height * 3 / 2);
        pixels.push_back(
            memory::cuda::Buffer::create(memory::cuda::Buffer::Kind::kDevice, bytes).value());
        auto* data = reinterpret_cast<std::uint8_t*>(pixels.back().data());
        memory::MutableImageView view;
        view.format = memory::PixelFormat::kNv12;
        view.size = kSize;
        view.data = {data, data + 2048 * kSize.height, nullptr};
        view.stride = {2048, 2048, 0};
        view.device = 0;
        views.push_back(view);
    }
    for (auto _ : state) {
        for (std::size_t i = 0; i < views.size(); ++i) {
            auto drawn = renderer->draw(views[i], lists[i]);
            if (!drawn) return state.SkipWithError(drawn.error().message.c_str());
        }
        auto flushed = renderer->flush();
        if (!flushed) return state.SkipWithError(flushed.error().message.c_str());
    }
    state.SetItemsProcessed(state.iterations() * kPictures);
}

BENCHMARK_CAPTURE(make_sheet, boxes, 0.0, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make_sheet, boxes_and_trails, 1.0, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(draw_batch, boxes, 0.0, false)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK_CAPTURE(draw_batch, boxes_and_trails, 1.0, false)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(draw_batch, boxes_and_blurs, 0.0, true)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
}  // namespace sluice::osd::cuda
