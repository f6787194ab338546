// sluicetiler: one picture of all sources, tile N showing source N, with the metadata moved along.

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/gst/bad_frames.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/gst/device_tiles.h"
#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/frame_writer.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/sluice_meta.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"
#include "sluice/osd/tile_layout.h"

namespace sluice::gst {

struct TilerSettings {
    int rows = 0;
    int columns = 0;
    int width = 1280;
    int height = 720;
    int device = -1;
};

}  // namespace sluice::gst

namespace sluice {

template <>
inline constexpr auto fields<gst::TilerSettings> = field_table(
    field("rows", &gst::TilerSettings::rows, range(0, 64), "rows of tiles; 0: chosen"),
    field("columns", &gst::TilerSettings::columns, range(0, 64), "columns of tiles; 0: chosen"),
    field("width", &gst::TilerSettings::width, range(16, 16'384), "of the whole picture, pixels"),
    field("height", &gst::TilerSettings::height, range(16, 16'384), "of the whole picture, pixels"),
    field(
        "device",
        &gst::TilerSettings::device,
        range(-1, 63),
        "CUDA device on which the picture is made, where the next element takes it; -1: where the "
        "first frame lies"));

namespace gst {
namespace {

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_BATCH_CAPS));
#define SLUICE_HOST_PICTURE_CAPS "video/x-raw, format = (string) I420"
#define SLUICE_CUDA_PICTURE_CAPS "video/x-raw(" SLUICE_CUDA_FEATURE "), format = (string) NV12"
#ifdef SLUICE_GST_CUDA
#define SLUICE_PICTURE_CAPS SLUICE_CUDA_PICTURE_CAPS "; " SLUICE_HOST_PICTURE_CAPS
#else
#define SLUICE_PICTURE_CAPS SLUICE_HOST_PICTURE_CAPS
#endif
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SLUICE_PICTURE_CAPS));

/// The streaming thread's own.
struct Session {
    TilerSettings settings;
    GstVideoInfo info{};
    GstBufferPool* pool = nullptr;
    bool segment_sent = false;
    std::optional<osd::TileLayout> layout;
    int tiles = 0;   ///< highest source id seen, plus one
    BufferRef last;  ///< the picture before, for tiles without news
    image::Scaler scaler;
    int device = memory::kHostMemory;           ///< where the picture is made
    std::unique_ptr<DeviceTiles> device_tiles;  ///< unless that is the host
    BadFrames bad_frames;
    GstClockTime last_time = GST_CLOCK_TIME_NONE;

    ~Session() {
        if (!pool) return;
        gst_buffer_pool_set_active(pool, FALSE);
        gst_object_unref(pool);
    }
};

struct State {
    explicit State(GstElement* element) : crossings(element) {}
    TilerSettings settings;  ///< guarded by the object lock
    Crossings crossings;
    std::unique_ptr<Session> session;
};

struct SluiceTiler {
    GstElement parent;
    GstPad* src;
    State* state;
};
struct SluiceTilerClass {
    GstElementClass parent_class;
};

G_DEFINE_TYPE(SluiceTiler, sluice_tiler, GST_TYPE_ELEMENT)

SluiceTiler* self_of(gpointer object) {
    return static_cast<SluiceTiler*>(object);
}

bool next_takes_device_memory(GstPad* src) {
    CapsRef wanted(gst_caps_from_string(SLUICE_CUDA_PICTURE_CAPS));
    CapsRef taken(gst_pad_peer_query_caps(src, wanted.get()));
    return has_cuda_memory() && taken && !gst_caps_is_empty(taken.get());
}

// The first frame brings the place, the colours and the rate.
Result<void> open_session(SluiceTiler* self, Session& session, const FramePixels& pixels) {
    const GstVideoInfo& first = pixels.info;
    if (next_takes_device_memory(self->src)) {
        int wanted = session.settings.device;
        session.device = wanted >= 0 ? wanted : device_of(pixels.buffer.get());
    }
    bool on_device = session.device != memory::kHostMemory;
    gst_video_info_set_format(&session.info,
                              on_device ? GST_VIDEO_FORMAT_NV12 : GST_VIDEO_FORMAT_I420,
                              static_cast<guint>(session.settings.width & ~1),
                              static_cast<guint>(session.settings.height & ~1));
    if (GST_VIDEO_INFO_IS_YUV(&first)) session.info.colorimetry = first.colorimetry;
    session.info.fps_n = first.fps_n;
    session.info.fps_d = first.fps_d;
    CapsRef caps(gst_video_info_to_caps(&session.info));
    if (on_device) {
        session.device_tiles = SLUICE_TRY(DeviceTiles::create(session.device));
        session.pool = SLUICE_TRY(make_device_pool(session.device, session.info));
        gst_caps_set_features_simple(caps.get(),
                                     gst_caps_features_new(SLUICE_CUDA_FEATURE, nullptr));
    } else {
        session.pool = SLUICE_TRY(make_pool(session.info));
    }
    gst_pad_push_event(self->src, gst_event_new_caps(caps.get()));
    return {};
}

void send_segment(SluiceTiler* self, Session& session) {
    if (std::exchange(session.segment_sent, true)) return;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->src, gst_event_new_segment(&segment));
}

// A new source makes a new grid, on an empty picture.
Result<void> fit_layout(Session& session, const BatchPayload& payload) {
    int tiles = session.tiles;
    for (const meta::Frame& frame : payload.batch.frames) {
        tiles = std::max(tiles, static_cast<int>(frame.source.value) + 1);
    }
    if (session.layout && tiles == session.tiles) return {};
    session.layout = SLUICE_TRY(osd::TileLayout::create(
        tiles,
        session.settings.rows,
        session.settings.columns,
        {GST_VIDEO_INFO_WIDTH(&session.info), GST_VIDEO_INFO_HEIGHT(&session.info)}));
    session.tiles = tiles;
    session.last = BufferRef();
    return {};
}

Result<void> draw_tile(State& state,
                       const memory::MutableImageView& picture,
                       const FramePixels& pixels,
                       meta::SourceId source,
                       const osd::TileRect& place) {
    auto from = SLUICE_TRY(state.crossings.map_on_host(pixels.buffer.get(),
                                                       pixels.info,
                                                       MappedFrame::Access::kRead,
                                                       source,
                                                       "the CPU scales them"));
    memory::ImageView view = from.view();
    image::Rect all{
        0, 0, static_cast<float>(view.size.width), static_cast<float>(view.size.height)};
    return state.session->scaler.run(
        view, all, picture, {place.left, place.top, place.width, place.height});
}

/// Puts a frame among those that draw_on_device() draws; it stays mapped till then.
Result<void> add_tile(State& state,
                      const FramePixels& pixels,
                      meta::SourceId source,
                      const osd::TileRect& place,
                      std::vector<MappedFrame>& mapped) {
    Session& session = *state.session;
    GstBuffer* buffer = pixels.buffer.get();
    constexpr auto kRead = MappedFrame::Access::kRead;
    constexpr const char* kWhy = "the tiler's picture is made on a device";
    if (device_of(buffer) == session.device) {
        mapped.push_back(SLUICE_TRY(MappedFrame::map(buffer, pixels.info, kRead)));
    } else {
        mapped.push_back(
            SLUICE_TRY(state.crossings.map_on_host(buffer, pixels.info, kRead, source, kWhy)));
        state.crossings.count_to_device(GST_VIDEO_INFO_SIZE(&pixels.info), source, kWhy);
    }
    session.device_tiles->add(mapped.back().view(),
                              {place.left, place.top, place.width, place.height});
    return {};
}

Result<void> draw_on_device(Session& session, const memory::MutableImageView& picture) {
    if (!session.last) return session.device_tiles->draw(nullptr, picture);
    auto last =
        SLUICE_TRY(MappedFrame::map(session.last.get(), session.info, MappedFrame::Access::kRead));
    memory::ImageView ground = last.view();
    return session.device_tiles->draw(&ground, picture);
}

// Tiles without news, and the bars beside pictures, stay as they were.
Result<void> lay_background(Session& session, const memory::MutableImageView& picture) {
    if (!session.last) return image::fill(picture, {0, 0, 0});
    auto last =
        SLUICE_TRY(MappedFrame::map(session.last.get(), session.info, MappedFrame::Access::kRead));
    return session.scaler.run(last.view(), picture);
}

Result<BufferRef> compose(GstElement* element, State& state, BatchPayload& payload) {
    Session& session = *state.session;
    GstBuffer* raw = nullptr;
    if (gst_buffer_pool_acquire_buffer(session.pool, &raw, nullptr) != GST_FLOW_OK) {
        return internal_error("no frame from the buffer pool");
    }
    BufferRef out(raw);
    memory::Size size = session.layout->picture();
    meta::Frame tiled;
    tiled.source_size = tiled.size = size;
    tiled.content = {0, 0, static_cast<float>(size.width), static_cast<float>(size.height)};
    {
        auto picture = SLUICE_TRY(MappedFrame::map(raw, session.info, MappedFrame::Access::kWrite));
        std::vector<MappedFrame> mapped;
        bool on_device = session.device_tiles != nullptr;
        if (!on_device) SLUICE_TRY(lay_background(session, picture.mutable_view()));
        for (std::size_t i = 0; i < payload.batch.frames.size(); ++i) {
            meta::Frame& frame = payload.batch.frames[i];
            osd::TileRect tile = session.layout->tile(static_cast<int>(frame.source.value));
            osd::TileRect place = osd::letterbox(tile, frame.size);
            const FramePixels& pixels = payload.pixels[i];
            auto drawn =
                on_device ? add_tile(state, pixels, frame.source, place, mapped)
                          : draw_tile(state, picture.mutable_view(), pixels, frame.source, place);
            if (!drawn) {  // its tile stays as it was
                session.bad_frames.report(element, frame, drawn.error());
                continue;
            }
            tiled.times = frame.times;
            tiled.inference = frame.inference;
            osd::move_to_tile(frame, place, size);
            osd::append(tiled, frame);
        }
        if (on_device) SLUICE_TRY(draw_on_device(session, picture.mutable_view()));
    }
    BatchPayload carried;
    carried.batch.sequence = tiled.sequence = payload.batch.sequence;
    carried.batch.frames.push_back(std::move(tiled));
    carried.pixels.push_back({BufferRef(), session.info, GST_CLOCK_TIME_NONE});
    attach_payload(raw, std::move(carried));
    return out;
}

// Sources need not agree on the time: the picture's only moves forward.
GstClockTime next_time(Session& session, const BatchPayload& payload) {
    GstClockTime time = 0;
    for (const FramePixels& pixels : payload.pixels) {
        if (GST_CLOCK_TIME_IS_VALID(pixels.running_time))
            time = std::max(time, pixels.running_time);
    }
    if (GST_CLOCK_TIME_IS_VALID(session.last_time)) time = std::max(time, session.last_time + 1);
    return session.last_time = time;
}

/// The picture; none for a batch without frames.
Result<BufferRef> tile(SluiceTiler* self, Session& session, GstBuffer* batch) {
    BatchPayload& payload = *SLUICE_TRY(batch_payload(batch));
    if (payload.batch.frames.empty()) return BufferRef();
    if (!session.pool) SLUICE_TRY(open_session(self, session, payload.pixels[0]));
    send_segment(self, session);
    SLUICE_TRY(fit_layout(session, payload));
    GstClockTime time = next_time(session, payload);
    BufferRef out = SLUICE_TRY(compose(GST_ELEMENT(self), *self->state, payload));
    GST_BUFFER_PTS(out.get()) = time;
    session.last = out;
    return out;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    SluiceTiler* self = self_of(parent);
    BufferRef batch(gst_buffer_make_writable(buffer));
    return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
        Session& session = *self->state->session;
        auto out = tile(self, session, batch.get());
        if (!out) {
            post_error(GST_ELEMENT(self), out.error());
            return GST_FLOW_ERROR;
        }
        return *out ? gst_pad_push(self->src, out->release()) : GST_FLOW_OK;
    });
}

