// sluicejpegdec: JPEGs of many streams to frames in a CUDA device's memory.

#include <fmt/format.h>
#include <gst/video/gstvideodecoder.h>

#include "sluice/gst/element.h"
#include "sluice/gst/elements.h"
#include "sluice/gst/jpeg_stream.h"
#include "sluice/gst/properties.h"
#include "sluice/gst/video.h"

namespace sluice::gst {

struct JpegDecSettings {
    int device = 0;
};

}  // namespace sluice::gst

namespace sluice {

template <>
inline constexpr auto fields<gst::JpegDecSettings> =
    field_table(field("device",
                      &gst::JpegDecSettings::device,
                      range(0, 63),
                      "number of the CUDA device that decodes"));

namespace gst {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("image/jpeg"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src",
                            GST_PAD_SRC,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(" SLUICE_CUDA_FEATURE
                                            "), format = (string) I420" SLUICE_VIDEO_SIZES));

struct State {
    JpegDecSettings settings;  ///< guarded by the object lock
    // The streaming thread's own, from start to stop.
    int device = 0;
    std::unique_ptr<JpegStream> stream;
    GstVideoCodecState* input = nullptr;
    GstVideoInfo info;  ///< of the frames; width 0: not known yet
    bool warned = false;
};

struct SluiceJpegDec {
    GstVideoDecoder parent;
    State* state;
};
struct SluiceJpegDecClass {
    GstVideoDecoderClass parent_class;
};

G_DEFINE_TYPE(SluiceJpegDec, sluice_jpeg_dec, GST_TYPE_VIDEO_DECODER)

State& state_of(gpointer object) {
    return *reinterpret_cast<SluiceJpegDec*>(object)->state;
}

void forget_input(State& state) {
    if (state.input) gst_video_codec_state_unref(state.input);
    state.input = nullptr;
    gst_video_info_init(&state.info);
}

gboolean start(GstVideoDecoder* decoder) {
    State& state = state_of(decoder);
    GST_OBJECT_LOCK(decoder);
    state.device = state.settings.device;
    GST_OBJECT_UNLOCK(decoder);
    return guarded(GST_ELEMENT(decoder), FALSE, [&]() -> gboolean {
        auto stream = JpegStream::create(state.device);
        if (!stream) {
            post_error(GST_ELEMENT(decoder),
                       std::move(stream).error().context(fmt::format("cuda:{}", state.device)));
            return FALSE;
        }
        state.stream = *std::move(stream);
        state.warned = false;
        return TRUE;
    });
}

gboolean stop(GstVideoDecoder* decoder) {
    State& state = state_of(decoder);
    state.stream.reset();
    forget_input(state);
    return TRUE;
}

gboolean set_format(GstVideoDecoder* decoder, GstVideoCodecState* input) {
    State& state = state_of(decoder);
    forget_input(state);
    state.input = gst_video_codec_state_ref(input);
    return TRUE;
}

/// Frames of this size from now on.
bool negotiate(GstVideoDecoder* decoder, memory::Size size) {
    State& state = state_of(decoder);
    GstVideoCodecState* output = gst_video_decoder_set_output_state(decoder,
                                                                    GST_VIDEO_FORMAT_I420,
                                                                    static_cast<guint>(size.width),
                                                                    static_cast<guint>(size.height),
                                                                    state.input);
    if (!output) return false;
    // What JFIF means by YCbCr.
    output->info.colorimetry = {GST_VIDEO_COLOR_RANGE_0_255,
                                GST_VIDEO_COLOR_MATRIX_BT601,
                                GST_VIDEO_TRANSFER_UNKNOWN,
                                GST_VIDEO_COLOR_PRIMARIES_UNKNOWN};
    output->info.chroma_site = GST_VIDEO_CHROMA_SITE_JPEG;
    output->caps = gst_video_info_to_caps(&output->info);
    gst_caps_set_features_simple(output->caps, gst_caps_features_new(SLUICE_CUDA_FEATURE, nullptr));
    state.info = output->info;
    gst_video_codec_state_unref(output);
    return gst_video_decoder_negotiate(decoder);
}

gboolean decide_allocation(GstVideoDecoder* decoder, GstQuery* query) {
    State& state = state_of(decoder);
    auto pool = make_device_pool(state.device, state.info);
    if (!pool) {
        post_error(GST_ELEMENT(decoder), pool.error());
        return FALSE;
    }
    const auto size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&state.info));
    // Whoever proposed another could not know that our kernels must read its memory.
    while (gst_query_get_n_allocation_pools(query) > 0)
        gst_query_remove_nth_allocation_pool(query, 0);
    gst_query_add_allocation_pool(query, *pool, size, 0, 0);
    gst_object_unref(*pool);
    return TRUE;
}

