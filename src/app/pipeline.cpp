#include "sluice/app/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "sluice/app/chains.h"
#include "sluice/app/detail/elements.h"
#include "sluice/app/detail/file_length.h"
#include "sluice/app/detail/run_state.h"
#include "sluice/app/detail/stats.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/register.h"
#include "sluice/track/registry.h"

namespace sluice::app {

using detail::Branch;
using detail::SourceRun;

namespace {

namespace fs = std::filesystem;

// Frames of images carry their file's name, so that what is written about them names it.
GstPadProbeReturn name_images(GstPad*, GstPadProbeInfo* info, gpointer data) {
    auto& runs = *static_cast<std::vector<std::unique_ptr<SourceRun>>*>(data);
    auto* payload = gst::find_payload(GST_PAD_PROBE_INFO_BUFFER(info));
    if (!payload) return GST_PAD_PROBE_OK;
    for (meta::Frame& frame : payload->batch.frames) {
        const Source& source = runs[frame.source.value]->source();
        if (source.kind != SourceKind::kImages) continue;
        const std::string& image = detail::image_at(source, frame.pts_ns);
        if (image.empty()) continue;
        frame.user_data.push_back({"sluice.uri", std::make_shared<const std::string>(image)});
    }
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn record_batch(GstPad*, GstPadProbeInfo* info, gpointer data) {
    if (auto* payload = gst::find_payload(GST_PAD_PROBE_INFO_BUFFER(info))) {
        static_cast<detail::Recorder*>(data)->record(payload->batch, now());
    }
    return GST_PAD_PROBE_OK;
}

void add_buffer_probe(GstElement* element, GstPadProbeCallback callback, gpointer data) {
    gst::ObjectPtr<GstPad> pad(gst_element_get_static_pad(element, "src"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, callback, data, nullptr);
}

// Windows would wait for a first frame before anything may run.
void do_not_wait(GstBin*, GstBin*, GstElement* element, gpointer) {
    bool sink = GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SINK);
    if (sink && g_object_class_find_property(G_OBJECT_GET_CLASS(element), "async")) {
        g_object_set(element, "async", FALSE, nullptr);
    }
}

/// A decoder's threads cost memory and latency for each stream: with a stream per core and more,
/// one each is enough. With fewer, one alone gets too little of a core that it shares with the
/// network, and the network waits for it.
int decoder_threads(std::size_t sources) {
    std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    return static_cast<int>(std::clamp<std::size_t>((cores + sources - 1) / sources, 1, 4));
}

Result<GstElement*> add_model(GstElement* pipeline, const gst::InferSettings& settings) {
    GstElement* model = SLUICE_TRY(detail::add_element(pipeline, "sluiceinfer"));
    detail::set_properties(model, settings);
    detail::set_properties(model, settings.engine);
    detail::set_properties(model, settings.secondary);
    for (const auto& [name, text] : settings.description) {
        if (!g_object_class_find_property(G_OBJECT_GET_CLASS(model), name.c_str())) {
            return invalid_argument(fmt::format("option '{}' belongs into the model's file", name));
        }
        detail::set_property(model, name, text);
    }
    return model;
}

/// Errors of the tracker's options show here, before anything starts.
Result<void> check_tracker(const TrackerOptions& options) {
    track::TrackerSettings settings{options.tracker, options.ll_config_file, {}};
    settings.options = SLUICE_TRY(track::parse_tracker_options(options.options));
    SLUICE_TRY(track::tracker_factory(settings));
    return {};
}

// In the thread that failed, before its error goes upstream: the branch is cut off in time.
GstBusSyncReply cut_failed_branch(GstBus*, GstMessage* message, gpointer data) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return GST_BUS_PASS;
    auto& branches = *static_cast<std::vector<std::unique_ptr<Branch>>*>(data);
    for (auto& branch : branches) {
        auto* failed = GST_MESSAGE_SRC(message);
        auto* element = GST_OBJECT(branch->element);
        if (failed == element || gst_object_has_as_ancestor(failed, element)) branch->cut();
    }
    return GST_BUS_PASS;
}

/// Counts what is there of a file, or of the files in a folder.
void count_files(const std::string& path, OutputReport& report) {
    std::error_code failed;
    auto count = [&](const fs::path& file) {
        if (!fs::is_regular_file(file, failed)) return;
        ++report.files;
        report.bytes += fs::file_size(file, failed);
    };
    count(path);
    for (const auto& entry : fs::directory_iterator(path, failed))
        count(entry.path());
}

}  // namespace

Result<void> initialise() {
    GError* failed = nullptr;
    if (!gst_init_check(nullptr, nullptr, &failed)) {
        Error error = internal_error(failed ? failed->message : "GStreamer does not start");
        g_clear_error(&failed);
        return error;
    }
    if (!gst::register_static_plugin()) return internal_error("GStreamer refuses our elements");
    // Threads that streams leave wait for others, or for the process's end. One that ends while
    // exit() runs can crash NVIDIA's driver: its EGL cleans up in both (580.159, a run in five).
    g_thread_pool_set_max_unused_threads(-1);
    g_thread_pool_set_max_idle_time(0);
    return {};
}

Result<void> Pipeline::State::build_chain(RunningChain& chain) {
    chain.mux = SLUICE_TRY(detail::add_element(pipeline, "sluicemux"));
    detail::set_properties(chain.mux, description.mux);
    std::vector<GstElement*> elements{chain.mux};
    for (bool on_objects : {false, true}) {
        for (const gst::InferSettings& settings : chain.plan.models) {
            if ((settings.process_mode == 2) != on_objects) continue;
            chain.models.push_back(SLUICE_TRY(add_model(pipeline, settings)));
            elements.push_back(chain.models.back());
        }
        if (on_objects || !has_tracker(description)) continue;
        SLUICE_TRY(check_tracker(description.tracker).context("tracker"));
        elements.push_back(SLUICE_TRY(detail::add_element(pipeline, "sluicetracker")));
        detail::set_properties(elements.back(), description.tracker);
    }
    for (std::size_t i = 1; i < elements.size(); ++i)
        SLUICE_TRY(detail::link_elements(elements[i - 1], elements[i]));
    chain.last = elements.back();
    return {};
}

Result<GstElement*> Pipeline::State::join_chains() {
    if (chains.size() == 1) return chains.front().last;
    join = SLUICE_TRY(detail::add_element(pipeline, "funnel"));
    // All chains' caps and segments say the same: the first ones stand for all.
    g_object_set(join, "forward-sticky-events", FALSE, nullptr);
    for (const RunningChain& chain : chains)
        SLUICE_TRY(detail::link_elements(chain.last, join));
    return join;
}

Result<void> Pipeline::State::add_sources(const std::vector<Source>& found, RunLimits limits) {
    sources.resize(found.size());
    for (const RunningChain& chain : chains) {
        for (std::size_t i : chain.plan.sources) {
            sources[i] = SLUICE_TRY(
                SourceRun::create(found[i], {limits.frames, decoder_threads(found.size())}));
            SLUICE_TRY(
                sources[i]->join(pipeline, chain.mux, *chain.gate, static_cast<unsigned>(i)));
        }
    }
    return {};
}

Result<void> Pipeline::State::build(std::vector<Chain> planned,
                                    const std::vector<Source>& found,
                                    RunLimits limits) {
    pipeline = gst_pipeline_new("sluice");
    gst_object_ref_sink(pipeline);
    g_object_set(pipeline, "message-forward", TRUE, nullptr);
    g_signal_connect(pipeline, "deep-element-added", G_CALLBACK(do_not_wait), nullptr);
    detail::PixelPlaces places{std::vector<int>(found.size()), picture_device(planned)};
    for (Chain& plan : planned) {
        if (plan.sources.empty()) {
            notices.add(
                fmt::format("warning: {} stays idle: no source is left for it", plan.device));
            continue;
        }
        for (std::size_t source : plan.sources)
            places.of_source[source] = plan.likely_device;
        chains.emplace_back().plan = std::move(plan);
        SLUICE_TRY(build_chain(chains.back()));
    }
    GstElement* last = SLUICE_TRY(join_chains());
    add_buffer_probe(last, record_batch, &recorder);
    outputs =
        SLUICE_TRY(detail::Outputs::create(pipeline, last, description, found, places, recorder));
    SLUICE_TRY(add_sources(found, limits));
    bool images = std::any_of(found.begin(), found.end(), [](const Source& source) {
        return source.kind == SourceKind::kImages;
    });
    for (const RunningChain& chain : chains) {
        if (images) add_buffer_probe(chain.mux, name_images, &sources);
    }
    GstBus* bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, cut_failed_branch, &outputs.branches, nullptr);
    gst_object_unref(bus);
    return {};
}

