#include "sluice/tuner/subject.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sluice/infer/device_choice.h"

namespace sluice::tuner {
namespace {

using infer::Engine;
using infer::Request;

/// The same options, but every class that passes at all passes from kLowestScore on.
infer::PostprocessOptions without_thresholds(infer::PostprocessOptions options) {
    auto lower = [](infer::ClassAttributes& attributes) {
        attributes.pre_cluster_threshold =
            std::min(attributes.pre_cluster_threshold, Subject::kLowestScore);
        attributes.post_cluster_threshold = 0;
    };
    lower(options.all);
    for (auto& [id, attributes] : options.by_class)
        lower(attributes);
    return options;
}

std::vector<float> user_thresholds(const infer::PostprocessOptions& options, int classes) {
    auto of = [](const infer::ClassAttributes& attributes) {
        return std::max({Subject::kLeastThreshold,
                         attributes.pre_cluster_threshold,
                         attributes.post_cluster_threshold});
    };
    std::vector<float> out(static_cast<std::size_t>(classes), of(options.all));
    for (const auto& [id, attributes] : options.by_class)
        out[static_cast<std::size_t>(id)] = of(attributes);
    return out;
}

eval::Box to_box(const meta::PixelBox& box) {
    return {box.left, box.top, box.width, box.height};
}

/// Where a channel of a pixel lies in a sample's input, in elements.
std::size_t place(const image::PreprocessPlan& plan, std::size_t pixel, int channel) {
    const auto channels = static_cast<std::size_t>(image::channel_count(plan.channels));
    const auto pixels =
        static_cast<std::size_t>(plan.size.width) * static_cast<std::size_t>(plan.size.height);
    return plan.layout == image::TensorLayout::kNhwc
               ? pixel * channels + static_cast<std::size_t>(channel)
               : static_cast<std::size_t>(channel) * pixels + pixel;
}

std::uint8_t pixel_at(const image::PreprocessPlan& plan, const Sample& sample, std::size_t at) {
    if (plan.type == memory::ElementType::kU8) return static_cast<std::uint8_t>(sample.input[at]);
    float value = 0;
    std::memcpy(&value, sample.input.data() + at * sizeof value, sizeof value);
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.f, 255.f)));
}

/// From the smallest to the largest value, a `few` left aside at each end.
int width(const std::array<int, 256>& counts, int few) {
    auto end = [&](auto begin, auto stop) {
        int seen = 0;
        return std::find_if(begin, stop, [&](int count) { return (seen += count) > few; }) - begin;
    };
    const auto below = end(counts.begin(), counts.end());
    const auto above = end(counts.rbegin(), counts.rend());
    return static_cast<int>(std::ssize(counts) - 1 - above - below);
}

/// Of the part that is picture, not bars; of each channel for itself, for blue is one colour too.
/// A few pixels that are otherwise (a dead one of a sensor, what a decoder makes of nothing) do not
/// count: one of a thousand at each end.
float spread(const image::PreprocessPlan& plan, const Sample& sample) {
    int most = 0;
    const image::PixelRect& content = sample.placement.content;
    const int few = content.width * content.height / 1000;
    for (int channel = 0; channel < image::channel_count(plan.channels); ++channel) {
        std::array<int, 256> counts{};
        for (int y = content.top; y < content.bottom(); ++y) {
            for (int x = content.left; x < content.right(); ++x) {
                const auto pixel = static_cast<std::size_t>(y * plan.size.width + x);
                ++counts[pixel_at(plan, sample, place(plan, pixel, channel))];
            }
        }
        most = std::max(most, width(counts, few));
    }
    return static_cast<float>(most);
}

}  // namespace

std::vector<const Sample*> pointers(std::span<const Sample> samples) {
    std::vector<const Sample*> out;
    out.reserve(samples.size());
    for (const Sample& sample : samples)
        out.push_back(&sample);
    return out;
}

Result<std::unique_ptr<Subject>> Subject::open(const gst::InferSettings& settings) {
    std::unique_ptr<Subject> subject(new Subject);
    subject->options_ = SLUICE_TRY(gst::runner_options(settings));
    const infer::RunnerOptions& options = subject->options_;
    subject->device_ = SLUICE_TRY(infer::choose_device(options.engine)).device;
    subject->model_ = SLUICE_TRY(infer::read_model(options.model));
    infer::Model& model = *subject->model_;
    auto described = options.file.describe(model.inputs(), model.outputs(), model.metadata());
    if (!described) return std::move(described).error().context(options.model);
    subject->description_ = std::move(*described);
    const infer::ModelDescription& description = subject->description_;
    subject->adaptation_ = infer::adaptation(description.preprocess);
    subject->adaptation_.height = description.input.height;
    subject->adaptation_.width = description.input.width;
    std::unique_ptr<Engine> engine = SLUICE_TRY(subject->observe({}, nullptr));
    const infer::TensorSpec& input = engine->inputs()[0];
    auto plan = infer::plan(description.preprocess, input);
    if (!plan) return std::move(plan).error().context(options.model);
    // One input for all engines, so that samples are prepared once.
    subject->adaptation_.type = input.type;
    subject->adaptation_.layout = input.layout;
    subject->preprocessor_.emplace(SLUICE_TRY(image::Preprocessor::create(*plan)));
    if (description.head.detects()) {
        subject->postprocessor_ =
            SLUICE_TRY(infer::Postprocessor::create(engine->outputs(),
                                                    description.head,
                                                    without_thresholds(description.postprocess),
                                                    description.labels.classes));
        subject->thresholds_ =
            user_thresholds(description.postprocess, subject->postprocessor_->classes());
    }
    return subject;
}

