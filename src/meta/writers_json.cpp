#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "sluice/meta/writers.h"

namespace sluice::meta {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629, section 4), or 0.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    unsigned second = byte(1);
    bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    bool surrogate = lead == 0xED && second > 0x9F;
    bool beyond = lead == 0xF4 && second > 0x8F;
    return overlong || surrogate || beyond ? 0 : length;
}

void append_string(std::string& out, std::string_view text) {
    out.push_back('"');
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        auto c = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            out += "\xEF\xBF\xBD";
            length = 1;
        } else if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(text[0]);
        } else if (c < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        } else {
            out.append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
    out.push_back('"');
}

void append_number(std::string& out, float value, int digits) {
    if (std::isfinite(value)) {
        fmt::format_to(std::back_inserter(out), "{:.{}f}", value, digits);
    } else {
        out += "null";
    }
}

void append_box(std::string& out, std::string_view key, const PixelBox& box) {
    out += key;
    out.push_back('[');
    append_number(out, box.left, 3);
    out.push_back(',');
    append_number(out, box.top, 3);
    out.push_back(',');
    append_number(out, box.width, 3);
    out.push_back(',');
    append_number(out, box.height, 3);
    out.push_back(']');
}

bool sized(const PixelBox& box) {
    return box.width != 0 || box.height != 0;
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    out += key;
    append_string(out, text);
}

void append_labels(std::string& out, const Object& object) {
    if (object.labels.empty()) return;
    out += ",\"labels\":[";
    const char* separator = "";
    for (const Label& label : object.labels) {
        fmt::format_to(std::back_inserter(out),
                       "{}{{\"class_id\":{},\"component\":{}",
                       separator,
                       label.class_id.value,
                       label.component_id);
        append_text(out, ",\"attribute\":", label.attribute.view());
        append_text(out, ",\"value\":", label.value.view());
        out += ",\"score\":";
        append_number(out, label.score, 4);
        out.push_back('}');
        separator = ",";
    }
    out.push_back(']');
}

struct Space {
    const Frame& frame;
    BoxSpace space;
    PixelBox operator()(const PixelBox& box) const {
        return space == BoxSpace::kSource ? to_source(box, frame) : box;
    }
};

void append_object(std::string& out, const Object& object, const Space& place) {
    fmt::format_to(std::back_inserter(out),
                   "{{\"class_id\":{},\"component\":{}",
                   object.class_id.value,
                   object.component_id);
    append_text(out, ",\"label\":", object.label.view());
    append_box(out, ",\"box\":", place(object.box));
    if (sized(object.detector_box)) {
        append_box(out, ",\"detector_box\":", place(object.detector_box));
        out += ",\"score\":";
        append_number(out, object.score, 4);
    }
    if (object.tracked()) {
        fmt::format_to(std::back_inserter(out), ",\"track_id\":{}", object.track_id.value);
        if (sized(object.tracker_box)) {
            append_box(out, ",\"tracker_box\":", place(object.tracker_box));
        }
        out += ",\"tracker_confidence\":";
        append_number(out, object.tracker_confidence, 4);
    }
    if (object.parent != kNoParent) {
        fmt::format_to(std::back_inserter(out), ",\"parent\":{}", object.parent);
    }
    append_labels(out, object);
    out.push_back('}');
}

std::string_view word(Inference inference) {
    switch (inference) {
        case Inference::kDone:
            return "done";
        case Inference::kSkipped:
            return "skipped";
        case Inference::kNone:
            break;
    }
    return "none";
}

}  // namespace

void append_json_line(std::string& out,
                      const Frame& frame,
                      const SourceText& source,
                      BoxSpace space) {
    fmt::format_to(std::back_inserter(out),
                   "{{\"schema\":\"sluice.frame/1\",\"source\":{{\"id\":{}",
                   frame.source.value);
    append_text(out, ",\"name\":", source.name);
    append_text(out, ",\"uri\":", source.uri);
    fmt::format_to(std::back_inserter(out), "}},\"sequence\":{},\"pts_ns\":", frame.sequence);
    if (frame.pts_ns == kNoPts) {
        out += "null";
    } else {
        fmt::format_to(std::back_inserter(out), "{}", frame.pts_ns);
    }
    fmt::format_to(std::back_inserter(out),
                   ",\"source_size\":[{},{}],\"size\":[{},{}]",
                   frame.source_size.width,
                   frame.source_size.height,
                   frame.size.width,
                   frame.size.height);
    append_box(out, ",\"content\":", frame.content);
    fmt::format_to(std::back_inserter(out),
                   ",\"space\":\"{}\",\"inference\":\"{}\",\"objects\":[",
                   space == BoxSpace::kSource ? "source" : "processing",
                   word(frame.inference));
    const char* separator = "";
    for (const Object& object : frame.objects) {
        out += separator;
        append_object(out, object, {frame, space});
        separator = ",";
    }
    out += "]}\n";
}

}  // namespace sluice::meta
