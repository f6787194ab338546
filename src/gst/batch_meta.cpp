#include "sluice/gst/batch_meta.h"

#include "sluice/gst/sluice_meta.h"

namespace sluice::gst {
namespace {

struct PayloadMeta {
    GstMeta meta;
    BatchPayload* payload;
};

void scale_box(meta::PixelBox& box, float x, float y) {
    box = {box.left * x, box.top * y, box.width * x, box.height * y};
}

struct ScalePrimitive {
    float x;
    float y;
    void operator()(meta::Blur& blur) const { scale_box(blur.box, x, y); }
    void operator()(meta::Rectangle& rectangle) const { scale_box(rectangle.box, x, y); }
    void operator()(meta::Line& line) const {
        for (meta::Point& point : line.points)
            point = {point.x * x, point.y * y};
    }
    void operator()(meta::Text& text) const { text.at = {text.at.x * x, text.at.y * y}; }
};

// The frame was scaled as a whole: everything in its space follows.
void scale_frame(meta::Frame& frame, memory::Size to) {
    float x = static_cast<float>(to.width) / static_cast<float>(std::max(frame.size.width, 1));
    float y = static_cast<float>(to.height) / static_cast<float>(std::max(frame.size.height, 1));
    frame.size = to;
    scale_box(frame.content, x, y);
    for (meta::Object& object : frame.objects) {
        scale_box(object.box, x, y);
        scale_box(object.detector_box, x, y);
        scale_box(object.tracker_box, x, y);
    }
    for (meta::Primitive& primitive : frame.display)
        std::visit(ScalePrimitive{x, y}, primitive);
}

gboolean init_meta(GstMeta* meta, gpointer, GstBuffer*) {
    reinterpret_cast<PayloadMeta*>(meta)->payload = nullptr;
    return TRUE;
}

void free_meta(GstMeta* meta, GstBuffer*) {
    delete reinterpret_cast<PayloadMeta*>(meta)->payload;
}

gboolean transform_meta(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark type, gpointer data) {
    const BatchPayload& payload = *reinterpret_cast<PayloadMeta*>(meta)->payload;
    if (GST_META_TRANSFORM_IS_COPY(type)) {
        // A part of a frame's bytes is no frame.
        if (static_cast<GstMetaTransformCopy*>(data)->region) return FALSE;
        if (!find_payload(to)) attach_payload(to, payload);
        return TRUE;
    }
    if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
        const GstVideoInfo* out = static_cast<GstVideoMetaTransform*>(data)->out_info;
        if (find_payload(to)) return TRUE;
        BatchPayload& copy = attach_payload(to, payload);
        for (meta::Frame& frame : copy.batch.frames) {
            scale_frame(frame, {GST_VIDEO_INFO_WIDTH(out), GST_VIDEO_INFO_HEIGHT(out)});
        }
        for (FramePixels& pixels : copy.pixels)
            pixels.info = *out;
        return TRUE;
    }
    return FALSE;
}

GType api_type() {
    static const GType type = [] {
        static const gchar* tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR, nullptr};
        return gst_meta_api_type_register("SluiceBatchMetaAPI", tags);
    }();
    return type;
}

const GstMetaInfo* meta_info() {
    // Both the plug-in and the program hold this code: whoever came second uses the first's entry.
    static const GstMetaInfo* info = [] {
        if (const GstMetaInfo* there = gst_meta_get_info("SluiceBatchMeta")) return there;
        return gst_meta_register(api_type(),
                                 "SluiceBatchMeta",
                                 sizeof(PayloadMeta),
                                 init_meta,
                                 free_meta,
                                 transform_meta);
    }();
    return info;
}

SluiceBox to_c(const meta::PixelBox& box) {
    return {box.left, box.top, box.width, box.height};
}