Result<Sample> Subject::prepare(const app::Picture& picture) {
    Sample sample;
    sample.name = picture.name;
    sample.size = picture.view().size;
    sample.input.resize(preprocessor_->output_bytes());
    sample.placement = SLUICE_TRY(preprocessor_->run(picture.view(), sample.input.data()));
    sample.spread = spread(preprocessor_->plan(), sample);
    return sample;
}

memory::Image Subject::picture(const Sample& sample) const {
    const image::PreprocessPlan& plan = preprocessor_->plan();
    memory::Image out(memory::PixelFormat::kRgb, plan.size);
    const memory::MutableImageView view = out.view();
    const bool gray = plan.channels == image::ChannelOrder::kGray;
    const bool bgr = plan.channels == image::ChannelOrder::kBgr;
    for (int y = 0; y < plan.size.height; ++y) {
        for (int x = 0; x < plan.size.width; ++x) {
            const auto pixel = static_cast<std::size_t>(y * plan.size.width + x);
            for (int channel = 0; channel < 3; ++channel) {
                const int from = gray ? 0 : bgr ? 2 - channel : channel;
                view.data[0][y * view.stride[0] + 3 * x + channel] =
                    pixel_at(plan, sample, place(plan, pixel, from));
            }
        }
    }
    return out;
}

Result<std::unique_ptr<Engine>> Subject::observe(const std::vector<std::string>& tensors,
                                                 const infer::Calibration* calibration) {
    return model_->observe(adaptation_, tensors, calibration, device_);
}

Result<std::unique_ptr<Engine>> Subject::compile(
    infer::Precision precision, std::shared_ptr<const infer::Calibration> calibration, int batch) {
    infer::EngineOptions options = options_.engine;
    options.precision = precision;
    options.batch_size = batch;
    options.calibration = std::move(calibration);
    return model_->compile(options, adaptation_);
}

Result<void> Subject::run(Engine& engine,
                          std::span<const Sample* const> samples,
                          const Visit& visit) {
    struct Busy {
        std::unique_ptr<Request> request;
        std::size_t sample = 0;
    };
    const auto wanted = static_cast<std::size_t>(std::max(engine.request_count(), 1));
    std::vector<Busy> ring(std::min(wanted, samples.size()));
    std::size_t started = 0;
    for (std::size_t finished = 0; finished < samples.size(); ++finished) {
        for (; started < samples.size() && started - finished < ring.size(); ++started) {
            Busy& busy = ring[started % ring.size()];
            if (!busy.request) busy.request = SLUICE_TRY(engine.create_request());
            const std::vector<std::byte>& input = samples[started]->input;
            std::span<std::byte> destination = busy.request->item(0, 0);
            if (destination.size() != input.size())
                return internal_error("the engine's input is not what the samples were made for");
            std::memcpy(destination.data(), input.data(), input.size());
            busy.request->set_count(1);
            SLUICE_TRY(engine.submit(*busy.request));
        }
        Busy& busy = ring[finished % ring.size()];
        SLUICE_TRY(engine.wait(*busy.request));
        SLUICE_TRY(visit(finished, busy.request->outputs()));
    }
    return {};
}

Result<Answer> Subject::answer(const Sample& sample, std::span<const memory::TensorView> outputs) {
    Answer answer;
    const std::size_t own = model_->outputs().size();
    outputs = outputs.first(std::min(own, outputs.size()));
    look_for_broken(outputs);
    if (!postprocessor_) {
        for (const memory::TensorView& output : outputs) {
            if (output.type != memory::ElementType::kF32) continue;
            const std::span<const float> values = output.floats();
            answer.vectors.emplace_back(values.begin(), values.end());
        }
        return answer;
    }
    SLUICE_TRY(postprocessor_->find(outputs, 0, found_));
    postprocessor_->finish(infer::to_source(sample.placement), found_);
    for (const meta::Detection& detection : found_)
        answer.boxes.push_back(
            {0, detection.class_id.value, to_box(detection.box), detection.score});
    return answer;
}

void Subject::look_for_broken(std::span<const memory::TensorView> outputs) {
    auto broken = [&](float x) { return std::isnan(x) || (!postprocessor_ && std::isinf(x)); };
    for (std::size_t i = 0; broken_output_.empty() && i < outputs.size(); ++i) {
        if (outputs[i].type != memory::ElementType::kF32) continue;
        const std::span<const float> values = outputs[i].floats();
        if (std::any_of(values.begin(), values.end(), broken))
            broken_output_ = model_->outputs()[i].name;
    }
}

Result<std::vector<Answer>> Subject::answers(Engine& engine,
                                             std::span<const Sample* const> samples) {
    broken_output_.clear();
    std::vector<Answer> out;
    auto visit = [&](std::size_t i, std::span<const memory::TensorView> outputs) -> Result<void> {
        out.push_back(SLUICE_TRY(answer(*samples[i], outputs)));
        return {};
    };
    SLUICE_TRY(run(engine, samples, visit));
    return out;
}

}  // namespace sluice::tuner
