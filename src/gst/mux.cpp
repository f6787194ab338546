// sluicemux: gathers frames of many sources into batches, by reference. What goes together is
// mux::BatchFormer's decision; this file gives it threads.

#include <memory>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/mux_queue.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS));
GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS(SLUICE_VIDEO_CAPS));

// ---- a sink pad: one source

struct SluiceMuxPad {
    GstPad parent;
    guint source_id;
    mux::SourceOptions
        options;  ///< guarded by the pad's object lock, which goes before the queue's
    // The pad's streaming thread only.
    GstVideoInfo info;
    GstSegment segment;
    bool asked_whether_live;
};
struct SluiceMuxPadClass {
    GstPadClass parent_class;
};

G_DEFINE_TYPE(SluiceMuxPad, sluice_mux_pad, GST_TYPE_PAD)

SluiceMuxPad* pad_of(gpointer object) {
    return static_cast<SluiceMuxPad*>(object);
}

// ---- the element

struct SluiceMux {
    GstElement parent;
    GstPad* src;
    MuxQueue* queue;
    bool started;  ///< the source pad's task only: its first events are out
};
struct SluiceMuxClass {
    GstElementClass parent_class;
};

G_DEFINE_TYPE(SluiceMux, sluice_mux, GST_TYPE_ELEMENT)

SluiceMux* self_of(gpointer object) {
    return static_cast<SluiceMux*>(object);
}

memory::Handle to_handle(FramePixels pixels) {
    return {new FramePixels(std::move(pixels)),
            [](void* p) { delete static_cast<FramePixels*>(p); }};
}

FramePixels from_handle(memory::Handle& handle) {
    return std::move(*static_cast<FramePixels*>(handle.get()));
}

mux::Entry make_entry(SluiceMuxPad* pad, BufferRef buffer, GstClockTime running_time) {
    mux::Entry entry;
    entry.frame.source = meta::SourceId(pad->source_id);
    entry.frame.source_size = {GST_VIDEO_INFO_WIDTH(&pad->info), GST_VIDEO_INFO_HEIGHT(&pad->info)};
    if (GST_BUFFER_PTS_IS_VALID(buffer.get())) {
        entry.frame.pts_ns = static_cast<std::int64_t>(GST_BUFFER_PTS(buffer.get()));
    }
    entry.bytes = gst_buffer_get_size(buffer.get());
    entry.pixels = to_handle({std::move(buffer), pad->info, running_time});
    return entry;
}

// Cameras and the like say so in the latency query.
void ask_whether_live(SluiceMux* self, SluiceMuxPad* pad) {
    pad->asked_whether_live = true;
    GstQuery* query = gst_query_new_latency();
    gboolean live = FALSE;
    if (gst_pad_peer_query(GST_PAD(pad), query))
        gst_query_parse_latency(query, &live, nullptr, nullptr);
    gst_query_unref(query);
    GST_OBJECT_LOCK(pad);
    pad->options.live = live;
    self->queue->set_source_options(meta::SourceId(pad->source_id), pad->options);
    GST_OBJECT_UNLOCK(pad);
}

GstFlowReturn chain(GstPad* gst_pad, GstObject* parent, GstBuffer* input) {
    SluiceMux* self = self_of(parent);
    SluiceMuxPad* pad = pad_of(gst_pad);
    BufferRef buffer(input);
    return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        if (GST_VIDEO_INFO_FORMAT(&pad->info) == GST_VIDEO_FORMAT_UNKNOWN) {
            return GST_FLOW_NOT_NEGOTIATED;
        }
        if (!pad->asked_whether_live) ask_whether_live(self, pad);
        GstClockTime running_time = GST_BUFFER_PTS(input);
        if (GST_CLOCK_TIME_IS_VALID(running_time) && pad->segment.format == GST_FORMAT_TIME) {
            running_time =
                gst_segment_to_running_time(&pad->segment, GST_FORMAT_TIME, running_time);
            if (!GST_CLOCK_TIME_IS_VALID(running_time)) return GST_FLOW_OK;  // outside the segment
        }
        mux::Entry entry = make_entry(pad, std::move(buffer), running_time);
        return self->queue->push(entry);
    });
}

