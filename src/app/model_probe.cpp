#include "sluice/app/model_probe.h"

#include <algorithm>

#include <fmt/format.h>
#include <gst/video/video.h>

#include "sluice/app/detail/elements.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/video.h"

namespace sluice::app {
namespace {

constexpr int kRuns = 10;
constexpr GstClockTime kImageTimeout = 30 * GST_SECOND;

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

/// A decoded picture that keeps its memory.
struct Picture {
    gst::BufferRef buffer;
    GstVideoInfo info{};
};

struct StopPipeline {
    void operator()(GstElement* pipeline) const {
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(pipeline);
    }
};
using PipelinePtr = std::unique_ptr<GstElement, StopPipeline>;

std::string bus_error(GstElement* pipeline) {
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    gst_object_unref(bus);
    if (!message) return "no picture came out of it";
    std::string text = detail::message_text(message);
    gst_message_unref(message);
    return text;
}

/// The first frame of a source of pixels, described as gst-launch would.
Result<Picture> first_frame(const std::string& launch, const std::string& location) {
    GError* failed = nullptr;
    PipelinePtr pipeline(gst_parse_launch(
        (launch + " ! videoconvert ! video/x-raw,format=RGB ! fakesink name=end num-buffers=1 "
                  "enable-last-sample=true sync=false")
            .c_str(),
        &failed));
    if (failed) {
        Error error = internal_error(failed->message);
        g_clear_error(&failed);
        return error;
    }
    gst::ObjectPtr<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "begin"));
    if (source) g_object_set(source.get(), "location", location.c_str(), nullptr);
    gst::ObjectPtr<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "end"));
    gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
    GstStateChangeReturn reached =
        gst_element_get_state(pipeline.get(), nullptr, nullptr, kImageTimeout);
    GstSample* sample = nullptr;
    if (reached == GST_STATE_CHANGE_SUCCESS)
        g_object_get(sink.get(), "last-sample", &sample, nullptr);
    if (!sample) return io_error(bus_error(pipeline.get()), location);
    Picture picture;
    picture.buffer = gst::BufferRef::share(gst_sample_get_buffer(sample));
    gst_video_info_from_caps(&picture.info, gst_sample_get_caps(sample));
    gst_sample_unref(sample);
    return picture;
}

Result<Picture> load_picture(const std::string& image) {
    if (image.empty()) {
        return first_frame("videotestsrc num-buffers=1 ! video/x-raw,width=640,height=480", "");
    }
    return first_frame("filesrc name=begin ! decodebin", image);
}

meta::Frame frame_of(const Picture& picture) {
    meta::Frame frame;
    frame.source_size = {GST_VIDEO_INFO_WIDTH(&picture.info), GST_VIDEO_INFO_HEIGHT(&picture.info)};
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
    auto mapped = SLUICE_TRY(
        gst::MappedFrame::map(picture.buffer.get(), picture.info, gst::MappedFrame::Access::kRead));
    meta::Frame frame = frame_of(picture);
    probe.image_size = frame.size;
    probe.first_ms = SLUICE_TRY(run_once(*runner, slot, mapped.view(), frame));
    probe.best_ms = probe.first_ms;
    for (int i = 1; i < kRuns; ++i) {
        double time = SLUICE_TRY(run_once(*runner, slot, mapped.view(), frame));
        probe.best_ms = std::min(probe.best_ms, time);
    }
    probe.objects = std::move(frame.objects);
    return probe;
}

}  // namespace sluice::app
