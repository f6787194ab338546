#include "sluice/app/pictures.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <gst/video/video.h>

#include "sluice/app/detail/decoders.h"
#include "sluice/app/detail/elements.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/video.h"

namespace sluice::app {
namespace {

constexpr GstClockTime kTimeout = 30 * GST_SECOND;
constexpr GstClockTime kPatience = GST_SECOND / 10;
/// Pictures farther apart are reached by seeking, others by decoding what lies between.
constexpr GstClockTime kWorthSeeking = 4 * GST_SECOND;

struct StopPipeline {
    void operator()(GstElement* pipeline) const {
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(pipeline);
    }
};
using PipelinePtr = std::unique_ptr<GstElement, StopPipeline>;

struct FreeSample {
    void operator()(GstSample* sample) const { gst_sample_unref(sample); }
};
using SamplePtr = std::unique_ptr<GstSample, FreeSample>;

/// A pipeline as gst-launch would describe it, ending in an appsink named "end".
Result<PipelinePtr> make_pipeline(const std::string& launch) {
    GError* failed = nullptr;
    PipelinePtr pipeline(gst_parse_launch(launch.c_str(), &failed));
    if (!failed) return pipeline;
    Error error = internal_error(failed->message);
    g_clear_error(&failed);
    return error;
}

gst::ObjectPtr<GstElement> element(const PipelinePtr& pipeline, const char* name) {
    return gst::ObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
}

Error no_picture(const std::string& shown) {
    return io_error("no picture came out of it", shown);
}

/// The next message of these kinds: an error as such, else nothing said. Waits so long for it.
Result<void> wait_for(GstElement* pipeline, GstMessageType kinds, GstClockTime time) {
    gst::ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline));
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus.get(), time, static_cast<GstMessageType>(kinds | GST_MESSAGE_ERROR));
    if (!message) return {};
    const bool failed = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
    std::string text = failed ? detail::message_text(message) : std::string();
    gst_message_unref(message);
    if (failed) return io_error(std::move(text));
    return {};
}

/// The next frame; null at the end, and where none comes for too long.
Result<SamplePtr> pull(const PipelinePtr& pipeline, GstElement* sink) {
    for (GstClockTime waited = 0; waited < kTimeout; waited += kPatience) {
        GstSample* sample = nullptr;
        g_signal_emit_by_name(sink, "try-pull-sample", kPatience, &sample);
        if (sample) return SamplePtr(sample);
        // An appsink does not learn of errors.
        SLUICE_TRY(wait_for(pipeline.get(), GST_MESSAGE_ERROR, 0));
        gboolean ended = FALSE;
        g_object_get(sink, "eos", &ended, nullptr);
        if (ended) break;
    }
    return SamplePtr();
}

void copy_planes(const memory::ImageView& from, const memory::MutableImageView& to) {
    const memory::FormatLayout planes = memory::layout(from.format);
    for (int plane = 0; plane < planes.planes; ++plane) {
        const auto at = static_cast<std::size_t>(plane);
        const memory::Size size = memory::plane_size(from.format, from.size, plane);
        const auto bytes = static_cast<std::size_t>(size.width * planes.plane[at].bytes_per_pixel);
        for (int row = 0; row < size.height; ++row)
            std::memcpy(
                to.data[at] + row * to.stride[at], from.data[at] + row * from.stride[at], bytes);
    }
}

Result<Picture> to_picture(GstSample* sample, std::string name) {
    GstVideoInfo info;
    gst_video_info_from_caps(&info, gst_sample_get_caps(sample));
    auto frame = SLUICE_TRY(gst::MappedFrame::map_on_host(
        gst_sample_get_buffer(sample), info, gst::MappedFrame::Access::kRead));
    const memory::ImageView view = frame.view();
    Picture picture{
        std::move(name), memory::Image(view.format, view.size), view.matrix, view.range};
    copy_planes(view, picture.pixels.view());
    return picture;
}

