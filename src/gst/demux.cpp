// sluicedemux: takes a batch apart again, one video/x-raw pad per source.

#include <map>
#include <memory>

#include <gst/base/gstflowcombiner.h>

#include "sluice/base/mutex.h"
#include "sluice/gst/bad_frames.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/frame_writer.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src_%u", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS(SLUICE_VIDEO_CAPS));

/// One source's way out; its streaming thread's own. Kept by who uses it while it is released.
struct Output {
    Output(GstPad* p, guint id) : pad(static_cast<GstPad*>(gst_object_ref_sink(p))), source_id(id) {
        gst_video_info_init(&info);
    }

    ObjectPtr<GstPad> pad;
    guint source_id;
    GstVideoInfo info{};        ///< of the caps last sent; format unknown before the first
    bool on_device = false;     ///< in those caps
    bool takes_device = false;  ///< does the next element take such frames of a device?
    bool ended = false;
    FrameWriter writer;
};

// Pads are requested and released while frames flow.
struct State {
    Mutex mutex;
    std::map<guint, std::shared_ptr<Output>> outputs SLUICE_GUARDED_BY(mutex);
    GstFlowCombiner* flows SLUICE_GUARDED_BY(mutex) = gst_flow_combiner_new();
    BadFrames bad_frames;  ///< passed over
    Crossings crossings;
    explicit State(GstElement* element) : crossings(element) {}
    ~State() { gst_flow_combiner_free(flows); }
};

struct SluiceDemux {
    GstElement parent;
    State* state;
};
struct SluiceDemuxClass {
    GstElementClass parent_class;
};

G_DEFINE_TYPE(SluiceDemux, sluice_demux, GST_TYPE_ELEMENT)

SluiceDemux* self_of(gpointer object) {
    return static_cast<SluiceDemux*>(object);
}

std::shared_ptr<Output> find_output(SluiceDemux* self, guint source_id) {
    MutexLock lock(self->state->mutex);
    auto found = self->state->outputs.find(source_id);
    return found == self->state->outputs.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Output>> all_outputs(SluiceDemux* self) {
    std::vector<std::shared_ptr<Output>> all;
    MutexLock lock(self->state->mutex);
    for (auto& [id, output] : self->state->outputs)
        all.push_back(output);
    return all;
}

/// What the pads together answer upstream, now that one of them said `flow`.
GstFlowReturn combine(SluiceDemux* self,
                      const std::shared_ptr<Output>& output,
                      GstFlowReturn flow) {
    State& state = *self->state;
    MutexLock lock(state.mutex);
    auto found = state.outputs.find(output->source_id);
    bool released = found == state.outputs.end() || found->second != output;
    if (released) return GST_FLOW_OK;
    return gst_flow_combiner_update_pad_flow(state.flows, output->pad.get(), flow);
}

void send_start(SluiceDemux* self, Output& output) {
    GstPad* pad = output.pad.get();
    if (EventRef(gst_pad_get_sticky_event(pad, GST_EVENT_STREAM_START, 0))) return;
    CString id(gst_pad_create_stream_id_printf(pad, GST_ELEMENT(self), "%03u", output.source_id));
    gst_pad_push_event(pad, gst_event_new_stream_start(id.get()));
}

CapsRef device_caps(const GstVideoInfo& info) {
    CapsRef caps(gst_video_info_to_caps(&info));
    gst_caps_set_features_simple(caps.get(), gst_caps_features_new(SLUICE_CUDA_FEATURE, nullptr));
    return caps;
}

/// Frames of a device go out as such where the next element takes them. Else they are copied now,
/// which is counted: from then on their memory is the host's too.
Result<void> send_caps(State& state,
                       Output& output,
                       const FramePixels& pixels,
                       meta::SourceId source) {
    GstPad* pad = output.pad.get();
    const GstVideoInfo& info = pixels.info;
    bool first = GST_VIDEO_INFO_FORMAT(&output.info) == GST_VIDEO_FORMAT_UNKNOWN;
    bool same = gst_video_info_is_equal(&info, &output.info);
    bool device = device_of(pixels.buffer.get()) != memory::kHostMemory;
    if (device && !same) {
        output.takes_device = gst_pad_peer_query_accept_caps(pad, device_caps(info).get());
    }
    device = device && output.takes_device;
    if (!device && copies_to_host(pixels.buffer.get())) {
        SLUICE_TRY(state.crossings.map_on_host(pixels.buffer.get(),
                                               info,
                                               MappedFrame::Access::kRead,
                                               source,
                                               "the next element takes host memory only"));
    }
    if (same && device == output.on_device) return {};
    output.info = info;
    output.on_device = device;
    CapsRef caps = device ? device_caps(info) : CapsRef(gst_video_info_to_caps(&info));
    gst_pad_push_event(pad, gst_event_new_caps(caps.get()));
    if (first) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(pad, gst_event_new_segment(&segment));
    }
    return {};
}

