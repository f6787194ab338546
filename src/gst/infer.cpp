// sluiceinfer: runs a network on frames, or on objects that an earlier one found. The sink pad's
// thread pre-processes and starts requests; the source pad's task waits for them in order, decodes
// and pushes.

#include <atomic>
#include <memory>
#include <unordered_map>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/infer_queue.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"
#include "sluice/metrics/counter.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink",
                            GST_PAD_SINK,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));

/// What lives from READY to READY: the loaded model and everything in flight.
struct Session {
    Session(InferSettings s,
            std::unique_ptr<infer::Runner> r,
            std::vector<infer::Runner::Slot> slots)
        : settings(std::move(s)), runner(std::move(r)), queue(std::move(slots)) {}

    const InferSettings settings;
    std::unique_ptr<infer::Runner> runner;
    InferQueue queue;
    Mutex cache_mutex;
    infer::ObjectCache cache SLUICE_GUARDED_BY(cache_mutex);

    // The sink pad's thread only.
    GstVideoInfo info{};
    std::uint64_t batches = 0;
    std::vector<infer::Crop> crops;
    std::vector<infer::ItemPlace> places;

    std::atomic<GstFlowReturn> flow{GST_FLOW_OK};
    metrics::Histogram preprocess;
    metrics::Histogram inference;
    metrics::Histogram postprocess;
    metrics::Counter bad_frames;
};

struct State {
    InferSettings settings;            ///< guarded by the object lock
    std::shared_ptr<Session> session;  ///< the pointer is guarded by the object lock
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

std::shared_ptr<Session> session_of(SluiceInfer* self) {
    GST_OBJECT_LOCK(self);
    auto session = self->state->session;
    GST_OBJECT_UNLOCK(self);
    return session;
}

// ---- the sink pad's thread: pre-process and start -----------------------------------------------

/// Fills slots one after the other and starts each that is full.
class Feeder {
public:
    explicit Feeder(Session& session) : session_(session) {}

    Result<void> add(GstBuffer* pixels, const GstVideoInfo& info, infer::ItemPlace place) {
        if (!slot_) slot_ = session_.queue.take_slot();
        if (!slot_) return {};  // flushing
        TimePoint begin = now();
        auto frame = SLUICE_TRY(MappedFrame::map(pixels, info, MappedFrame::Access::kRead));
        SLUICE_TRY(session_.runner->add(*slot_, frame.view(), place));
        session_.preprocess.record(now() - begin);
        return session_.runner->full(*slot_) ? start() : Result<void>();
    }

    Result<void> start() {
        if (!slot_) return {};
        infer::Runner::Slot* slot = std::exchange(slot_, nullptr);
        if (slot->size() == 0) {
            session_.queue.give_back(slot);
            return {};
        }
        auto submitted = session_.runner->submit(*slot);
        if (!submitted) {
            session_.runner->discard(*slot);
            session_.queue.give_back(slot);
            return submitted;
        }
        session_.queue.push(RunningSlot{slot, now()});
        return {};
    }

private:
    Session& session_;
    infer::Runner::Slot* slot_ = nullptr;
};

bool skipped(const Session& session, const meta::Frame& frame) {
    auto period = static_cast<std::uint64_t>(session.settings.interval) + 1;
    std::uint64_t count =
        session.settings.interval_unit == IntervalUnit::kBatch ? session.batches : frame.sequence;
    return count % period != 0;
}

// A frame that cannot be read is reported (not each time) and passes without objects.
void report_bad_frame(SluiceInfer* self,
                      Session& session,
                      const meta::Frame& frame,
                      const Error& error) {
    session.bad_frames.add();
    std::uint64_t count = session.bad_frames.value();
    if ((count & (count - 1)) != 0) return;
    post_warning(GST_ELEMENT(self),
                 invalid_argument(fmt::format("source {}, frame {}: {} ({} such frames so far)",
                                              frame.source.value,
                                              frame.sequence,
                                              error.text(),
                                              count)));
}

void feed_frames(SluiceInfer* self, Session& session, GstBuffer* buffer, BatchPayload& payload) {
    Feeder feeder(session);
    for (std::size_t i = 0; i < payload.batch.frames.size(); ++i) {
        meta::Frame& frame = payload.batch.frames[i];
        if (skipped(session, frame)) {
            if (frame.inference == meta::Inference::kNone) {
                frame.inference = meta::Inference::kSkipped;
            }
            continue;
        }
        frame.inference = meta::Inference::kDone;
        auto added = feeder.add(
            pixel_buffer(buffer, payload, i), payload.pixels[i].info, infer::whole_frame(frame));
        if (!added) {
            frame.inference = meta::Inference::kNone;
            report_bad_frame(self, session, frame, added.error());
        }
    }
    if (auto started = feeder.start(); !started) post_error(GST_ELEMENT(self), started.error());
}

void feed_objects(SluiceInfer* self, Session& session, GstBuffer* buffer, BatchPayload& payload) {
    bool cached = session.runner->classifies();
    {
        MutexLock lock(session.cache_mutex);
        infer::select_crops(session.settings.secondary,
                            payload.batch.frames,
                            cached ? &session.cache : nullptr,
                            session.crops);
    }
    // Taken down before the first request starts: from then on objects belong to the other thread.
    session.places.clear();
    for (const infer::Crop& crop : session.crops) {
        session.places.push_back(infer::object_of(payload.batch.frames[crop.frame], crop.object));
    }
    Feeder feeder(session);
    for (std::size_t i = 0; i < session.crops.size(); ++i) {
        std::size_t index = session.crops[i].frame;
        const infer::ItemPlace& place = session.places[i];
        auto added =
            feeder.add(pixel_buffer(buffer, payload, index), payload.pixels[index].info, place);
        if (!added) {
            report_bad_frame(self, session, *place.frame, added.error());
            MutexLock lock(session.cache_mutex);
            session.cache.forget(place.frame->source, place.track);
        }
    }
    if (auto started = feeder.start(); !started) post_error(GST_ELEMENT(self), started.error());
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* input) {
    SluiceInfer* self = self_of(parent);
    BufferRef buffer(gst_buffer_make_writable(input));
    std::shared_ptr<Session> session = session_of(self);
    if (!session) return GST_FLOW_FLUSHING;
    return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        if (session->flow != GST_FLOW_OK) return session->flow.load();
        BatchPayload& payload = ensure_payload(buffer.get(), session->info);
        if (session->settings.process_mode == 1) {
            feed_frames(self, *session, buffer.get(), payload);
        } else {
            feed_objects(self, *session, buffer.get(), payload);
        }
        ++session->batches;
        if (!session->queue.push(std::move(buffer))) {
            return session->flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : session->flow.load();
        }
        return GST_FLOW_OK;
    });
}