const meta::Frame* find_frame(GstBuffer* buffer, guint frame) {
    BatchPayload* payload = find_payload(buffer);
    if (!payload || frame >= payload->batch.frames.size()) return nullptr;
    return &payload->batch.frames[frame];
}

}  // namespace

BatchPayload* find_payload(GstBuffer* buffer) {
    GstMeta* meta = gst_buffer_get_meta(buffer, meta_info()->api);
    return meta ? reinterpret_cast<PayloadMeta*>(meta)->payload : nullptr;
}

BatchPayload& attach_payload(GstBuffer* buffer, BatchPayload payload) {
    if (BatchPayload* there = find_payload(buffer)) return *there = std::move(payload);
    auto* meta = reinterpret_cast<PayloadMeta*>(gst_buffer_add_meta(buffer, meta_info(), nullptr));
    meta->payload = new BatchPayload(std::move(payload));
    return *meta->payload;
}

Result<BatchPayload*> batch_payload(GstBuffer* buffer) {
    if (BatchPayload* there = find_payload(buffer)) return there;
    return invalid_argument("a buffer without batch metadata came in");
}

Result<BatchPayload*> ensure_payload(GstBuffer* buffer,
                                     const GstVideoInfo& info,
                                     std::uint64_t& next_sequence) {
    bool plain = GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_UNKNOWN;
    if (!plain || find_payload(buffer)) return batch_payload(buffer);
    BatchPayload payload;
    meta::Frame frame;
    payload.batch.sequence = frame.sequence = next_sequence++;
    frame.source_size = {GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info)};
    frame.size = frame.source_size;
    frame.content = {
        0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
    if (GST_BUFFER_PTS_IS_VALID(buffer)) {
        frame.pts_ns = static_cast<std::int64_t>(GST_BUFFER_PTS(buffer));
    }
    payload.batch.frames.push_back(std::move(frame));
    payload.pixels.push_back({BufferRef(), info, GST_BUFFER_PTS(buffer)});
    return &attach_payload(buffer, std::move(payload));
}

GstBuffer* pixel_buffer(GstBuffer* carrier, const BatchPayload& payload, std::size_t index) {
    GstBuffer* own = payload.pixels[index].buffer.get();
    return own ? own : carrier;
}

}  // namespace sluice::gst

using sluice::gst::find_frame;
using sluice::gst::find_payload;
using sluice::gst::to_c;

guint sluice_buffer_frame_count(GstBuffer* buffer) {
    auto* payload = find_payload(buffer);
    return payload ? static_cast<guint>(payload->batch.frames.size()) : 0;
}

gboolean sluice_buffer_get_frame(GstBuffer* buffer, guint frame, SluiceFrameInfo* info) {
    const auto* found = find_frame(buffer, frame);
    if (!found) return FALSE;
    *info = {found->source.value,
             found->sequence,
             found->pts_ns,
             found->size.width,
             found->size.height,
             found->source_size.width,
             found->source_size.height,
             found->inference == sluice::meta::Inference::kDone,
             static_cast<guint>(found->objects.size())};
    return TRUE;
}

gboolean sluice_buffer_get_object(GstBuffer* buffer,
                                  guint frame,
                                  guint object,
                                  SluiceObjectInfo* info) {
    const auto* found = find_frame(buffer, frame);
    if (!found || object >= found->objects.size()) return FALSE;
    const sluice::meta::Object& o = found->objects[object];
    *info = {to_c(o.box),
             o.class_id.value,
             o.label.empty() ? "" : o.label.view().data(),
             o.component_id,
             to_c(o.detector_box),
             o.score,
             o.track_id.value,
             o.tracker_confidence,
             o.parent};
    return TRUE;
}

GstBuffer* sluice_buffer_get_pixels(GstBuffer* buffer, guint frame) {
    auto* payload = find_payload(buffer);
    if (!payload || frame >= payload->pixels.size()) return nullptr;
    return sluice::gst::pixel_buffer(buffer, *payload, frame);
}
