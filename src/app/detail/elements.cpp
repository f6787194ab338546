#include "sluice/app/detail/elements.h"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/gst/handles.h"

namespace sluice::app::detail {
namespace {

struct Package {
    std::string_view part;
    std::string_view package;
};
// Debian's and Ubuntu's; the first part that is found in the name decides.
constexpr Package kPackages[] = {
    {"x264enc", "gstreamer1.0-plugins-ugly"},      {"openh264", "gstreamer1.0-plugins-bad"},
    {"parse", "gstreamer1.0-plugins-bad"},         {"mpegts", "gstreamer1.0-plugins-bad"},
    {"mpegps", "gstreamer1.0-plugins-bad"},        {"rtmp", "gstreamer1.0-plugins-bad"},
    {"uridecodebin", "gstreamer1.0-plugins-base"}, {"decodebin", "gstreamer1.0-plugins-base"},
    {"videoconvert", "gstreamer1.0-plugins-base"}, {"videotestsrc", "gstreamer1.0-plugins-base"},
    {"appsrc", "gstreamer1.0-plugins-base"},       {"mux", "gstreamer1.0-plugins-good"},
    {"demux", "gstreamer1.0-plugins-good"},        {"autovideosink", "gstreamer1.0-plugins-good"},
    {"videocrop", "gstreamer1.0-plugins-good"},    {"jpegdec", "gstreamer1.0-plugins-good"},
    {"pngdec", "gstreamer1.0-plugins-good"},       {"v4l2", "gstreamer1.0-plugins-good"},
    {"rtsp", "gstreamer1.0-plugins-good"},         {"video/x-", "gstreamer1.0-libav"},
    {"video/mpeg", "gstreamer1.0-libav"},          {"image/", "gstreamer1.0-plugins-good"},
};

std::string value_text(GObject* object, GParamSpec* spec) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(object, spec->name, &value);
    std::string text;
    if (!g_param_value_defaults(spec, &value)) {
        gchar* written = gst_value_serialize(&value);
        if (written) text = written;
        g_free(written);
    }
    g_value_unset(&value);
    return text;
}

// What GStreamer or we set for our own ends tells a reader nothing.
bool is_internal(std::string_view name) {
    constexpr std::string_view kInternal[] = {
        "name", "parent", "async", "sync", "qos", "faststart-file", "source-names"};
    return std::find(std::begin(kInternal), std::end(kInternal), name) != std::end(kInternal);
}

std::string changed_properties(GstElement* element) {
    std::string out;
    guint count = 0;
    GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    for (guint i = 0; i < count; ++i) {
        std::string_view name = specs[i]->name;
        bool plain = specs[i]->owner_type != GST_TYPE_OBJECT &&
                     (specs[i]->flags & G_PARAM_READABLE) && (specs[i]->flags & G_PARAM_WRITABLE) &&
                     !G_IS_PARAM_SPEC_OBJECT(specs[i]);
        if (!plain || is_internal(name)) continue;
        std::string text = value_text(G_OBJECT(element), specs[i]);
        if (!text.empty()) out += fmt::format(" {}={}", name, text);
    }
    g_free(specs);
    return out;
}

const char* kind_of(GstElement* element) {
    GstElementFactory* factory = gst_element_get_factory(element);
    return factory ? GST_OBJECT_NAME(factory) : GST_OBJECT_NAME(element);
}

// The pad's partner, looking through the ghosts of bins.
GstElement* next_element(GstPad* pad) {
    GstPad* peer = gst_pad_get_peer(pad);
    while (peer && GST_IS_GHOST_PAD(peer)) {
        GstPad* inner = gst_ghost_pad_get_target(GST_GHOST_PAD(peer));
        gst_object_unref(peer);
        peer = inner;
    }
    GstElement* next = peer ? gst_pad_get_parent_element(peer) : nullptr;
    if (peer) gst_object_unref(peer);
    return next;
}

void write_from(GstElement* element, GstElement* end, int depth, std::string& out) {
    if (element == end) return;
    out += fmt::format("{:{}}{}{}\n", "", depth * 2, kind_of(element), changed_properties(element));
    int branches = static_cast<int>(g_list_length(element->srcpads));
    for (GList* pad = element->srcpads; pad; pad = pad->next) {
        GstElement* next = next_element(GST_PAD(pad->data));
        if (!next) continue;
        if (branches > 1)
            out += fmt::format("{:{}}- {}:\n", "", depth * 2, GST_PAD_NAME(pad->data));
        write_from(next, end, branches > 1 ? depth + 1 : depth, out);
        gst_object_unref(next);
    }
}

}  // namespace