void take_caps(SluiceInfer* self, Session& session, GstCaps* caps) {
    const GstStructure* first = gst_caps_get_structure(caps, 0);
    gint batch_size = 0;
    if (!gst_structure_has_name(first, SLUICE_BATCH_CAPS)) {
        gst_video_info_from_caps(&session.info, caps);
    } else if (gst_structure_get_int(first, "batch-size", &batch_size) && batch_size > 0 &&
               session.settings.process_mode == 1 && session.settings.batch_size > 0 &&
               session.settings.batch_size != batch_size) {
        post_warning(
            GST_ELEMENT(self),
            invalid_argument(fmt::format("batch-size is {} here and {} at the mux; set both to {}",
                                         session.settings.batch_size,
                                         batch_size,
                                         batch_size)));
    }
}

// ---- the source pad's task: wait, decode, push
// ---------------------------------------------------

void finish_slot(SluiceInfer* self, Session& session, const RunningSlot& running) {
    infer::Runner& runner = *session.runner;
    // Waiting is the engine's time, what follows is ours: both are measured inside finish().
    auto waited = runner.wait(*running.slot);
    TimePoint done = now();
    session.inference.record(done - running.started);
    if (waited) {
        MutexLock lock(session.cache_mutex);
        waited = runner.read(*running.slot, runner.classifies() ? &session.cache : nullptr);
    }
    session.postprocess.record(now() - done);
    session.queue.give_back(running.slot);
    if (!waited) post_error(GST_ELEMENT(self), waited.error());
}

GstFlowReturn push_buffer(SluiceInfer* self, Session& session, BufferRef buffer) {
    BatchPayload& payload = *find_payload(buffer.get());
    TimePoint time = now();
    bool cached = session.settings.process_mode == 2 && session.runner->classifies();
    MutexLock lock(session.cache_mutex);
    for (meta::Frame& frame : payload.batch.frames) {
        frame.times[meta::Stage::kInferred] = time;
        if (!cached) continue;
        infer::attach_cached(session.settings.secondary,
                             session.cache,
                             static_cast<std::uint32_t>(session.settings.unique_id),
                             frame);
    }
    return gst_pad_push(self->src, buffer.release());
}

void push_event(SluiceInfer* self, Session& session, EventRef event) {
    guint source_id = 0;
    if (parse_source_end(event.get(), source_id)) {
        MutexLock lock(session.cache_mutex);
        session.cache.drop_source(meta::SourceId(source_id));
    }
    gst_pad_push_event(self->src, event.release());
}

void loop(gpointer data) {
    SluiceInfer* self = self_of(data);
    std::shared_ptr<Session> session = session_of(self);
    std::optional<InferItem> item = session ? session->queue.pop() : std::nullopt;
    if (!item) {
        gst_pad_pause_task(self->src);
        return;
    }
    GstFlowReturn flow = guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        if (auto* running = std::get_if<RunningSlot>(&*item)) {
            finish_slot(self, *session, *running);
        } else if (auto* buffer = std::get_if<BufferRef>(&*item)) {
            return push_buffer(self, *session, std::move(*buffer));
        } else {
            push_event(self, *session, std::move(std::get<EventRef>(*item)));
        }
        return GST_FLOW_OK;
    });
    if (flow == GST_FLOW_OK) return;
    session->flow = flow;
    session->queue.set_flushing(true);
    gst_pad_pause_task(self->src);
    if (post_flow_error(GST_ELEMENT(self), flow)) {
        gst_pad_push_event(self->src, gst_event_new_eos());
    }
}

