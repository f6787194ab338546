// What comes over the bus while a pipeline runs: whose failure it is decides what ends.
#include "sluice/app/detail/run_state.h"

#include <algorithm>

#include <fmt/format.h>
#include <gst/pbutils/pbutils.h>

#include "sluice/app/detail/elements.h"
#include "sluice/app/detail/file_length.h"

namespace sluice::app {

using detail::Branch;
using detail::SourceRun;

namespace {

// A file that ends before this part of its declared length was cut off.
constexpr double kWholeFrom = 0.95;
constexpr Duration kWholeSlack = std::chrono::seconds(1);

/// The object's ancestor right below the pipeline.
GstObject* child_of(GstObject* object, GstElement* pipeline) {
    while (object && GST_OBJECT_PARENT(object) != GST_OBJECT(pipeline))
        object = GST_OBJECT_PARENT(object);
    return object;
}

bool is_missing_plugin(GstMessage* message) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    bool is = g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) ||
              g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND);
    g_clear_error(&error);
    return is;
}

std::uint64_t missing_bytes(const Source& source) {
    return source.kind == SourceKind::kUri ? detail::missing_bytes(source.shown) : 0;
}

std::string name_of(const Branch& branch) {
    return branch.path.empty() ? to_text(branch.options.kind) : branch.path;
}

}  // namespace

Pipeline::State::~State() {
    if (!pipeline) return;
    stop_elements();
    GstBus* bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, nullptr, nullptr, nullptr);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

SourceRun* Pipeline::State::source_of(GstObject* object) {
    GstObject* top = child_of(object, pipeline);
    for (auto& run : sources) {
        if (top && top == GST_OBJECT(run->bin())) return run.get();
    }
    return nullptr;
}

Branch* Pipeline::State::branch_of(GstObject* object) {
    GstObject* top = child_of(object, pipeline);
    for (auto& branch : outputs.branches) {
        if (top && top == GST_OBJECT(branch->element)) return branch.get();
    }
    return nullptr;
}

void Pipeline::State::note_decoding(const SourceRun& run, const std::string& text) {
    const char* others = sources.size() > 1 ? " (other sources like it are not named)" : "";
    notices.add_first(text, fmt::format("warning: {}: {}{}", run.source().shown, text, others));
}

void Pipeline::State::handle(GstMessage* message) {
    switch (GST_MESSAGE_TYPE(message)) {
        case GST_MESSAGE_ERROR:
            handle_error(message);
            break;
        case GST_MESSAGE_WARNING:
            handle_warning(message);
            break;
        case GST_MESSAGE_EOS:
            finished = true;
            break;
        case GST_MESSAGE_APPLICATION:
            if (SourceRun* run = source_of(GST_MESSAGE_SRC(message))) {
                if (SourceRun::is_ask_again(message)) run->begin_again();
                if (const char* text = SourceRun::decoding_note(message)) note_decoding(*run, text);
            }
            break;
        case GST_MESSAGE_ELEMENT:
            if (gst_is_missing_plugin_message(message)) handle_missing(message);
            if (gst_message_has_name(message, "GstBinForwarded")) handle_forwarded(message);
            break;
        default:
            break;
    }
    look_whether_finished();
}

void Pipeline::State::handle_missing(GstMessage* message) {
    SourceRun* run = source_of(GST_MESSAGE_SRC(message));
    if (!run) return;
    gchar* what = gst_missing_plugin_message_get_description(message);
    gchar* detail = gst_missing_plugin_message_get_installer_detail(message);
    // Sound is none of our business.
    std::string details = detail ? detail : "";
    if (details.find("audio/") == std::string::npos) {
        run->missing = fmt::format("GStreamer has no {}: apt install {}",
                                   what ? what : "plug-in for it",
                                   detail::package_for(details));
    }
    g_free(what);
    g_free(detail);
}

void Pipeline::State::handle_forwarded(GstMessage* message) {
    const GValue* value = gst_structure_get_value(gst_message_get_structure(message), "message");
    auto* inner = value ? static_cast<GstMessage*>(g_value_get_boxed(value)) : nullptr;
    if (!inner || GST_MESSAGE_TYPE(inner) != GST_MESSAGE_EOS) return;
    if (Branch* branch = branch_of(GST_MESSAGE_SRC(inner))) branch->ended = true;
}