// ---- the source pad's task

void push_start(SluiceMux* self, int batch_size) {
    if (std::exchange(self->started, true)) return;
    // A stream of many streams: GStreamer makes no id for such a one from upstream's.
    CString id(
        g_strdup_printf("%s-%08x%08x", GST_OBJECT_NAME(self), g_random_int(), g_random_int()));
    gst_pad_push_event(self->src, gst_event_new_stream_start(id.get()));
    CapsRef caps(gst_caps_new_empty_simple(SLUICE_BATCH_CAPS));
    if (batch_size > 0) {
        gst_caps_set_simple(caps.get(), "batch-size", G_TYPE_INT, batch_size, nullptr);
    }
    gst_pad_push_event(self->src, gst_event_new_caps(caps.get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->src, gst_event_new_segment(&segment));
}

BufferRef to_buffer(mux::Formed& formed) {
    BatchPayload payload;
    payload.batch = std::move(formed.batch);
    payload.pixels.reserve(formed.pixels.size());
    GstClockTime earliest = GST_CLOCK_TIME_NONE;
    for (memory::Handle& handle : formed.pixels) {
        payload.pixels.push_back(from_handle(handle));
        // NONE is the largest number.
        earliest = std::min(earliest, payload.pixels.back().running_time);
    }
    BufferRef buffer(gst_buffer_new());
    GST_BUFFER_PTS(buffer.get()) = earliest;
    attach_payload(buffer.get(), std::move(payload));
    return buffer;
}

GstFlowReturn push_formed(SluiceMux* self, mux::Formed& formed) {
    GstFlowReturn flow = GST_FLOW_OK;
    if (!formed.batch.frames.empty()) {
        flow = gst_pad_push(self->src, to_buffer(formed).release());
    }
    for (meta::SourceId source : formed.ended) {
        gst_pad_push_event(self->src, new_source_end_event(source.value));
    }
    return flow;
}

void loop(gpointer data) {
    SluiceMux* self = self_of(data);
    GstFlowReturn flow = guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        MuxQueue::Next next = self->queue->next();
        if (!next.formed && !next.ended) return GST_FLOW_FLUSHING;
        push_start(self, next.batch_size);
        return next.formed ? push_formed(self, *next.formed) : GST_FLOW_EOS;
    });
    if (flow == GST_FLOW_OK) return;
    gst_pad_pause_task(self->src);
    if (flow == GST_FLOW_FLUSHING) return;
    self->queue->set_flow(flow);
    post_flow_error(GST_ELEMENT(self), flow);
    gst_pad_push_event(self->src, gst_event_new_eos());
}

gboolean activate_src(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH) return FALSE;
    SluiceMux* self = self_of(parent);
    if (active) {
        self->started = false;
        self->queue->set_flushing(false);
        return gst_pad_start_task(pad, loop, parent, nullptr);
    }
    self->queue->set_flushing(true);
    return gst_pad_stop_task(pad);
}

// ---- events and queries

gboolean take_caps(SluiceMuxPad* pad, GstEvent* event) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    return gst_video_info_from_caps(&pad->info, caps);
}

gboolean activate_sink(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH) return FALSE;
    // A new pad is made active before it is the mux's.
    meta::SourceId source(pad_of(pad)->source_id);
    if (parent) self_of(parent)->queue->set_flushing(source, !active);
    return TRUE;
}