Result<PicturesRead> read_images(const Source& source,
                                 int most,
                                 const std::function<Result<void>(const Picture&)>& take) {
    PicturesRead read;
    const std::size_t count = source.images.size();
    const std::size_t wanted = std::min(count, static_cast<std::size_t>(most));
    for (std::size_t i = 0; i < wanted; ++i) {
        const std::string& path = source.images[i * count / wanted];
        auto picture = load_picture(path);
        if (picture) {
            SLUICE_TRY(take(*picture));
            ++read.taken;
            continue;
        }
        if (read.unreadable++ == 0) read.first_reason = picture.error().text();
    }
    return read;
}

std::string launch_of(const Source& source) {
    // Formats that models read as they are; others are converted as a run would.
    const std::string end = " ! videoconvert ! video/x-raw,format=(string)" SLUICE_VIDEO_FORMATS
                            " ! appsink name=end sync=false max-buffers=2";
    switch (source.kind) {
        case SourceKind::kTest:
            return fmt::format(
                "videotestsrc pattern={} num-buffers={} ! "
                "video/x-raw,format=I420,width={},height={},framerate={}/1{}",
                source.uri,
                source.frames > 0 ? source.frames : -1,
                source.width,
                source.height,
                source.fps,
                end);
        case SourceKind::kCamera:
            return "v4l2src name=begin ! decodebin" + end;
        default:
            // As of a run; with plain "video/x-raw", libav's decoders are passed over.
            return "uridecodebin name=begin caps=video/x-raw(ANY) expose-all-streams=false" + end;
    }
}

// Pictures are wanted on the host, whatever decodes them.
GValueArray* on_autoplug_sort(GstElement*, GstPad*, GstCaps*, GValueArray* factories, gpointer) {
    return detail::sort_decoders(factories, {});
}
gboolean on_autoplug_query(GstElement*, GstPad*, GstElement* decoder, GstQuery* query, gpointer) {
    return detail::answer_query(decoder, query, {});
}

/// When pictures are to be taken: `step` apart, in the middle of each step.
struct Schedule {
    GstClockTime step = GST_SECOND;
    bool seek = false;
};

Schedule schedule(const Source& source, GstElement* pipeline, int most) {
    gint64 duration = 0;
    if (source.kind == SourceKind::kTest && source.frames > 0) {
        duration = gst_util_uint64_scale(source.frames, GST_SECOND, source.fps);
    } else if (source.live || !gst_element_query_duration(pipeline, GST_FORMAT_TIME, &duration) ||
               duration <= 0) {
        return {};
    }
    Schedule out;
    out.step = static_cast<GstClockTime>(duration) / static_cast<GstClockTime>(most);
    out.seek = source.kind == SourceKind::kUri && out.step > kWorthSeeking;
    return out;
}

Result<PicturesRead> read_video(const Source& source,
                                int most,
                                const std::function<Result<void>(const Picture&)>& take) {
    PipelinePtr pipeline = SLUICE_TRY(make_pipeline(launch_of(source)));
    if (auto begin = element(pipeline, "begin")) {
        const bool camera = source.kind == SourceKind::kCamera;
        g_object_set(begin.get(), camera ? "device" : "uri", source.uri.c_str(), nullptr);
        if (!camera) {
            g_signal_connect(begin.get(), "autoplug-sort", G_CALLBACK(on_autoplug_sort), nullptr);
            g_signal_connect(begin.get(), "autoplug-query", G_CALLBACK(on_autoplug_query), nullptr);
        }
    }
    auto sink = element(pipeline, "end");
    gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
    if (!source.live)  // which does not pause
        SLUICE_TRY(
            wait_for(pipeline.get(), GST_MESSAGE_ASYNC_DONE, kTimeout).context(source.shown));
    const Schedule plan = schedule(source, pipeline.get(), most);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    PicturesRead read;
    GstClockTime next = plan.step / 2;
    while (read.taken < most) {
        if (plan.seek)
            gst_element_seek_simple(
                pipeline.get(),
                GST_FORMAT_TIME,
                static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                static_cast<gint64>(next));
        auto pulled = pull(pipeline, sink.get());
        if (!pulled && read.taken == 0) return std::move(pulled).error().context(source.shown);
        if (!pulled || !*pulled) break;
        const SamplePtr sample = std::move(*pulled);
        GstClockTime time = GST_BUFFER_PTS(gst_sample_get_buffer(sample.get()));
        // Without times every frame is as good as the next.
        if (!GST_CLOCK_TIME_IS_VALID(time)) time = next;
        if (time + plan.step / 2 < next) continue;
        std::string name =
            fmt::format("{} at {:.1f} s", source.shown, static_cast<double>(time) / 1e9);
        const Picture picture = SLUICE_TRY(to_picture(sample.get(), std::move(name)));
        SLUICE_TRY(take(picture));
        ++read.taken;
        next += plan.step;
    }
    if (read.taken == 0) return no_picture(source.shown);
    return read;
}

}  // namespace