GstFlowReturn push_frame(SluiceDemux* self, BatchPayload& payload, std::size_t index) {
    meta::Frame& frame = payload.batch.frames[index];
    FramePixels& pixels = payload.pixels[index];
    std::shared_ptr<Output> output = find_output(self, frame.source.value);
    if (!output || output->ended) return GST_FLOW_OK;

    State& state = *self->state;
    send_start(self, *output);
    auto ready =
        output->writer.size(pixels, frame, device_of(pixels.buffer.get()), state.crossings);
    if (ready) ready = send_caps(state, *output, pixels, frame.source);
    if (!ready) {
        state.bad_frames.report(GST_ELEMENT(self), frame, ready.error());
        return GST_FLOW_OK;
    }
    GstBuffer* buffer = gst_buffer_make_writable(pixels.buffer.release());
    GST_BUFFER_PTS(buffer) = pixels.running_time;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;

    BatchPayload single;
    single.batch.sequence = payload.batch.sequence;
    single.batch.frames.push_back(std::move(frame));
    single.pixels.push_back({BufferRef(), pixels.info, pixels.running_time});
    attach_payload(buffer, std::move(single));
    return combine(self, output, gst_pad_push(output->pad.get(), buffer));
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    SluiceDemux* self = self_of(parent);
    BufferRef batch(gst_buffer_make_writable(buffer));
    return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        auto payload = batch_payload(batch.get());
        if (!payload) {
            post_error(GST_ELEMENT(self), payload.error());
            return GST_FLOW_ERROR;
        }
        GstFlowReturn flow = GST_FLOW_OK;
        std::size_t count = (*payload)->batch.frames.size();
        for (std::size_t i = 0; i < count && flow == GST_FLOW_OK; ++i) {
            flow = push_frame(self, **payload, i);
        }
        return flow;
    });
}

void end_output(SluiceDemux* self, Output& output) {
    if (std::exchange(output.ended, true)) return;
    send_start(self, output);
    gst_pad_push_event(output.pad.get(), gst_event_new_eos());
}

// After a flush or a stop: caps and segment are sent again, and what had ended may go on.
void reset_outputs(SluiceDemux* self) {
    for (auto& output : all_outputs(self)) {
        output->ended = false;
        gst_video_info_init(&output->info);
    }
    MutexLock lock(self->state->mutex);
    gst_flow_combiner_reset(self->state->flows);
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    SluiceDemux* self = self_of(parent);
    guint source_id = 0;
    switch (GST_EVENT_TYPE(event)) {
        // Each output has its own of these.
        case GST_EVENT_STREAM_START:
        case GST_EVENT_CAPS:
        case GST_EVENT_SEGMENT:
            gst_event_unref(event);
            return TRUE;
        case GST_EVENT_FLUSH_STOP:
            reset_outputs(self);
            break;
        case GST_EVENT_EOS:
            for (auto& output : all_outputs(self))
                end_output(self, *output);
            gst_event_unref(event);
            return TRUE;
        default:
            break;
    }
    if (parse_source_end(event, source_id)) {
        if (auto output = find_output(self, source_id)) end_output(self, *output);
        gst_event_unref(event);
        return TRUE;
    }
    return gst_pad_event_default(pad, parent, event);
}

GstPad* request_new_pad(GstElement* element,
                        GstPadTemplate* pad_template,
                        const gchar* name,
                        const GstCaps*) {
    State& state = *self_of(element)->state;
    guint id = 0;
    GstPad* pad = nullptr;
    {
        MutexLock lock(state.mutex);
        if (!name || sscanf(name, "src_%u", &id) != 1) {
            while (state.outputs.count(id))
                ++id;
        }
        if (state.outputs.count(id)) return nullptr;
        CString pad_name(g_strdup_printf("src_%u", id));
        pad = gst_pad_new_from_template(pad_template, pad_name.get());
        gst_pad_use_fixed_caps(pad);
        state.outputs.emplace(id, std::make_shared<Output>(pad, id));
        gst_flow_combiner_add_pad(state.flows, pad);
    }
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(element, pad);
    return pad;
}

void release_pad(GstElement* element, GstPad* pad) {
    State& state = *self_of(element)->state;
    guint id = 0;
    sscanf(GST_PAD_NAME(pad), "src_%u", &id);
    std::shared_ptr<Output> released;
    {
        MutexLock lock(state.mutex);
        auto found = state.outputs.find(id);
        if (found != state.outputs.end()) released = std::move(found->second);
        state.outputs.erase(id);
        gst_flow_combiner_remove_pad(state.flows, pad);
    }
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element, pad);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    auto result = GST_ELEMENT_CLASS(sluice_demux_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) reset_outputs(self_of(element));
    return result;
}

void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
    g_value_take_boxed(value,
                       crossing_stats("sluicedemux-stats", self_of(object)->state->crossings));
}

void finalize(GObject* object) {
    delete self_of(object)->state;
    G_OBJECT_CLASS(sluice_demux_parent_class)->finalize(object);
}

void sluice_demux_class_init(SluiceDemuxClass* type) {
    G_OBJECT_CLASS(type)->finalize = finalize;
    G_OBJECT_CLASS(type)->get_property = get_property;
    g_object_class_install_property(G_OBJECT_CLASS(type), 1, stats_spec(kCrossingStats));
    auto* element = GST_ELEMENT_CLASS(type);
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    element->change_state = change_state;
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element,
                                          "Sluice stream demultiplexer",
                                          "Demuxer/Video",
                                          "Takes a batch apart: pad src_N gives source N's frames",
                                          "Sluice developers");
}

void sluice_demux_init(SluiceDemux* self) {
    self->state = new State(GST_ELEMENT(self));
    GstPad* sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(sink, chain);
    gst_pad_set_event_function(sink, sink_event);
    gst_element_add_pad(GST_ELEMENT(self), sink);
}

}  // namespace

GType demux_type() {
    return sluice_demux_get_type();
}

}  // namespace sluice::gst