void Pipeline::State::handle_warning(GstMessage* message) {
    std::string text = detail::message_text(message);
    if (SourceRun* run = source_of(GST_MESSAGE_SRC(message))) {
        notices.add(fmt::format("warning: {}: {}", run->source().shown, text));
    } else if (Branch* branch = branch_of(GST_MESSAGE_SRC(message))) {
        notices.add(fmt::format("warning: {}: {}", name_of(*branch), text));
    } else {
        notices.add("warning: " + text);
    }
}

void Pipeline::State::handle_error(GstMessage* message) {
    std::string text = detail::message_text(message);
    if (SourceRun* run = source_of(GST_MESSAGE_SRC(message))) {
        if (is_missing_plugin(message)) {
            text = run->missing.empty() ? "there is no video in it" : run->missing;
        }
        fail_source(*run, std::move(text));
    } else if (Branch* branch = branch_of(GST_MESSAGE_SRC(message))) {
        fail_branch(*branch, std::move(text));
    } else if (error.empty()) {
        error = std::move(text);
        finished = true;
    }
}

void Pipeline::State::fail_source(SourceRun& run, std::string why) {
    // One that was told to end may stumble over it.
    if (!run.error.empty() || run.stopping()) return;
    run.error = std::move(why);
    notices.add(fmt::format("error: {}: {}", run.source().shown, run.error));
    run.stop();
}

void Pipeline::State::fail_overdue() {
    for (auto& run : sources) {
        if (!run->overdue(now())) continue;
        double seconds = to_seconds(run->source().options.source.start_timeout);
        fail_source(*run, fmt::format("no video came within {} s (start-timeout)", seconds));
    }
}

void Pipeline::State::fail_branch(Branch& branch, std::string why) {
    branch.cut();
    if (!branch.error.empty()) return;
    // A source that gave nothing leaves nothing to write: its own failure says it already.
    bool empty = started && branch.source >= 0 &&
                 recorder.frames(static_cast<std::size_t>(branch.source)) == 0;
    branch.error = empty ? "nothing to write: its source gave no frame" : std::move(why);
    if (!empty) notices.add(fmt::format("error: {}: {}", name_of(branch), branch.error));
}

void Pipeline::State::look_whether_finished() {
    bool all = true;
    bool any = false;
    for (const auto& branch : outputs.branches) {
        all = all && (branch->ended || branch->is_cut());
        any = any || !branch->is_cut();
    }
    if (started && all) finished = true;
    if (!any && error.empty() && !outputs.branches.empty()) error = "no output is left";
}

SourceState Pipeline::State::state_of(SourceRun& run, std::uint64_t frames) const {
    if (!run.error.empty()) return SourceState::kFailed;
    if (!run.ended()) {
        if (run.limit_reached()) return SourceState::kStopped;
        return stopped || finished ? SourceState::kStopped : SourceState::kRunning;
    }
    // Without its last pictures a file seems shorter than it is.
    bool thinned = run.source().options.source.skip != Skip::kNone;
    Duration declared = thinned ? Duration{} : run.duration();
    bool early = declared > Duration{} && run.position() + kWholeSlack < declared &&
                 to_seconds(run.position()) < to_seconds(declared) * kWholeFrom;
    early = early || missing_bytes(run.source()) > 0;
    return early || frames == 0 ? SourceState::kPartial : SourceState::kWhole;
}

Outcome Pipeline::State::outcome(const RunReport& report) const {
    if (!finished) return Outcome::kRunning;
    if (report.frames == 0) return Outcome::kNothing;
    bool whole = error.empty();
    for (const SourceReport& source : report.sources) {
        whole =
            whole && source.state != SourceState::kFailed && source.state != SourceState::kPartial;
    }
    for (const OutputReport& output : report.outputs)
        whole = whole && output.error.empty();
    return whole ? Outcome::kWhole : Outcome::kPartial;
}

}  // namespace sluice::app
