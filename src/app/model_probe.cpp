#include "sluice/app/model_probe.h"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/app/pictures.h"
#include "sluice/base/clock.h"

namespace sluice::app {
namespace {

constexpr int kRuns = 10;

std::string_view to_string(memory::ElementType type) {
    switch (type) {
        case memory::ElementType::kU8:
            return "u8";
        case memory::ElementType::kF32:
            return "f32";
        default:
            return "other";
    }
}

std::vector<ModelTensor> tensors(std::span<const infer::TensorSpec> specs) {
    std::vector<ModelTensor> out;
    for (const infer::TensorSpec& spec : specs) {
        std::string shape;
        for (auto extent : spec.shape) {
            if (!shape.empty()) shape += "x";
            shape += extent < 0 ? std::string("?") : fmt::format("{}", extent);
        }
        out.push_back({spec.name, std::string(to_string(spec.type)), shape});
    }
    return out;
}

meta::Frame frame_of(const Picture& picture) {
    meta::Frame frame;
    frame.source_size = picture.pixels.view().size;
    frame.size = frame.source_size;
    frame.content = {
        0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
    return frame;
}

template <class Options>
void list_options(ModelProbe& probe, const Options& options) {
    for_each_field<Options>([&](const auto& entry) {
        std::string text = to_text(options.*entry.member);
        if (!text.empty()) probe.options.emplace_back(entry.name, text);
    });
}

void describe(ModelProbe& probe, const infer::Runner& runner) {
    const infer::ModelDescription& description = runner.description();
    probe.inputs = tensors(runner.engine().inputs());
    probe.outputs = tensors(runner.engine().outputs());
    probe.summary = description.summary;
    probe.engine = runner.engine().description();
    list_options(probe, description.preprocess);
    list_options(probe, description.postprocess);
    list_options(probe, description.postprocess.all);
    for (Name label : description.labels.classes)
        probe.labels.emplace_back(label.view());
}

Result<double> run_once(infer::Runner& runner,
                        infer::Runner::Slot& slot,
                        const memory::ImageView& view,
                        meta::Frame& frame) {
    TimePoint begin = now();
    frame.objects.clear();
    SLUICE_TRY(runner.add(slot, view, infer::whole_frame(frame)));
    SLUICE_TRY(runner.submit(slot));
    SLUICE_TRY(runner.wait(slot));
    SLUICE_TRY(runner.read(slot, nullptr));
    return to_ms(now() - begin);
}

}  // namespace

Result<ModelProbe> probe_model(const gst::InferSettings& settings, const std::string& image) {
    ModelProbe probe;
    Picture picture = SLUICE_TRY(load_picture(image));
    TimePoint begin = now();
    infer::RunnerOptions options = SLUICE_TRY(gst::runner_options(settings));
    auto runner = SLUICE_TRY(infer::Runner::create(options));
    probe.load_ms = to_ms(now() - begin);
    probe.description = options.file.path();
    probe.image = image;
    describe(probe, *runner);
    auto slot = SLUICE_TRY(runner->make_slot());
    meta::Frame frame = frame_of(picture);
    probe.image_size = frame.size;
    probe.first_ms = SLUICE_TRY(run_once(*runner, slot, picture.view(), frame));
    probe.best_ms = probe.first_ms;
    for (int i = 1; i < kRuns; ++i) {
        double time = SLUICE_TRY(run_once(*runner, slot, picture.view(), frame));
        probe.best_ms = std::min(probe.best_ms, time);
    }
    probe.objects = std::move(frame.objects);
    return probe;
}

}  // namespace sluice::app