gboolean sink_event(GstPad* gst_pad, GstObject* parent, GstEvent* event) {
    MuxQueue& queue = *self_of(parent)->queue;
    SluiceMuxPad* pad = pad_of(gst_pad);
    meta::SourceId source(pad->source_id);
    gboolean taken = TRUE;
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_CAPS:
            taken = take_caps(pad, event);
            break;
        case GST_EVENT_SEGMENT:
            gst_event_copy_segment(event, &pad->segment);
            break;
        case GST_EVENT_EOS:
            queue.end_source(source);
            break;
        case GST_EVENT_FLUSH_STOP:
            // This source starts anew; the others, and the batches on their way, are left alone.
            queue.flush_source(source);
            queue.set_flushing(source, false);
            break;
        case GST_EVENT_FLUSH_START:
            queue.set_flushing(source, true);
            break;
        case GST_EVENT_STREAM_START:
            pad->asked_whether_live = false;
            break;
        default:
            if (!GST_EVENT_IS_SERIALIZED(event)) {
                return gst_pad_event_default(gst_pad, parent, event);
            }
            // One source's own: among batches it has no place.
            break;
    }
    gst_event_unref(event);
    return taken;
}

// Decoders ask whose CUDA context they are to use: that of who reads the frames, else the first
// device's, for without an answer each of them makes a context of its own.
gboolean answer_context(SluiceMux* self, GstQuery* query) {
    constexpr int kFirstDevice = 0;
    return gst_pad_peer_query(self->src, query) ||
           answer_context_query(GST_ELEMENT(self), query, kFirstDevice);
}

gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT) return answer_context(self_of(parent), query);
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) {
        return gst_pad_query_default(pad, parent, query);
    }
    // Decoders may keep their own strides and padding: nothing is copied for us.
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    return TRUE;
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
    gboolean answered = gst_pad_query_default(pad, parent, query);
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || !answered) return answered;
    gboolean live = FALSE;
    GstClockTime least = 0;
    GstClockTime most = 0;
    gst_query_parse_latency(query, &live, &least, &most);
    std::int64_t timeout_us =
        std::max<std::int64_t>(self_of(parent)->queue->options().batched_push_timeout, 0);
    GstClockTime wait = static_cast<GstClockTime>(timeout_us) * GST_USECOND;
    if (GST_CLOCK_TIME_IS_VALID(most)) most += wait;
    gst_query_set_latency(query, live, least + wait, most);
    return TRUE;
}

// ---- pads come and go

GstPad* request_new_pad(GstElement* element,
                        GstPadTemplate* pad_template,
                        const gchar* name,
                        const GstCaps*) {
    MuxQueue& queue = *self_of(element)->queue;
    guint id = 0;
    if (name && sscanf(name, "sink_%u", &id) == 1) {
        if (!queue.add_source(meta::SourceId(id))) return nullptr;
    } else {
        while (!queue.add_source(meta::SourceId(id)))
            ++id;
    }
    CString pad_name(g_strdup_printf("sink_%u", id));
    auto* pad = pad_of(g_object_new(sluice_mux_pad_get_type(),
                                    "name",
                                    pad_name.get(),
                                    "direction",
                                    GST_PAD_SINK,
                                    "template",
                                    pad_template,
                                    nullptr));
    pad->source_id = id;
    gst_pad_set_activatemode_function(GST_PAD(pad), activate_sink);
    gst_pad_set_chain_function(GST_PAD(pad), chain);
    gst_pad_set_event_function(GST_PAD(pad), sink_event);
    gst_pad_set_query_function(GST_PAD(pad), sink_query);
    gst_pad_set_active(GST_PAD(pad), TRUE);
    gst_element_add_pad(element, GST_PAD(pad));
    return GST_PAD(pad);
}

void release_pad(GstElement* element, GstPad* pad) {
    self_of(element)->queue->remove_source(meta::SourceId(pad_of(pad)->source_id));
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element, pad);
}

// A start begins with nothing: no frames, no ends, frame 0. What was counted before can be read
// until then.
GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) self_of(element)->queue->restart();
    return GST_ELEMENT_CLASS(sluice_mux_parent_class)->change_state(element, transition);
}

// ---- properties