memory::ImageView Picture::view() const {
    memory::ImageView view = pixels.view();
    view.matrix = matrix;
    view.range = range;
    return view;
}

Result<Picture> load_picture(const std::string& path) {
    // As RGB, like the images of a source (detail/source_run.cpp says why).
    PipelinePtr pipeline = SLUICE_TRY(
        make_pipeline((path.empty() ? std::string("videotestsrc num-buffers=1 ! "
                                                  "video/x-raw,width=640,height=480")
                                    : std::string("filesrc name=begin ! decodebin")) +
                      " ! videoconvert ! video/x-raw,format=RGB ! appsink name=end sync=false"));
    if (auto begin = element(pipeline, "begin"))
        g_object_set(begin.get(), "location", path.c_str(), nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const SamplePtr sample =
        SLUICE_TRY(pull(pipeline, element(pipeline, "end").get()).context(path));
    if (!sample) return no_picture(path);
    return to_picture(sample.get(), path);
}

Result<PicturesRead> read_pictures(const Source& source,
                                   int most,
                                   const std::function<Result<void>(const Picture&)>& take) {
    return source.kind == SourceKind::kImages ? read_images(source, most, take)
                                              : read_video(source, most, take);
}

Result<std::string> to_jpeg(const memory::ImageView& rgb) {
    PipelinePtr pipeline = SLUICE_TRY(make_pipeline(
        fmt::format("appsrc name=begin format=time caps=video/x-raw,format=RGB,width={},height={},"
                    "framerate=1/1 ! videoconvert ! jpegenc quality=80 ! "
                    "appsink name=end sync=false",
                    rgb.size.width,
                    rgb.size.height)));
    GstVideoInfo info;
    gst_video_info_set_format(&info,
                              GST_VIDEO_FORMAT_RGB,
                              static_cast<guint>(rgb.size.width),
                              static_cast<guint>(rgb.size.height));
    gst::BufferRef buffer(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
    GST_BUFFER_PTS(buffer.get()) = 0;
    {
        auto frame = SLUICE_TRY(
            gst::MappedFrame::map_on_host(buffer.get(), info, gst::MappedFrame::Access::kWrite));
        copy_planes(rgb, frame.mutable_view());
    }
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(element(pipeline, "begin").get(), "push-buffer", buffer.get(), &flow);
    g_signal_emit_by_name(element(pipeline, "begin").get(), "end-of-stream", &flow);
    const SamplePtr sample = SLUICE_TRY(pull(pipeline, element(pipeline, "end").get()));
    if (!sample) return internal_error("jpegenc gave nothing");
    GstBuffer* coded = gst_sample_get_buffer(sample.get());
    std::string bytes(gst_buffer_get_size(coded), '\0');
    gst_buffer_extract(coded, 0, bytes.data(), bytes.size());
    return bytes;
}

}  // namespace sluice::app
