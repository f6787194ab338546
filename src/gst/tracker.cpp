// sluicetracker: gives the objects of each source lasting ids.

#include <optional>

#include <gst/base/gstbasetransform.h>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/video.h"
#include "sluice/track/frame_tracker.h"

namespace sluice::gst {

/// What the user sets; ages of -1 leave the tracker's own value.
struct TrackerSettings {
    std::string tracker = "bytetrack";
    std::string ll_config_file;
    std::string options;
    int max_shadow_tracking_age = -1;
    int probation_age = -1;
    int early_termination_age = -1;
    int min_hits = -1;
    std::vector<int> operate_on_class_ids;
};

}  // namespace sluice::gst

namespace sluice {

template <>
inline constexpr auto fields<gst::TrackerSettings> = field_table(
    field("tracker", &gst::TrackerSettings::tracker, "iou, sort, bytetrack or ocsort"),
    field("ll-config-file",
          &gst::TrackerSettings::ll_config_file,
          "YAML with the tracker's parameters: ours, or DeepStream's groups"),
    field("options",
          &gst::TrackerSettings::options,
          "the tracker's parameters as key=value;key=value; they override the file"),
    field("max-shadow-tracking-age",
          &gst::TrackerSettings::max_shadow_tracking_age,
          range(-1, 10'000),
          "frames without detection that a target survives; -1: the tracker's own"),
    field("probation-age",
          &gst::TrackerSettings::probation_age,
          range(-1, 1'000),
          "detections that a target needs before it is reported; -1: the tracker's own"),
    field("early-termination-age",
          &gst::TrackerSettings::early_termination_age,
          range(-1, 10'000),
          "frames without detection that end a target on probation; -1: the tracker's own"),
    field("min-hits",
          &gst::TrackerSettings::min_hits,
          range(-1, 1'000),
          "another name of probation-age"),
    field("operate-on-class-ids",
          &gst::TrackerSettings::operate_on_class_ids,
          "classes that are followed, e.g. 0;2; empty: all"));

namespace gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink",
                            GST_PAD_SINK,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_ANY_VIDEO_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src",
                            GST_PAD_SRC,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_ANY_VIDEO_CAPS));

struct State {
    TrackerSettings settings;  ///< guarded by the object lock
    // The streaming thread's own.
    std::optional<track::FrameTracker> tracker;
    GstVideoInfo info;
    std::uint64_t plain_frames = 0;
};

struct SluiceTracker {
    GstBaseTransform parent;
    State* state;
};
struct SluiceTrackerClass {
    GstBaseTransformClass parent_class;
};

G_DEFINE_TYPE(SluiceTracker, sluice_tracker, GST_TYPE_BASE_TRANSFORM)

State& state_of(gpointer object) {
    return *static_cast<SluiceTracker*>(object)->state;
}

Result<track::TrackerFactory> make_factory(const TrackerSettings& settings) {
    track::TrackerSettings wanted{settings.tracker, settings.ll_config_file, {}};
    wanted.options = SLUICE_TRY(track::parse_tracker_options(settings.options));
    auto add = [&](const char* key, int value) {
        if (value >= 0) wanted.options.emplace_back(key, std::to_string(value));
    };
    add("max-shadow-tracking-age", settings.max_shadow_tracking_age);
    add("probation-age", settings.probation_age);
    add("early-termination-age", settings.early_termination_age);
    add("min-hits", settings.min_hits);
    return track::tracker_factory(wanted);
}

gboolean start(GstBaseTransform* base) {
    State& state = state_of(base);
    GST_OBJECT_LOCK(base);
    TrackerSettings settings = state.settings;
    GST_OBJECT_UNLOCK(base);
    auto factory = guarded(GST_ELEMENT(base),
                           Result<track::TrackerFactory>(internal_error("")),
                           [&] { return make_factory(settings); });
    if (!factory) {
        post_error(GST_ELEMENT(base), factory.error());
        return FALSE;
    }
    state.tracker.emplace(std::move(*factory), settings.operate_on_class_ids);
    state.plain_frames = 0;
    return TRUE;
}

gboolean stop(GstBaseTransform* base) {
    state_of(base).tracker.reset();
    return TRUE;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
    GstVideoInfo& info = state_of(base).info;
    gst_video_info_init(&info);
    if (gst_structure_has_name(gst_caps_get_structure(in, 0), SLUICE_BATCH_CAPS)) return TRUE;
    return gst_video_info_from_caps(&info, in);
}

GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
    State& state = state_of(base);
    return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
        auto payload = ensure_payload(buffer, state.info, state.plain_frames);
        if (!payload) {
            post_error(GST_ELEMENT(base), payload.error());
            return GST_FLOW_ERROR;
        }
        for (meta::Frame& frame : (*payload)->batch.frames) {
            state.tracker->update(frame);
            frame.times[meta::Stage::kTracked] = now();
        }
        return GST_FLOW_OK;
    });
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
    State& state = state_of(base);
    guint source_id = 0;
    if (state.tracker) {
        if (parse_source_end(event, source_id)) state.tracker->forget(meta::SourceId(source_id));
        if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) state.tracker->forget_all();
    }
    return GST_BASE_TRANSFORM_CLASS(sluice_tracker_parent_class)->sink_event(base, event);
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    auto set = set_option(state_of(object).settings, value, spec);
    GST_OBJECT_UNLOCK(object);
    if (!set) post_warning(GST_ELEMENT(object), set.error());
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    get_option(state_of(object).settings, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete &state_of(object);
    G_OBJECT_CLASS(sluice_tracker_parent_class)->finalize(object);
}

void sluice_tracker_class_init(SluiceTrackerClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    install_options<TrackerSettings>(object, "SluiceTracker", 1);

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
                                          "Sluice tracker",
                                          "Filter/Analyzer/Video",
                                          "Gives the objects of each source lasting ids",
                                          "Sluice developers");
}

void sluice_tracker_init(SluiceTracker* self) {
    self->state = new State;
    gst_video_info_init(&self->state->info);
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

}  // namespace

GType tracker_type() {
    return sluice_tracker_get_type();
}

}  // namespace gst
}  // namespace sluice