int RunningChain::pixel_device() const {
    if (models.empty()) return plan.likely_device;
    return detail::read_pixel_device(models.front());
}

void Pipeline::State::lend_context(GstElement* element, int device) {
    if (device == memory::kHostMemory) return;
    auto context = gst::cuda_context(device);
    if (context) {
        gst_element_set_context(element, context->get());
    } else {
        notices.add(fmt::format("warning: frames are copied, since {}", context.error().text()));
    }
}

// A bin has one context and hands it down: each source's is its own chain's, what all share gets
// that of the first device. (cudadownload, all that asks there, takes frames of any.)
void Pipeline::State::lend_contexts() {
    auto first = std::find_if(chains.begin(), chains.end(), [](const RunningChain& chain) {
        return chain.plan.likely_device != memory::kHostMemory;
    });
    if (first != chains.end()) lend_context(pipeline, first->plan.likely_device);
    for (const RunningChain& chain : chains) {
        for (std::size_t i : chain.plan.sources)
            lend_context(sources[i]->bin(), chain.plan.likely_device);
    }
}

std::vector<ModelReport> Pipeline::State::report_models() const {
    std::vector<ModelReport> reports;
    for (const RunningChain& chain : chains) {
        for (GstElement* element : chain.models) {
            ModelReport report;
            gchar* file = nullptr;
            g_object_get(element, "model", &file, nullptr);
            if (file) report.file = file;
            g_free(file);
            detail::read_model_stats(element, report);
            reports.push_back(std::move(report));
        }
    }
    return reports;
}

