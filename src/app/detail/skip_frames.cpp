// gst-libav's property skip-frame has no effect (its values are those of an older FFmpeg; tried
// with 1.22), so pictures are left out before they reach the decoder, whichever it is.
#include "sluice/app/detail/skip_frames.h"

#include <algorithm>
#include <memory>

#include "sluice/gst/handles.h"

namespace sluice::app::detail {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// Position after the next 00 00 01, or the end.
std::size_t after_start_code(Bytes bytes, std::size_t from) {
    for (std::size_t i = from; i + 3 <= bytes.size(); ++i) {
        if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i + 3;
    }
    return bytes.size();
}

enum class Verdict { kNotAPicture, kReference, kNonReference };

// H.264, 7.4.1: slices are units 1 to 5, nal_ref_idc 0 says that nothing refers to them.
Verdict judge_h264(Bytes unit) {
    int type = unit[0] & 0x1F;
    if (type < 1 || type > 5) return Verdict::kNotAPicture;
    return (unit[0] & 0x60) == 0 ? Verdict::kNonReference : Verdict::kReference;
}

// H.265, table 7-1: even types below 16 are sub-layer non-reference pictures.
Verdict judge_h265(Bytes unit) {
    int type = (unit[0] >> 1) & 0x3F;
    if (type > 31) return Verdict::kNotAPicture;
    return type < 16 && type % 2 == 0 ? Verdict::kNonReference : Verdict::kReference;
}

// MPEG-4 part 2, 6.2.5: a VOP begins with B6, its coding type is the next two bits, 2 is a B-VOP.
Verdict judge_mpeg4(Bytes unit) {
    if (unit[0] != 0xB6 || unit.size() < 2) return Verdict::kNotAPicture;
    return (unit[1] >> 6) == 2 ? Verdict::kNonReference : Verdict::kReference;
}

// MPEG-2, 6.2.3: ten bits of temporal reference, then three of picture_coding_type; 3 is a B.
Verdict judge_mpeg2(Bytes unit) {
    if (unit[0] != 0x00 || unit.size() < 3) return Verdict::kNotAPicture;
    return ((unit[2] >> 3) & 7) == 3 ? Verdict::kNonReference : Verdict::kReference;
}

Verdict judge(Codec codec, Bytes unit) {
    if (unit.empty()) return Verdict::kNotAPicture;
    switch (codec) {
        case Codec::kH264:
            return judge_h264(unit);
        case Codec::kH265:
            return judge_h265(unit);
        case Codec::kMpeg4:
            return judge_mpeg4(unit);
        case Codec::kMpeg2:
            return judge_mpeg2(unit);
        case Codec::kOther:
            break;
    }
    return Verdict::kNotAPicture;
}

/// The unit that begins at or after `at`, whose end is then `at`; empty at the end.
Bytes next_unit(Bytes picture, int length_bytes, std::size_t& at) {
    if (length_bytes == 0) {
        std::size_t begin = after_start_code(picture, at);
        at = begin;
        return picture.subspan(begin);
    }
    std::size_t header = static_cast<std::size_t>(length_bytes);
    if (at > picture.size() || picture.size() - at <= header) return {};
    std::size_t length = 0;
    for (std::size_t i = 0; i < header; ++i)
        length = length << 8 | picture[at + i];
    Bytes unit = picture.subspan(at + header);
    at += header + std::min(length, unit.size());
    return unit;
}

Packing packing_of(GstCaps* caps) {
    const GstStructure* structure = gst_caps_get_structure(caps, 0);
    Packing packing;
    gint version = 0;
    gst_structure_get_int(structure, "mpegversion", &version);
    if (gst_structure_has_name(structure, "video/x-h264")) packing.codec = Codec::kH264;
    if (gst_structure_has_name(structure, "video/x-h265")) packing.codec = Codec::kH265;
    if (gst_structure_has_name(structure, "video/mpeg")) {
        packing.codec = version == 4 ? Codec::kMpeg4 : Codec::kMpeg2;
    }
    if (gst_structure_has_name(structure, "video/x-xvid") ||
        gst_structure_has_name(structure, "video/x-divx")) {
        packing.codec = Codec::kMpeg4;
    }
    // Parsers give four bytes of length, or start codes.
    const gchar* format = gst_structure_get_string(structure, "stream-format");
    if (format && !g_str_equal(format, "byte-stream")) packing.length_bytes = 4;
    return packing;
}

struct Filter {
    Skip skip;
    Packing packing;
};

bool wanted(const Filter& filter, GstBuffer* buffer) {
    if (filter.skip == Skip::kNonKey)
        return !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return true;
    bool droppable = is_non_reference({map.data, map.size}, filter.packing);
    gst_buffer_unmap(buffer, &map);
    return !droppable;
}

GstPadProbeReturn on_encoded(GstPad*, GstPadProbeInfo* info, gpointer data) {
    auto& filter = *static_cast<Filter*>(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        return wanted(filter, GST_PAD_PROBE_INFO_BUFFER(info)) ? GST_PAD_PROBE_OK
                                                               : GST_PAD_PROBE_DROP;
    }
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps* caps = nullptr;
        gst_event_parse_caps(event, &caps);
        filter.packing = packing_of(caps);
    }
    return GST_PAD_PROBE_OK;
}

}  // namespace

bool is_non_reference(std::span<const std::uint8_t> picture, const Packing& packing) {
    if (packing.codec == Codec::kOther) return false;
    for (std::size_t at = 0;;) {
        Bytes unit = next_unit(picture, packing.length_bytes, at);
        if (unit.empty()) return false;
        // All slices of a picture agree: the first one tells.
        Verdict verdict = judge(packing.codec, unit);
        if (verdict != Verdict::kNotAPicture) return verdict == Verdict::kNonReference;
    }
}

void skip_frames_before(GstElement* decoder, Skip skip) {
    gst::ObjectPtr<GstPad> pad(gst_element_get_static_pad(decoder, "sink"));
    if (!pad) return;
    gst_pad_add_probe(pad.get(),
                      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      on_encoded,
                      new Filter{skip, {}},
                      [](gpointer data) { delete static_cast<Filter*>(data); });
}

}  // namespace sluice::app::detail