void drain(Session& session) {
    for (InferItem& item : session.queue.take_all()) {
        auto* running = std::get_if<RunningSlot>(&item);
        if (!running) continue;
        (void)session.runner->wait(*running->slot);
        session.runner->discard(*running->slot);
        session.queue.give_back(running->slot);
    }
}

gboolean activate_src(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH) return FALSE;
    std::shared_ptr<Session> session = session_of(self_of(parent));
    if (active) {
        if (session) session->queue.set_flushing(false);
        return gst_pad_start_task(pad, loop, parent, nullptr);
    }
    if (session) session->queue.set_flushing(true);
    return gst_pad_stop_task(pad);
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    SluiceInfer* self = self_of(parent);
    std::shared_ptr<Session> session = session_of(self);
    if (!session) return gst_pad_event_default(pad, parent, event);
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_FLUSH_START:
            session->queue.set_flushing(true);
            gst_pad_push_event(self->src, event);
            gst_pad_pause_task(self->src);
            return TRUE;
        case GST_EVENT_FLUSH_STOP:
            drain(*session);
            session->flow = GST_FLOW_OK;
            session->queue.set_flushing(false);
            gst_pad_push_event(self->src, event);
            return gst_pad_start_task(self->src, loop, self, nullptr);
        case GST_EVENT_CAPS: {
            GstCaps* caps = nullptr;
            gst_event_parse_caps(event, &caps);
            take_caps(self, *session, caps);
            break;
        }
        default:
            break;
    }
    if (!GST_EVENT_IS_SERIALIZED(event)) return gst_pad_event_default(pad, parent, event);
    return session->queue.push(EventRef(event));
}

gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
    gboolean answered = gst_pad_query_default(pad, parent, query);
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return answered;
    // Decoders may keep their own strides and padding: nothing is copied for us.
    if (!gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr)) {
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    }
    return TRUE;
}

// ---- life cycle and properties
// -------------------------------------------------------------------

Result<std::shared_ptr<Session>> open(const InferSettings& settings) {
    infer::RunnerOptions options = SLUICE_TRY(runner_options(settings));
    auto runner = SLUICE_TRY(infer::Runner::create(options));
    // One more than are in flight: the next is filled while they run.
    std::vector<infer::Runner::Slot> slots;
    for (int i = 0; i <= runner->engine().request_count(); ++i) {
        slots.push_back(SLUICE_TRY(runner->make_slot()));
    }
    return std::make_shared<Session>(settings, std::move(runner), std::move(slots));
}

bool start(SluiceInfer* self) {
    GST_OBJECT_LOCK(self);
    InferSettings settings = self->state->settings;
    GST_OBJECT_UNLOCK(self);
    auto session = guarded(GST_ELEMENT(self),
                           Result<std::shared_ptr<Session>>(internal_error("")),
                           [&] { return open(settings); });
    if (!session) {
        post_error(GST_ELEMENT(self), session.error());
        return false;
    }
    GST_INFO_OBJECT(self,
                    "%s; %s",
                    (*session)->runner->description().summary.c_str(),
                    (*session)->runner->engine().description().c_str());
    GST_OBJECT_LOCK(self);
    self->state->session = std::move(*session);
    GST_OBJECT_UNLOCK(self);
    return true;
}

void stop(SluiceInfer* self) {
    std::shared_ptr<Session> session = session_of(self);
    if (session) drain(*session);
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
    } else {
        set = set_option(settings, value, spec);
    }
    GST_OBJECT_UNLOCK(object);
    if (!set) post_warning(GST_ELEMENT(object), set.error());
}

GstStructure* make_stats(SluiceInfer* self) {
    GstStructure* stats = gst_structure_new_empty("sluiceinfer-stats");
    if (std::shared_ptr<Session> session = session_of(self)) {
        add_latency(stats, "preprocess", session->preprocess.snapshot());
        add_latency(stats, "inference", session->inference.snapshot());
        add_latency(stats, "postprocess", session->postprocess.snapshot());
        gst_structure_set(stats,
                          "bad-frames",
                          G_TYPE_UINT64,
                          session->bad_frames.value(),
                          "model",
                          G_TYPE_STRING,
                          session->runner->description().summary.c_str(),
                          "engine",
                          G_TYPE_STRING,
                          session->runner->engine().description().c_str(),
                          nullptr);
    }
    return stats;
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
    } else {
        get_option(settings, value, spec);
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
    id = install_options<infer::SecondaryOptions>(object, "SluiceInfer", id);
    id = install_options<infer::PreprocessOptions>(object, "SluiceInfer", id);
    id = install_options<infer::HeadOptions>(object, "SluiceInfer", id);
    id = install_options<infer::ClassAttributes>(object, "SluiceInfer", id);
    id = install_options<infer::PostprocessOptions>(object, "SluiceInfer", id);
    id = install_options<infer::ClassifierOptions>(object, "SluiceInfer", id);
    g_object_class_install_property(
        object, id, stats_spec("times of pre-processing, inference and post-processing, in ns"));

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
