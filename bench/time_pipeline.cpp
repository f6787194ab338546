// Runs one GStreamer pipeline to its end and says how many frames came to its sinks, and how fast.
//
//   time_pipeline DESCRIPTION [DECODER-THREADS [WARM-UP SECONDS]]
//
// The description is gst-launch's; our elements are inside. The clock runs from the first buffer at
// any sink to the last, so loading a model does not count, and the first buffer only starts it.
// With WARM-UP and SECONDS (both in seconds) it starts so long after the first buffer, and runs so
// long at most: many decoders take a while to start.
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>
#include <gst/gst.h>

#include "sluice/base/clock.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/register.h"
#include "sluice/gst/sluice_meta.h"

namespace {

using sluice::TimePoint;

struct Count {
    std::mutex mutex;    ///< sinks have threads of their own
    double warm_up = 0;  ///< seconds
    double most = 0;     ///< seconds; 0: to the end
    bool enough = false;
    TimePoint begin;  ///< of the warm-up
    unsigned long frames = 0;
    unsigned long first_frames = 0;  ///< in the first buffer
    TimePoint first;
    TimePoint last;
};

GstPadProbeReturn count_frames(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
    auto& count = *static_cast<Count*>(data);
    unsigned frames = sluice_buffer_frame_count(GST_PAD_PROBE_INFO_BUFFER(info));
    if (frames == 0) frames = 1;  // plain video
    TimePoint time = sluice::now();
    std::lock_guard lock(count.mutex);
    if (count.begin == TimePoint{}) count.begin = time;
    if (count.enough || sluice::to_seconds(time - count.begin) < count.warm_up) {
        return GST_PAD_PROBE_OK;
    }
    if (count.frames == 0) {
        count.first = time;
        count.first_frames = frames;
    }
    count.frames += frames;
    count.last = time;
    count.enough = count.most > 0 && sluice::to_seconds(time - count.first) >= count.most;
    if (count.enough) {
        gst_element_post_message(
            GST_ELEMENT(GST_PAD_PARENT(pad)),
            gst_message_new_application(nullptr, gst_structure_new_empty("enough")));
    }
    return GST_PAD_PROBE_OK;
}

void watch_sink(const GValue* item, gpointer count) {
    auto* sink = static_cast<GstElement*>(g_value_get_object(item));
    sluice::gst::ObjectPtr<GstPad> pad(gst_element_get_static_pad(sink, "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, count_frames, count, nullptr);
}

void limit_threads(GstBin*, GstBin*, GstElement* element, gpointer threads) {
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads")) {
        g_object_set(element, "max-threads", GPOINTER_TO_INT(threads), nullptr);
    }
}

/// False when it failed; the reason is printed.
bool run_to_end(GstElement* pipeline) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    sluice::gst::ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline));
    auto wanted =
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION);
    GstMessage* message = gst_bus_timed_pop_filtered(bus.get(), GST_CLOCK_TIME_NONE, wanted);
    bool failed = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
    if (failed) {
        GError* error = nullptr;
        gchar* details = nullptr;
        gst_message_parse_error(message, &error, &details);
        fmt::print(stderr, "time_pipeline: {}\n{}\n", error->message, details ? details : "");
        g_error_free(error);
        g_free(details);
    }
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return !failed;
}

}  // namespace

int main(int argc, char** argv) {
    gst_init(nullptr, nullptr);
    if (argc < 2 || !sluice::gst::register_static_plugin()) return 2;
    GError* error = nullptr;
    GstElement* parsed = gst_parse_launch(argv[1], &error);
    if (error) {
        fmt::print(stderr, "time_pipeline: {}\n", error->message);
        return 2;
    }
    sluice::gst::ObjectPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(parsed)));
    if (argc > 2 && std::atoi(argv[2]) > 0) {
        g_signal_connect(pipeline.get(),
                         "deep-element-added",
                         G_CALLBACK(limit_threads),
                         GINT_TO_POINTER(std::atoi(argv[2])));
    }
    Count count;
    if (argc > 3) count.warm_up = std::atof(argv[3]);
    if (argc > 4) count.most = std::atof(argv[4]);
    GstIterator* sinks = gst_bin_iterate_sinks(GST_BIN(pipeline.get()));
    gst_iterator_foreach(sinks, watch_sink, &count);
    gst_iterator_free(sinks);
    if (!run_to_end(pipeline.get())) return 1;
    if (count.frames == count.first_frames) {
        fmt::print(stderr, "time_pipeline: it ended before the clock started\n");
        return 1;
    }
    double seconds = sluice::to_seconds(count.last - count.first);
    double fps = static_cast<double>(count.frames - count.first_frames) / seconds;
    fmt::print(
        "{{\"frames\": {}, \"seconds\": {:.4f}, \"fps\": {:.2f}}}\n", count.frames, seconds, fps);
}
