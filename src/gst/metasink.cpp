// sluicemetasink: writes what is known of the frames to files; the pixels end here.

#include <optional>

#include <gst/base/gstbasesink.h>

#include "sluice/gst/batch_meta.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/meta_files.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/video.h"

namespace sluice::gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink",
                            GST_PAD_SINK,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(SLUICE_BATCH_CAPS "; " SLUICE_ANY_VIDEO_CAPS));

struct State {
    MetaSinkSettings settings;  ///< guarded by the object lock
    std::optional<MetaFiles> files;
};

struct SluiceMetaSink {
    GstBaseSink parent;
    State* state;
};
struct SluiceMetaSinkClass {
    GstBaseSinkClass parent_class;
};

G_DEFINE_TYPE(SluiceMetaSink, sluice_meta_sink, GST_TYPE_BASE_SINK)

State& state_of(gpointer object) {
    return *static_cast<SluiceMetaSink*>(object)->state;
}

gboolean report(GstBaseSink* sink, const Result<void>& outcome) {
    if (outcome) return TRUE;
    post_error(GST_ELEMENT(sink), outcome.error());
    return FALSE;
}

gboolean start(GstBaseSink* sink) {
    State& state = state_of(sink);
    GST_OBJECT_LOCK(sink);
    MetaSinkSettings settings = state.settings;
    GST_OBJECT_UNLOCK(sink);
    auto files = guarded(GST_ELEMENT(sink), Result<MetaFiles>(internal_error("")), [&] {
        return MetaFiles::create(settings);
    });
    if (!files) return report(sink, files.error());
    state.files.emplace(std::move(*files));
    return TRUE;
}

gboolean stop(GstBaseSink* sink) {
    State& state = state_of(sink);
    if (state.files) report(sink, state.files->close_all());
    state.files.reset();
    return TRUE;
}

GstFlowReturn render(GstBaseSink* sink, GstBuffer* buffer) {
    return guarded(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
        BatchPayload* payload = find_payload(buffer);
        if (!payload) {
            post_error(GST_ELEMENT(sink),
                       invalid_argument("frames without Sluice metadata came in; put sluiceinfer "
                                        "or sluicetracker before this element"));
            return GST_FLOW_ERROR;
        }
        for (const meta::Frame& frame : payload->batch.frames) {
            if (!report(sink, state_of(sink).files->write(frame))) return GST_FLOW_ERROR;
        }
        return GST_FLOW_OK;
    });
}

gboolean event(GstBaseSink* sink, GstEvent* event) {
    State& state = state_of(sink);
    guint source_id = 0;
    if (state.files) {
        if (parse_source_end(event, source_id)) {
            report(sink, state.files->close(meta::SourceId(source_id)));
        } else if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
            report(sink, state.files->close_all());
        }
    }
    return GST_BASE_SINK_CLASS(sluice_meta_sink_parent_class)->event(sink, event);
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    (void)set_option(state_of(object).settings, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    get_option(state_of(object).settings, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete &state_of(object);
    G_OBJECT_CLASS(sluice_meta_sink_parent_class)->finalize(object);
}

void sluice_meta_sink_class_init(SluiceMetaSinkClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    install_options<MetaSinkSettings>(object, "SluiceMetaSink", 1);
    auto* base = GST_BASE_SINK_CLASS(type);
    base->start = start;
    base->stop = stop;
    base->render = render;
    base->event = event;
    auto* element = GST_ELEMENT_CLASS(type);
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_set_static_metadata(element,
                                          "Sluice metadata sink",
                                          "Sink/File",
                                          "Writes detections and tracks: JSON Lines, MOT, KITTI",
                                          "Sluice developers");
}

void sluice_meta_sink_init(SluiceMetaSink* self) {
    self->state = new State;
    // Files are written as fast as frames come, also from recordings.
    gst_base_sink_set_sync(GST_BASE_SINK(self), FALSE);
}

}  // namespace

GType metasink_type() {
    return sluice_meta_sink_get_type();
}

}  // namespace sluice::gst
