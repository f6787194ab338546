// GLib deprecates the arrays that decodebin's signals are made of.
#define GLIB_DISABLE_DEPRECATION_WARNINGS  // NOLINT(readability-identifier-naming)
#include "sluice/app/detail/decoders.h"

#include <gst/pbutils/pbutils.h>

#include "sluice/base/text.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/video.h"

namespace sluice::app::detail {
namespace {

bool is_decoder(GstElementFactory* factory) {
    return gst_element_factory_list_is_type(factory,
                                            GST_ELEMENT_FACTORY_TYPE_DECODER |
                                                GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO |
                                                GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE);
}

bool decodes_jpeg(GstElementFactory* factory) {
    gst::CapsRef jpeg(gst_caps_new_empty_simple("image/jpeg"));
    return gst_element_factory_can_sink_any_caps(factory, jpeg.get());
}

GstElementFactory* factory_at(const GValueArray* factories, guint i) {
    return static_cast<GstElementFactory*>(g_value_get_object(&factories->values[i]));
}

gst::CapsRef wanted_caps(const DecoderChoice& choice) {
    bool host = choice.device == memory::kHostMemory;
    return gst::CapsRef(
        gst_caps_from_string(host ? SLUICE_HOST_VIDEO_CAPS : SLUICE_CUDA_VIDEO_CAPS));
}

}  // namespace

bool is_cuda_decoder(GstElementFactory* factory) {
    if (!is_decoder(factory)) return false;
    const GList* templates = gst_element_factory_get_static_pad_templates(factory);
    for (const GList* item = templates; item; item = item->next) {
        auto* pad = static_cast<GstStaticPadTemplate*>(item->data);
        if (pad->direction != GST_PAD_SRC) continue;
        gst::CapsRef caps(gst_static_pad_template_get_caps(pad));
        for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
            GstCapsFeatures* features = gst_caps_get_features(caps.get(), i);
            if (gst_caps_features_contains(features, SLUICE_CUDA_FEATURE)) return true;
        }
    }
    return false;
}

// "nvh264dec" is the first device's, "nvh264device1dec" the second's.
int cuda_device_of(GstElementFactory* factory) {
    constexpr std::string_view kMark = "device";
    std::string_view name = GST_OBJECT_NAME(factory);
    std::size_t at = name.find(kMark);
    if (at == std::string_view::npos) return 0;
    std::string_view rest = name.substr(at + kMark.size());
    auto number = parse_integer(rest.substr(0, rest.find_first_not_of("0123456789")));
    return number ? static_cast<int>(*number) : 0;
}

Place place_of(GstElementFactory* factory, const DecoderChoice& choice) {
    if (!is_decoder(factory)) return Place::kFirst;
    bool on_device = choice.device != memory::kHostMemory;
    bool prefers_device = on_device && !decodes_jpeg(factory);
    if (!is_cuda_decoder(factory)) {
        if (choice.kind == DecoderKind::kHardware) return Place::kNever;
        return prefers_device && choice.kind == DecoderKind::kAuto ? Place::kLast : Place::kFirst;
    }
    bool other_device = on_device && cuda_device_of(factory) != choice.device;
    if (choice.kind == DecoderKind::kSoftware || other_device) return Place::kNever;
    return prefers_device || choice.kind == DecoderKind::kHardware ? Place::kFirst : Place::kLast;
}

bool has_decoder(const GValueArray* factories) {
    for (guint i = 0; i < factories->n_values; ++i) {
        if (is_decoder(factory_at(factories, i))) return true;
    }
    return false;
}

GValueArray* sort_decoders(const GValueArray* factories,
                           const DecoderChoice& choice,
                           GstElementFactory* best) {
    GValueArray* sorted = g_value_array_new(factories->n_values + 1);
    for (Place place : {Place::kFirst, Place::kLast}) {
        for (guint i = 0; i < factories->n_values; ++i) {
            if (place_of(factory_at(factories, i), choice) == place) {
                g_value_array_append(sorted, &factories->values[i]);
            }
        }
    }
    if (!best) {
        if (has_decoder(sorted) || !has_decoder(factories)) return sorted;
        g_value_array_free(sorted);
        return nullptr;
    }
    guint at = 0;
    while (at < sorted->n_values && !is_decoder(factory_at(sorted, at)))
        ++at;
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_ELEMENT_FACTORY);
    g_value_set_object(&value, best);
    g_value_array_insert(sorted, at, &value);
    g_value_unset(&value);
    return sorted;
}

bool wants_jpeg_engine(GstCaps* caps, const DecoderChoice& choice) {
    return choice.device != memory::kHostMemory && choice.kind != DecoderKind::kSoftware &&
           gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/jpeg");
}

bool answer_query(GstElement* decoder, GstQuery* query, const DecoderChoice& choice) {
    GstElementFactory* factory = gst_element_get_factory(decoder);
    if (!factory || !is_cuda_decoder(factory)) return false;
    gst::CapsRef wanted = wanted_caps(choice);
    GstCaps* asked = nullptr;
    switch (GST_QUERY_TYPE(query)) {
        case GST_QUERY_CAPS: {
            gst_query_parse_caps(query, &asked);
            gst::CapsRef answer = wanted;
            if (asked) answer = gst::CapsRef(gst_caps_intersect(asked, wanted.get()));
            gst_query_set_caps_result(query, answer.get());
            return true;
        }
        case GST_QUERY_ACCEPT_CAPS:
            gst_query_parse_accept_caps(query, &asked);
            gst_query_set_accept_caps_result(query, gst_caps_is_subset(asked, wanted.get()));
            return true;
        default:
            return false;
    }
}

std::string codec_name(GstCaps* caps) {
    gst::CString name(gst_pb_utils_get_codec_description(caps));
    return name ? name.get() : "unknown codec";
}

}  // namespace sluice::app::detail
