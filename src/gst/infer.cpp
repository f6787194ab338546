// sluiceinfer: runs a network on frames, or on objects that an earlier one found. The sink pad's
// thread pre-processes and starts requests; the source pad's task waits for them in order, decodes
// and pushes. infer_session.h has what both work on.

#include <memory>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/infer_session.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink",
                            GST_PAD_SINK,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));

struct State {
    InferSettings settings;                 ///< guarded by the object lock
    std::shared_ptr<InferSession> session;  ///< the pointer is guarded by the object lock
    // The sink pad's thread only.
    GstVideoInfo info{};  ///< of plain video
    std::uint64_t plain_frames = 0;
};

struct SluiceInfer {
    GstElement parent;
    GstPad* sink;
    GstPad* src;
    State* state;
};
struct SluiceInferClass {
    GstElementClass parent_class;
};

G_DEFINE_TYPE(SluiceInfer, sluice_infer, GST_TYPE_ELEMENT)

SluiceInfer* self_of(gpointer object) {
    return static_cast<SluiceInfer*>(object);
}

std::shared_ptr<InferSession> session_of(SluiceInfer* self) {
    GST_OBJECT_LOCK(self);
    auto session = self->state->session;
    GST_OBJECT_UNLOCK(self);
    return session;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* input) {
    SluiceInfer* self = self_of(parent);
    BufferRef buffer(gst_buffer_make_writable(input));
    std::shared_ptr<InferSession> session = session_of(self);
    if (!session) return GST_FLOW_FLUSHING;
    return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        if (session->flow != GST_FLOW_OK) return session->flow.load();
        State& state = *self->state;
        auto payload = ensure_payload(buffer.get(), state.info, state.plain_frames);
        if (!payload) {
            post_error(GST_ELEMENT(self), payload.error());
            return GST_FLOW_ERROR;
        }
        session->feed(buffer.get(), **payload);
        if (!session->queue().push(std::move(buffer))) {
            return session->flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : session->flow.load();
        }
        return GST_FLOW_OK;
    });
}

gboolean take_caps(SluiceInfer* self, const InferSettings& settings, GstCaps* caps) {
    const GstStructure* first = gst_caps_get_structure(caps, 0);
    GstVideoInfo& info = self->state->info;
    gst_video_info_init(&info);
    if (!gst_structure_has_name(first, SLUICE_BATCH_CAPS)) {
        return gst_video_info_from_caps(&info, caps);
    }
    gint theirs = 0;
    gst_structure_get_int(first, "batch-size", &theirs);
    int ours = settings.batch_size;
    if (settings.process_mode == 1 && ours > 0 && theirs > 0 && ours != theirs) {
        post_warning(GST_ELEMENT(self),
                     invalid_argument(fmt::format("batch-size is {} here and {} at the mux; set "
                                                  "both to {}",
                                                  ours,
                                                  theirs,
                                                  theirs)));
    }
    return TRUE;
}

// ---- the source pad's task: wait, decode, push

GstFlowReturn push_item(SluiceInfer* self, InferSession& session, InferItem item) {
    guint source_id = 0;
    if (auto* running = std::get_if<RunningSlot>(&item)) {
        session.finish(*running);
    } else if (auto* buffer = std::get_if<BufferRef>(&item)) {
        session.complete(find_payload(buffer->get())->batch);
        return gst_pad_push(self->src, buffer->release());
    } else {
        EventRef& event = std::get<EventRef>(item);
        if (parse_source_end(event.get(), source_id)) session.forget(meta::SourceId(source_id));
        gst_pad_push_event(self->src, event.release());
    }
    return GST_FLOW_OK;
}

void loop(gpointer data) {
    SluiceInfer* self = self_of(data);
    std::shared_ptr<InferSession> session = session_of(self);
    std::optional<InferItem> item = session ? session->queue().pop() : std::nullopt;
    if (!item) {
        gst_pad_pause_task(self->src);
        return;
    }
    GstFlowReturn flow = guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        return push_item(self, *session, std::move(*item));
    });
    if (flow == GST_FLOW_OK) return;
    session->flow = flow;
    session->queue().set_flushing(true);
    gst_pad_pause_task(self->src);
    if (post_flow_error(GST_ELEMENT(self), flow)) {
        gst_pad_push_event(self->src, gst_event_new_eos());
    }
}

gboolean activate_src(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH) return FALSE;
    std::shared_ptr<InferSession> session = session_of(self_of(parent));
    if (active) {
        if (session) session->queue().set_flushing(false);
        return gst_pad_start_task(pad, loop, parent, nullptr);
    }
    if (session) session->queue().set_flushing(true);
    return gst_pad_stop_task(pad);
}

// A flush ends a segment and a stream's end; what else holds from an event on, as caps do, nobody
// sends again.
void keep(GstPad* src, GstEvent* event) {
    if (!GST_EVENT_IS_STICKY(event) || GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT ||
        GST_EVENT_TYPE(event) == GST_EVENT_EOS)
        return;
    gst_pad_store_sticky_event(src, event);
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    SluiceInfer* self = self_of(parent);
    std::shared_ptr<InferSession> session = session_of(self);
    if (!session) return gst_pad_event_default(pad, parent, event);
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_FLUSH_START:
            session->queue().set_flushing(true);
            gst_pad_push_event(self->src, event);
            gst_pad_pause_task(self->src);
            return TRUE;
        case GST_EVENT_FLUSH_STOP:
            for (const EventRef& left : session->drain())
                keep(self->src, left.get());
            session->flow = GST_FLOW_OK;
            session->queue().set_flushing(false);
            gst_pad_push_event(self->src, event);
            return gst_pad_start_task(self->src, loop, self, nullptr);
        case GST_EVENT_CAPS: {
            GstCaps* caps = nullptr;
            gst_event_parse_caps(event, &caps);
            if (take_caps(self, session->settings(), caps)) break;
            gst_event_unref(event);
            return FALSE;
        }
        default:
            break;
    }
    if (!GST_EVENT_IS_SERIALIZED(event)) return gst_pad_event_default(pad, parent, event);
    return session->queue().push(EventRef(event));
}

