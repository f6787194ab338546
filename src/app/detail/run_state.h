#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sluice/app/chains.h"
#include "sluice/app/detail/branch.h"
#include "sluice/app/detail/notices.h"
#include "sluice/app/detail/source_run.h"
#include "sluice/app/detail/start_gate.h"
#include "sluice/app/detail/stats.h"
#include "sluice/app/pipeline.h"

namespace sluice::app {

/// A chain as elements.
struct RunningChain {
    Chain plan;
    GstElement* mux = nullptr;
    std::vector<GstElement*> models;
    GstElement* last = nullptr;
    /// A driver makes one device's decoders in turn.
    std::unique_ptr<detail::StartGate> gate = std::make_unique<detail::StartGate>();

    /// Where the first model reads its frames: plan.likely_device, and for certain once it is
    /// loaded.
    int pixel_device() const;
};

/// All of a run. Callbacks point to it, so it stays where it is, and the pipeline is stopped before
/// anything of it goes.
struct Pipeline::State {
    State(PipelineDescription wanted, std::size_t source_count, TimePoint begun)
        : description(std::move(wanted)), recorder(source_count, begun) {}
    ~State();

    /// Chains of mux, models and tracker; outputs; sources. Chains without a source are left out,
    /// with a warning.
    Result<void> build(std::vector<Chain> planned,
                       const std::vector<Source>& found,
                       RunLimits limits);
    Result<void> build_chain(RunningChain& chain);
    /// What the outputs follow: the end of the only chain, or where all of them come together.
    Result<GstElement*> join_chains();
    Result<void> add_sources(const std::vector<Source>& found, RunLimits limits);

    /// Gives all elements the contexts of the devices that they work on, so that none makes one of
    /// its own.
    void lend_contexts();
    void lend_context(GstElement* element, int device);

    /// Stops the elements; what they counted is kept.
    void close();
    void stop_elements();
    std::vector<ModelReport> report_models() const;
    std::vector<CrossingReport> report_crossings() const;

    void handle(GstMessage* message);
    void handle_error(GstMessage* message);
    void handle_warning(GstMessage* message);
    void handle_missing(GstMessage* message);
    void handle_forwarded(GstMessage* message);
    void fail_source(detail::SourceRun& run, std::string why);
    /// Servers that say nothing; and decodebin loses the error of a demuxer that fails at once.
    void fail_overdue();
    void fail_branch(detail::Branch& branch, std::string why);
    /// Of all sources that are decoded alike, the first alone.
    void note_decoding(const detail::SourceRun& run, const std::string& text);
    /// Set when nothing more can come out.
    void look_whether_finished();

    detail::SourceRun* source_of(GstObject* object);
    detail::Branch* branch_of(GstObject* object);
    SourceState state_of(detail::SourceRun& run, std::uint64_t frames) const;
    Outcome outcome(const RunReport& report) const;

    const PipelineDescription description;
    GstElement* pipeline = nullptr;
    std::vector<RunningChain> chains;
    GstElement* join = nullptr;  ///< of several chains
    std::vector<std::unique_ptr<detail::SourceRun>> sources;
    detail::Recorder recorder;
    detail::Outputs outputs;

    const CrossingReport user_copies_before = detail::read_user_copies();
    bool started = false;
    bool finished = false;
    bool closed = false;
    std::vector<ModelReport> model_reports;        ///< once closed
    std::vector<CrossingReport> crossing_reports;  ///< once closed
    bool stopped = false;
    bool interrupted = false;
    std::string error;  ///< what stopped all of it
    detail::Notices notices;
};

}  // namespace sluice::app