// A flush takes the segment away, and time starts anew.
void flush(SluiceTiler* self) {
    if (!self->state->session) return;
    self->state->session->segment_sent = false;
    self->state->session->last_time = GST_CLOCK_TIME_NONE;
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_FLUSH_STOP:
            flush(self_of(parent));
            return gst_pad_event_default(pad, parent, event);
        // The picture has its own.
        case GST_EVENT_CAPS:
        case GST_EVENT_SEGMENT:
            gst_event_unref(event);
            return TRUE;
        default:
            return gst_pad_event_default(pad, parent, event);
    }
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    SluiceTiler* self = self_of(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
        self->state->session = std::make_unique<Session>();
        GST_OBJECT_LOCK(self);
        self->state->session->settings = self->state->settings;
        GST_OBJECT_UNLOCK(self);
    }
    auto result = GST_ELEMENT_CLASS(sluice_tiler_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self->state->session.reset();
    return result;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    GST_OBJECT_LOCK(object);
    (void)set_option(self_of(object)->state->settings, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint, GValue* value, GParamSpec* spec) {
    if (g_str_equal(spec->name, "stats")) {
        const Crossings& crossings = self_of(object)->state->crossings;
        g_value_take_boxed(value, crossing_stats("sluicetiler-stats", crossings));
        return;
    }
    GST_OBJECT_LOCK(object);
    get_option(self_of(object)->state->settings, value, spec);
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete self_of(object)->state;
    G_OBJECT_CLASS(sluice_tiler_parent_class)->finalize(object);
}

void sluice_tiler_class_init(SluiceTilerClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    guint id = install_options<TilerSettings>(object, "SluiceTiler", 1);
    g_object_class_install_property(object, id, stats_spec(kCrossingStats));
    auto* element = GST_ELEMENT_CLASS(type);
    element->change_state = change_state;
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element,
                                          "Sluice tiler",
                                          "Filter/Converter/Video",
                                          "One picture of all sources, tile N showing source N",
                                          "Sluice developers");
}

void sluice_tiler_init(SluiceTiler* self) {
    self->state = new State(GST_ELEMENT(self));
    GstPad* sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(sink, chain);
    gst_pad_set_event_function(sink, sink_event);
    gst_element_add_pad(GST_ELEMENT(self), sink);
    self->src = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_use_fixed_caps(self->src);
    gst_element_add_pad(GST_ELEMENT(self), self->src);
}

}  // namespace

GType tiler_type() {
    return sluice_tiler_get_type();
}

}  // namespace gst
}  // namespace sluice
