#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/metrics/histogram.h"

namespace sluice::metrics {

struct StageSnapshot {
    std::string name;
    HistogramSnapshot latency;
};

/// One histogram per named stage; the stages are fixed when it is made. Thread-safe.
class StageLatency {
public:
    explicit StageLatency(std::span<const std::string_view> names);

    std::size_t size() const { return stages_.size(); }
    /// `stage` counts the names as given; one that is out of range is ignored.
    void record(std::size_t stage, Duration value);
    /// In the order of the names.
    std::vector<StageSnapshot> snapshot() const;

private:
    struct Stage {
        explicit Stage(std::string_view text) : name(text) {}
        std::string name;
        Histogram latency;
    };
    std::deque<Stage> stages_;  ///< a deque, as histograms cannot move
};

}  // namespace sluice::metrics