std::vector<CrossingReport> Pipeline::State::report_crossings() const {
    std::vector<CrossingReport> reports = detail::read_crossings(pipeline);
    for (const auto& branch : outputs.branches) {
        if (branch->downloaded_frames == 0) continue;
        reports.push_back({"cudadownload before " + branch->path,
                           branch->downloaded_frames,
                           branch->downloaded_bytes,
                           0,
                           0});
    }
    CrossingReport user = detail::read_user_copies();
    user.frames_to_host -= user_copies_before.frames_to_host;
    user.bytes_to_host -= user_copies_before.bytes_to_host;
    if (user.frames_to_host > 0) reports.push_back(std::move(user));
    return reports;
}

void Pipeline::State::stop_elements() {
    for (const RunningChain& chain : chains)
        chain.gate->close();
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

// Models forget what they counted when they are stopped.
void Pipeline::State::close() {
    if (closed) return;
    closed = true;
    model_reports = report_models();
    crossing_reports = report_crossings();
    stop_elements();
}

Pipeline::Pipeline(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pipeline::~Pipeline() = default;

Result<std::unique_ptr<Pipeline>> Pipeline::create(const PipelineDescription& description,
                                                   const std::vector<Source>& sources,
                                                   RunLimits limits) {
    const TimePoint begun = now();
    auto chains = SLUICE_TRY(plan_chains(description, sources, gst::cuda_device_count()));
    auto state = std::make_unique<State>(description, sources.size(), begun);
    SLUICE_TRY(state->build(std::move(chains), sources, limits));
    return std::unique_ptr<Pipeline>(new Pipeline(std::move(state)));
}

Result<std::unique_ptr<Pipeline>> Pipeline::create_sources(const PipelineDescription& description,
                                                           const std::vector<Source>& sources) {
    PipelineDescription alone;
    alone.sources = description.sources;
    alone.tracker.tracker = "none";
    auto chains = SLUICE_TRY(plan_chains(description, sources, gst::cuda_device_count()));
    for (Chain& chain : chains)
        chain.models.clear();
    auto state = std::make_unique<State>(alone, sources.size(), now());
    SLUICE_TRY(state->build(std::move(chains), sources, {1}));
    return std::unique_ptr<Pipeline>(new Pipeline(std::move(state)));
}

Result<void> Pipeline::start() {
    State& state = *state_;
    state.lend_contexts();
    if (gst_element_set_state(state.pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        while (poll(Duration{})) {
        }
        state.finished = true;
        std::string why = state.error.empty() ? "the pipeline does not start" : state.error;
        for (const auto& branch : state.outputs.branches) {
            bool named = branch->error.find(branch->path) != std::string::npos;
            if (!branch->error.empty()) return io_error(branch->error, named ? "" : branch->path);
        }
        return invalid_argument(why);
    }
    state.started = true;
    for (auto& run : state.sources) {
        if (std::uint64_t missing = detail::missing_bytes(run->source().shown)) {
            state.notices.add(fmt::format("warning: {}: the file is cut off: {} bytes are missing",
                                          run->source().shown,
                                          missing));
        }
    }
    for (const RunningChain& chain : state.chains) {
        const int device = chain.pixel_device();
        for (std::size_t i : chain.plan.sources)
            state.sources[i]->want_frames_on(device);
    }
    for (auto& run : state.sources) {
        if (!run->start()) poll(Duration{});
    }
    return {};
}

bool Pipeline::poll(Duration wait) {
    State& state = *state_;
    GstBus* bus = gst_element_get_bus(state.pipeline);
    GstClockTime timeout = static_cast<GstClockTime>(wait.count());
    while (GstMessage* message = gst_bus_timed_pop(bus, timeout)) {
        state.handle(message);
        gst_message_unref(message);
        timeout = 0;
    }
    gst_object_unref(bus);
    if (state.started) state.fail_overdue();
    if (state.finished) state.close();
    return !state.finished && (state.started || wait > Duration{});
}

void Pipeline::stop(bool interrupted) {
    state_->stopped = true;
    state_->interrupted = state_->interrupted || interrupted;
    for (auto& run : state_->sources)
        run->stop();
}

RunReport Pipeline::report() const {
    State& state = *state_;
    RunReport report;
    report.interrupted = state.interrupted;
    report.error = state.error;
    for (std::size_t i = 0; i < state.sources.size(); ++i) {
        SourceRun& run = *state.sources[i];
        SourceReport source;
        state.recorder.fill(source, i);
        source.name = run.source().name;
        source.shown = run.source().shown;
        source.live = run.source().live;
        source.error = run.error;
        source.corrupt = run.corrupt();
        source.position = run.position();
        source.duration = run.duration();
        source.state = state.state_of(run, source.frames);
        report.sources.push_back(std::move(source));
    }
    state.recorder.fill(report);
    std::vector<GstElement*> muxes;
    for (const RunningChain& chain : state.chains)
        muxes.push_back(chain.mux);
    detail::read_mux_stats(muxes, report);
    report.models = state.finished ? state.model_reports : state.report_models();
    report.crossings = state.finished ? state.crossing_reports : state.report_crossings();
    for (const auto& branch : state.outputs.branches) {
        if (branch->path.empty() && branch->error.empty()) continue;
        OutputReport output{
            to_text(branch->options.kind), branch->path, 0, 0, branch->dropped, branch->error};
        for (const std::string& file : branch->files)
            count_files(file, output);
        report.outputs.push_back(std::move(output));
    }
    report.outcome = state.outcome(report);
    return report;
}

std::vector<Decoding> Pipeline::decodings() const {
    std::vector<Decoding> all;
    for (const auto& run : state_->sources) {
        all.push_back(run->decoding());
        all.back().error = run->error;
    }
    return all;
}

std::vector<std::string> Pipeline::take_notices() {
    return state_->notices.take();
}

std::string Pipeline::outline() const {
    std::string text;
    for (const RunningChain& chain : state_->chains)
        text += detail::outline(chain.mux, state_->join);
    if (state_->join) text += detail::outline(state_->join);
    return text;
}

}  // namespace sluice::app