// Decoders upstream ask whose CUDA context they are to use: the network's.
gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT) {
        GST_OBJECT_LOCK(parent);
        int device = likely_device(self_of(parent)->state->settings);
        GST_OBJECT_UNLOCK(parent);
        if (answer_context_query(GST_ELEMENT(parent), query, device)) return TRUE;
    }
    return gst_pad_query_default(pad, parent, query);
}

// ---- life cycle and properties

bool start(SluiceInfer* self) {
    GST_OBJECT_LOCK(self);
    InferSettings settings = self->state->settings;
    GST_OBJECT_UNLOCK(self);
    auto session = guarded(GST_ELEMENT(self),
                           Result<std::shared_ptr<InferSession>>(internal_error("")),
                           [&] { return InferSession::open(settings, GST_ELEMENT(self)); });
    if (!session) {
        post_error(GST_ELEMENT(self), session.error());
        return false;
    }
    GST_INFO_OBJECT(self, "%s", (*session)->description().c_str());
    gst_video_info_init(&self->state->info);
    self->state->plain_frames = 0;
    GST_OBJECT_LOCK(self);
    self->state->session = std::move(*session);
    GST_OBJECT_UNLOCK(self);
    return true;
}

void stop(SluiceInfer* self) {
    std::shared_ptr<InferSession> session = session_of(self);
    if (session) session->drain();
    GST_OBJECT_LOCK(self);
    self->state->session.reset();
    GST_OBJECT_UNLOCK(self);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    SluiceInfer* self = self_of(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self)) {
        return GST_STATE_CHANGE_FAILURE;
    }
    auto result = GST_ELEMENT_CLASS(sluice_infer_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop(self);
    return result;
}

bool is_description(const char* name) {
    return has_option<infer::PreprocessOptions>(name) || has_option<infer::HeadOptions>(name) ||
           has_option<infer::ClassAttributes>(name) ||
           has_option<infer::PostprocessOptions>(name) ||
           has_option<infer::ClassifierOptions>(name);
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    InferSettings& settings = self_of(object)->state->settings;
    Result<void> set;
    GST_OBJECT_LOCK(object);
    if (has_option<infer::SecondaryOptions>(spec->name)) {
        set = set_option(settings.secondary, value, spec);
    } else if (is_description(spec->name)) {
        settings.description[spec->name] = detail::text_of(value);
    } else if (has_option<InferSettings>(spec->name)) {
        set = set_option(settings, value, spec);
    } else {
        set = set_option(settings.engine, value, spec);
    }
    GST_OBJECT_UNLOCK(object);
    if (!set) post_warning(GST_ELEMENT(object), set.error());
}

GstStructure* make_stats(SluiceInfer* self) {
    std::shared_ptr<InferSession> session = session_of(self);
    return session ? session->make_stats() : gst_structure_new_empty("sluiceinfer-stats");
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    SluiceInfer* self = self_of(object);
    if (g_str_equal(spec->name, "stats")) {
        g_value_take_boxed(value, make_stats(self));
        return;
    }
    GST_OBJECT_LOCK(object);
    InferSettings& settings = self->state->settings;
    if (get_option(settings.secondary, value, spec)) {
        // There is nothing more to do.
    } else if (is_description(spec->name)) {
        g_param_value_set_default(spec, value);
        auto found = settings.description.find(spec->name);
        if (found != settings.description.end()) {
            gst_value_deserialize(value, found->second.c_str());
        }
    } else if (!get_option(settings, value, spec)) {
        get_option(settings.engine, value, spec);
    }
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete self_of(object)->state;
    G_OBJECT_CLASS(sluice_infer_parent_class)->finalize(object);
}

void sluice_infer_class_init(SluiceInferClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    guint id = install_options<InferSettings>(object, "SluiceInfer", 1);
    id = install_options<infer::EngineOptions>(object, "SluiceInfer", id);
    id = install_options<infer::SecondaryOptions>(object, "SluiceInfer", id);
    id = install_options<infer::PreprocessOptions>(object, "SluiceInfer", id);
    id = install_options<infer::HeadOptions>(object, "SluiceInfer", id);
    id = install_options<infer::ClassAttributes>(object, "SluiceInfer", id);
    id = install_options<infer::PostprocessOptions>(object, "SluiceInfer", id);
    id = install_options<infer::ClassifierOptions>(object, "SluiceInfer", id);
    g_object_class_install_property(
        object,
        id,
        stats_spec("times of pre-processing, inference and post-processing, in ns; frames copied "
                   "between host and device"));

    auto* element = GST_ELEMENT_CLASS(type);
    element->change_state = change_state;
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element,
                                          "Sluice inference",
                                          "Filter/Analyzer/Video",
                                          "Runs a network on frames or on objects in them",
                                          "Sluice developers");
}

void sluice_infer_init(SluiceInfer* self) {
    self->state = new State;
    self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, sink_event);
    gst_pad_set_query_function(self->sink, sink_query);
    GST_PAD_SET_PROXY_CAPS(self->sink);
    gst_element_add_pad(GST_ELEMENT(self), self->sink);
    self->src = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_activatemode_function(self->src, activate_src);
    GST_PAD_SET_PROXY_CAPS(self->src);
    gst_element_add_pad(GST_ELEMENT(self), self->src);
}

}  // namespace

GType infer_type() {
    return sluice_infer_get_type();
}

}  // namespace sluice::gst
