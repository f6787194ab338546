// sluiceosd: draws boxes, labels, trails and the user's own shapes onto the frames.

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <gst/base/gstbasetransform.h>

#include "sluice/gst/bad_frames.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/frame_writer.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"
#include "sluice/osd/renderer.h"
#include "sluice/osd/scene.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink",
                            GST_PAD_SINK,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_VIDEO_CAPS));

struct Session {
    osd::Scene scene;
    std::unique_ptr<osd::Renderer> renderer;
    std::map<guint, FrameWriter> writers;
    std::uint64_t plain_frames = 0;
};

struct State {
    explicit State(GstElement* element) : crossings(element) {}
    osd::OsdOptions options;  ///< guarded by the object lock
    BadFrames bad_frames;
    Crossings crossings;
    // The streaming thread's own.
    std::optional<Session> session;
    GstVideoInfo info;
};

struct SluiceOsd {
    GstBaseTransform parent;
    State* state;
};
struct SluiceOsdClass {
    GstBaseTransformClass parent_class;
};

G_DEFINE_TYPE(SluiceOsd, sluice_osd, GST_TYPE_BASE_TRANSFORM)

State& state_of(gpointer object) {
    return *static_cast<SluiceOsd*>(object)->state;
}

Result<Session> open(const osd::OsdOptions& options) {
    auto scene = SLUICE_TRY(osd::Scene::create(options));
    auto renderer = SLUICE_TRY(osd::Renderer::create(options));
    return Session{std::move(scene), std::move(renderer), {}, 0};
}

gboolean start(GstBaseTransform* base) {
    State& state = state_of(base);
    GST_OBJECT_LOCK(base);
    osd::OsdOptions options = state.options;
    GST_OBJECT_UNLOCK(base);
    auto session = guarded(
        GST_ELEMENT(base), Result<Session>(internal_error("")), [&] { return open(options); });
    if (!session) {
        post_error(GST_ELEMENT(base), session.error());
        return FALSE;
    }
    state.session.emplace(std::move(*session));
    return TRUE;
}

gboolean stop(GstBaseTransform* base) {
    state_of(base).session.reset();
    return TRUE;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
    GstVideoInfo& info = state_of(base).info;
    gst_video_info_init(&info);
    if (gst_structure_has_name(gst_caps_get_structure(in, 0), SLUICE_BATCH_CAPS)) return TRUE;
    return gst_video_info_from_caps(&info, in);
}

/// Frames of a batch that stay mapped until all of them are drawn.
using MappedFrames = std::vector<MappedFrame>;

/// Where a frame is drawn on: where it lies, or on the host.
int drawing_place(State& state, GstBuffer* pixels) {
    int device = device_of(pixels);
    return state.session->renderer->reaches(device) ? device : memory::kHostMemory;
}

Result<void> draw(State& state,
                  GstBuffer* pixels,
                  const GstVideoInfo& info,
                  int place,
                  const meta::Frame& frame,
                  MappedFrames& mapped) {
    constexpr auto kWrite = MappedFrame::Access::kWrite;
    Session& session = *state.session;
    mapped.push_back(
        SLUICE_TRY(place == memory::kHostMemory
                       ? state.crossings.map_on_host(
                             pixels, info, kWrite, frame.source, "the CPU draws on them")
                       : MappedFrame::map(pixels, info, kWrite)));
    return session.renderer->draw(mapped.back().mutable_view(), session.scene.build(frame));
}

Result<void> draw_frame(
    State& state, GstBuffer* carrier, BatchPayload& payload, std::size_t i, MappedFrames& mapped) {
    meta::Frame& frame = payload.batch.frames[i];
    FramePixels& pixels = payload.pixels[i];
    int place = drawing_place(state, pixels.buffer ? pixels.buffer.get() : carrier);
    if (!pixels.buffer) return draw(state, carrier, pixels.info, place, frame, mapped);
    FrameWriter& writer = state.session->writers[frame.source.value];
    SLUICE_TRY(writer.make_writable(pixels, frame, place, state.crossings));
    return draw(state, pixels.buffer.get(), pixels.info, place, frame, mapped);
}

/// Frames that cannot be drawn on pass as they are.
Result<void> draw_frames(GstElement* element, State& state, GstBuffer* buffer) {
    Session& session = *state.session;
    BatchPayload& payload = *SLUICE_TRY(ensure_payload(buffer, state.info, session.plain_frames));
    MappedFrames mapped;
    for (std::size_t i = 0; i < payload.batch.frames.size(); ++i) {
        auto drawn = draw_frame(state, buffer, payload, i, mapped);
        if (!drawn) state.bad_frames.report(element, payload.batch.frames[i], drawn.error());
    }
    SLUICE_TRY(session.renderer->flush());
    for (meta::Frame& frame : payload.batch.frames)
        frame.times[meta::Stage::kDrawn] = now();
    return {};
}

GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
    return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
        auto drawn = draw_frames(GST_ELEMENT(base), state_of(base), buffer);
        if (drawn) return GST_FLOW_OK;
        post_error(GST_ELEMENT(base), drawn.error());
        return GST_FLOW_ERROR;
    });
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
    State& state = state_of(base);
    guint source_id = 0;
    if (state.session && parse_source_end(event, source_id)) {
        state.session->scene.forget(meta::SourceId(source_id));
        state.session->writers.erase(source_id);
    }
    return GST_BASE_TRANSFORM_CLASS(sluice_osd_parent_class)->sink_event(base, event);
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    auto set = set_option(state_of(object).options, value, spec);
    GST_OBJECT_UNLOCK(object);
    if (!set) post_warning(GST_ELEMENT(object), set.error());
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    if (g_str_equal(spec->name, "stats")) {
        g_value_take_boxed(value, crossing_stats("sluiceosd-stats", state_of(object).crossings));
        return;
    }
    GST_OBJECT_LOCK(object);
    get_option(state_of(object).options, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete &state_of(object);
    G_OBJECT_CLASS(sluice_osd_parent_class)->finalize(object);
}

void sluice_osd_class_init(SluiceOsdClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    guint id = install_options<osd::OsdOptions>(object, "SluiceOsd", 1);
    g_object_class_install_property(object, id, stats_spec(kCrossingStats));

    auto* base = GST_BASE_TRANSFORM_CLASS(type);
    base->start = start;
    base->stop = stop;
    base->set_caps = set_caps;
    base->transform_ip = transform_ip;
    base->sink_event = sink_event;
    auto* element = GST_ELEMENT_CLASS(type);
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element,
                                          "Sluice on-screen display",
                                          "Filter/Effect/Video",
                                          "Draws boxes, labels, trails and shapes onto the frames",
                                          "Sluice developers");
}

void sluice_osd_init(SluiceOsd* self) {
    self->state = new State(GST_ELEMENT(self));
    gst_video_info_init(&self->state->info);
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

}  // namespace

GType osd_type() {
    return sluice_osd_get_type();
}

}  // namespace sluice::gst