Result<GstElement*> make_element(const char* factory, const char* name) {
    if (GstElement* element = gst_element_factory_make(factory, name)) return element;
    return not_found(fmt::format(
        "GStreamer has no element '{}': apt install {}", factory, package_for(factory)));
}

Result<GstElement*> add_element(GstElement* bin, const char* factory, const char* name) {
    GstElement* element = SLUICE_TRY(make_element(factory, name));
    gst_bin_add(GST_BIN(bin), element);
    return element;
}

Result<void> link_elements(GstElement* from, GstElement* to) {
    if (gst_element_link(from, to)) return {};
    return internal_error(
        fmt::format("{} does not link to {}", GST_OBJECT_NAME(from), GST_OBJECT_NAME(to)));
}

Result<void> link_pads(GstPad* from, GstPad* to) {
    GstPadLinkReturn linked = gst_pad_link(from, to);
    if (linked == GST_PAD_LINK_OK) return {};
    return internal_error(fmt::format("{} does not link to {}: {}",
                                      GST_PAD_NAME(from),
                                      GST_PAD_NAME(to),
                                      gst_pad_link_get_name(linked)));
}

void add_ghost(GstElement* bin, const char* name, GstPad* pad) {
    GstPad* ghost = gst_ghost_pad_new(name, pad);
    gst_object_unref(pad);
    gst_pad_set_active(ghost, TRUE);
    gst_element_add_pad(bin, ghost);
}

void set_property(GstElement* element, const std::string& name, const std::string& text) {
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name.c_str());
    if (spec && spec->value_type == G_TYPE_STRING) {
        g_object_set(element, name.c_str(), text.c_str(), nullptr);
    } else {
        gst_util_set_object_arg(G_OBJECT(element), name.c_str(), text.c_str());
    }
}

std::string message_text(GstMessage* message) {
    GError* error = nullptr;
    gchar* debug = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, &debug);
    } else {
        gst_message_parse_warning(message, &error, &debug);
    }
    std::string text = error ? error->message : "unknown error";
    // GStreamer's texts are general; the reason is the last line of what it has for developers.
    std::string_view detail = debug ? std::string_view(debug) : std::string_view();
    std::size_t end = detail.rfind('\n');
    if (end != std::string_view::npos && end + 1 < detail.size()) {
        text += fmt::format(" ({})", detail.substr(end + 1));
    }
    g_clear_error(&error);
    g_free(debug);
    return text;
}

std::string package_for(const std::string& missing) {
    for (const Package& entry : kPackages) {
        if (missing.find(entry.part) != std::string::npos) return std::string(entry.package);
    }
    return "gstreamer1.0-libav gstreamer1.0-plugins-bad";
}

std::string missing_nvcodec() {
    gst::ObjectPtr<GstPlugin> plugin(gst_registry_find_plugin(gst_registry_get(), "nvcodec"));
    if (plugin) return "";
    return "GStreamer's plug-in nvcodec is missing: apt install gstreamer1.0-plugins-bad";
}

std::string outline(GstElement* first, GstElement* end) {
    std::string out;
    write_from(first, end, 0, out);
    return out;
}

}  // namespace sluice::app::detail