GstStructure* make_stats(SluiceMux* self) {
    GstStructure* stats = gst_structure_new_empty("sluicemux-stats");
    mux::MuxCounters counters = self->queue->counters();
    gst_structure_set(stats,
                      "batches",
                      G_TYPE_UINT64,
                      counters.batches,
                      "frames",
                      G_TYPE_UINT64,
                      counters.frames,
                      "fill",
                      G_TYPE_DOUBLE,
                      counters.fill(),
                      nullptr);
    add_latency(stats, "assembly", self->queue->assembly());
    for (const auto& [id, source] : counters.sources) {
        CString name(g_strdup_printf("source-%u", id.value));
        GstStructure* one = gst_structure_new(name.get(),
                                              "in",
                                              G_TYPE_UINT64,
                                              source.in,
                                              "out",
                                              G_TYPE_UINT64,
                                              source.out,
                                              "queued",
                                              G_TYPE_UINT64,
                                              guint64{source.queued},
                                              nullptr);
        for (std::size_t i = 0; i < mux::kDropReasonCount; ++i) {
            std::string field = "dropped-" + std::string(mux::kDropReasonWords[i]);
            gst_structure_set(one, field.c_str(), G_TYPE_UINT64, source.dropped[i], nullptr);
        }
        gst_structure_set(stats, name.get(), GST_TYPE_STRUCTURE, one, nullptr);
        gst_structure_free(one);
    }
    return stats;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    self_of(object)->queue->change_options([&](mux::MuxOptions& options) {
        (void)set_option(options, value, spec);  // its type has been checked
    });
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    SluiceMux* self = self_of(object);
    if (g_str_equal(spec->name, "stats")) {
        g_value_take_boxed(value, make_stats(self));
        return;
    }
    get_option(self->queue->options(), value, spec);
}

void set_pad_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    SluiceMuxPad* pad = pad_of(object);
    ObjectPtr<GstObject> mux(gst_object_get_parent(GST_OBJECT(object)));
    GST_OBJECT_LOCK(pad);
    if (set_option(pad->options, value, spec) && mux) {
        self_of(mux.get())->queue->set_source_options(meta::SourceId(pad->source_id), pad->options);
    }
    GST_OBJECT_UNLOCK(pad);
}

void get_pad_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    get_option(pad_of(object)->options, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete self_of(object)->queue;
    G_OBJECT_CLASS(sluice_mux_parent_class)->finalize(object);
}

void sluice_mux_pad_class_init(SluiceMuxPadClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->set_property = set_pad_property;
    object->get_property = get_pad_property;
    install_options<mux::SourceOptions>(object, "SluiceMuxPad", 1);
}

void sluice_mux_pad_init(SluiceMuxPad* pad) {
    pad->options = {};
    gst_video_info_init(&pad->info);
    gst_segment_init(&pad->segment, GST_FORMAT_UNDEFINED);
}

void sluice_mux_class_init(SluiceMuxClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    guint id = install_options<mux::MuxOptions>(object, "SluiceMux", 1);
    g_object_class_install_property(
        object, id, stats_spec("frames in, out and dropped per source, batch fill"));

    auto* element = GST_ELEMENT_CLASS(type);
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    element->change_state = change_state;
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_add_static_pad_template_with_gtype(
        element, &sink_template, sluice_mux_pad_get_type());
    gst_element_class_set_static_metadata(
        element,
        "Sluice stream multiplexer",
        "Muxer/Video",
        "Gathers frames of many sources into batches, by reference",
        "Sluice developers");
}

void sluice_mux_init(SluiceMux* self) {
    self->queue = new MuxQueue;
    self->src = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_activatemode_function(self->src, activate_src);
    gst_pad_set_query_function(self->src, src_query);
    gst_pad_use_fixed_caps(self->src);
    gst_element_add_pad(GST_ELEMENT(self), self->src);
}

}  // namespace

GType mux_type() {
    return sluice_mux_get_type();
}

}  // namespace sluice::gst
