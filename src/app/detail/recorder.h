#pragma once

#include <atomic>
#include <deque>
#include <unordered_map>

#include "sluice/app/report.h"
#include "sluice/meta/frame.h"
#include "sluice/metrics/histogram.h"

namespace sluice::app::detail {

/// What passed the end of the analysis. record() is called by one thread at a time, everything else
/// by any.
class Recorder {
public:
    /// The run began at `begun`.
    explicit Recorder(std::size_t sources, TimePoint begun = {});

    void record(const meta::Batch& batch, TimePoint now);
    /// How long drawing took, waiting for it included: from any drawing thread.
    void record_drawn(const meta::Batch& batch);

    void fill(SourceReport& report, std::size_t source) const;
    void fill(RunReport& report) const;
    std::uint64_t frames(std::size_t source) const { return sources_[source].frames; }

private:
    /// Ids that were seen lately, with the frame in which they were last; old ones are forgotten.
    class TrackCount {
    public:
        void see(meta::TrackId id, std::uint64_t sequence);
        std::uint64_t total() const { return total_; }

    private:
        std::unordered_map<std::uint64_t, std::uint64_t> recent_;
        std::uint64_t next_prune_ = 0;
        std::atomic<std::uint64_t> total_{0};
    };
    struct PerSource {
        std::atomic<std::uint64_t> frames{0};
        std::atomic<std::uint64_t> inferred{0};
        std::atomic<std::uint64_t> objects{0};
        std::atomic<std::int64_t> first{0};
        std::atomic<std::int64_t> last{0};
        TrackCount tracks;
        metrics::Histogram latency;
    };
    void record_frame(const meta::Frame& frame, TimePoint now);
    void record_stages(const meta::Frame& frame);
    double seconds_until(std::int64_t first) const;

    const TimePoint begun_;
    std::deque<PerSource> sources_;  ///< a deque, as atomics cannot move
    metrics::Histogram latency_;
    metrics::Histogram stages_[meta::kStageCount];
    std::atomic<std::uint64_t> batches_{0};
    std::atomic<std::int64_t> first_{0};
    std::atomic<std::int64_t> last_{0};
    std::atomic<std::uint64_t> first_frames_{0};  ///< of the first batch
};

}  // namespace sluice::app::detail