/// The frame's pixels. kUnavailable: the flow says why.
Result<void> decode(GstVideoDecoder* decoder, GstVideoCodecFrame* frame, GstFlowReturn& flow) {
    State& state = state_of(decoder);
    GstMapInfo input;
    if (!gst_buffer_map(frame->input_buffer, &input, GST_MAP_READ)) {
        return io_error("the picture's memory cannot be mapped");
    }
    struct Unmap {
        GstBuffer* buffer;
        GstMapInfo& info;
        ~Unmap() { gst_buffer_unmap(buffer, &info); }
    } const unmap{frame->input_buffer, input};
    const std::span<const std::uint8_t> jpeg(input.data, input.size);
    const image::JpegHeader header = SLUICE_TRY(image::read_jpeg_header(jpeg));
    const Error elsewhere{ErrorCode::kUnavailable, "", {}};
    const bool same = header.size == memory::Size{GST_VIDEO_INFO_WIDTH(&state.info),
                                                  GST_VIDEO_INFO_HEIGHT(&state.info)};
    if (!same && !negotiate(decoder, header.size)) {
        flow = GST_PAD_IS_FLUSHING(GST_VIDEO_DECODER_SRC_PAD(decoder)) ? GST_FLOW_FLUSHING
                                                                       : GST_FLOW_NOT_NEGOTIATED;
        return elsewhere;
    }
    flow = gst_video_decoder_allocate_output_frame(decoder, frame);
    if (flow != GST_FLOW_OK) return elsewhere;
    auto pixels =
        SLUICE_TRY(MappedFrame::map(frame->output_buffer, state.info, MappedFrame::Access::kWrite));
    return state.stream->decode(jpeg, header, pixels.mutable_view());
}

GstFlowReturn handle_frame(GstVideoDecoder* decoder, GstVideoCodecFrame* frame) {
    return guarded(GST_ELEMENT(decoder), GST_FLOW_ERROR, [&] {
        GstFlowReturn flow = GST_FLOW_OK;
        auto decoded = decode(decoder, frame, flow);
        if (decoded) return gst_video_decoder_finish_frame(decoder, frame);
        const Error& error = decoded.error();
        if (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported) {
            if (!std::exchange(state_of(decoder).warned, true)) {
                post_warning(GST_ELEMENT(decoder),
                             corrupt(fmt::format("picture {} is left out, as others may be: {}",
                                                 frame->system_frame_number,
                                                 error.text())));
            }
            return gst_video_decoder_drop_frame(decoder, frame);
        }
        if (flow == GST_FLOW_OK) {
            post_error(GST_ELEMENT(decoder), error);
            flow = GST_FLOW_ERROR;
        }
        gst_video_decoder_release_frame(decoder, frame);
        return flow;
    });
}

gboolean src_query(GstVideoDecoder* decoder, GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT) {
        GST_OBJECT_LOCK(decoder);
        const int device = state_of(decoder).settings.device;
        GST_OBJECT_UNLOCK(decoder);
        if (answer_context_query(GST_ELEMENT(decoder), query, device)) return TRUE;
    }
    return GST_VIDEO_DECODER_CLASS(sluice_jpeg_dec_parent_class)->src_query(decoder, query);
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
    G_OBJECT_CLASS(sluice_jpeg_dec_parent_class)->finalize(object);
}

void sluice_jpeg_dec_class_init(SluiceJpegDecClass* type) {
    auto* object = G_OBJECT_CLASS(type);
    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    install_options<JpegDecSettings>(object, "SluiceJpegDec", 1);

    auto* decoder = GST_VIDEO_DECODER_CLASS(type);
    decoder->start = start;
    decoder->stop = stop;
    decoder->set_format = set_format;
    decoder->handle_frame = handle_frame;
    decoder->decide_allocation = decide_allocation;
    decoder->src_query = src_query;
    auto* element = GST_ELEMENT_CLASS(type);
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(
        element,
        "Sluice JPEG decoder",
        "Codec/Decoder/Video/Hardware",
        "Decodes the JPEGs of all streams together on a CUDA device; a picture a buffer",
        "Sluice developers");
}

void sluice_jpeg_dec_init(SluiceJpegDec* self) {
    self->state = new State;
    gst_video_info_init(&self->state->info);
    gst_video_decoder_set_packetized(GST_VIDEO_DECODER(self), TRUE);
    gst_video_decoder_set_needs_format(GST_VIDEO_DECODER(self), TRUE);
    gst_video_decoder_set_use_default_pad_acceptcaps(GST_VIDEO_DECODER(self), TRUE);
    // Sizes need not be known beforehand.
    GST_PAD_SET_ACCEPT_TEMPLATE(GST_VIDEO_DECODER_SINK_PAD(self));
}

}  // namespace

GType jpegdec_type() {
    return sluice_jpeg_dec_get_type();
}

}  // namespace gst
}  // namespace sluice
