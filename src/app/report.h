#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/metrics/histogram.h"

namespace sluice::app {

/// A distribution in five numbers.
struct LatencyFigures {
    std::uint64_t count = 0;
    Duration mean{};
    Duration p50{};
    Duration p95{};
    Duration p99{};
    Duration max{};
};
LatencyFigures figures(const metrics::HistogramSnapshot& latency);

struct NamedLatency {
    std::string name;
    LatencyFigures latency;
};

enum class SourceState {
    kRunning,
    kWhole,    ///< read to its end
    kStopped,  ///< by the user, or by --frames or --seconds
    kPartial,  ///< ended well before the length that its file declares
    kFailed,
};
std::string_view to_string(SourceState state);

struct SourceReport {
    std::string name;
    std::string shown;  ///< as the user wrote it
    SourceState state = SourceState::kRunning;
    std::string error;
    bool live = false;
    std::uint64_t frames = 0;    ///< that came out of the mux
    std::uint64_t inferred = 0;  ///< of those, by the first model
    std::uint64_t corrupt = 0;   ///< decoded with parts missing
    std::uint64_t objects = 0;
    std::uint64_t tracks = 0;
    std::uint64_t queued = 0;
    std::vector<std::pair<std::string, std::uint64_t>> dropped;  ///< why and how many, if any
    double fps = 0;                                              ///< between first and last frame
    double first_result_seconds = 0;  ///< from the run's beginning; 0 where it gave none
    Duration position{};
    Duration duration{};     ///< zero where it has none
    LatencyFigures latency;  ///< from the mux to the end of the analysis
};

struct ModelReport {
    std::string file;
    std::string summary;  ///< head, why, labels
    std::string engine;   ///< device, precision, requests
    std::vector<NamedLatency> stages;
};

struct OutputReport {
    std::string kind;
    std::string path;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t dropped = 0;  ///< frames or batches that a full queue lost
    std::string error;
};

/// Pixels that one element copied between host and device.
struct CrossingReport {
    std::string where;
    std::uint64_t frames_to_host = 0;
    std::uint64_t bytes_to_host = 0;
    std::uint64_t frames_to_device = 0;
    std::uint64_t bytes_to_device = 0;
};

enum class Outcome { kRunning, kWhole, kPartial, kNothing };

/// A run as it stands, or stood at its end.
struct RunReport {
    Outcome outcome = Outcome::kRunning;
    bool interrupted = false;
    std::string error;  ///< what stopped all of it
    std::vector<SourceReport> sources;
    std::uint64_t frames = 0;
    std::uint64_t objects = 0;
    std::uint64_t tracks = 0;
    /// From the run's beginning, models and decoders included; 0 where there was none.
    double first_result_seconds = 0;
    double seconds = 0;  ///< from the first batch to the last
    double fps = 0;
    LatencyFigures latency;
    std::vector<NamedLatency> stages;
    std::uint64_t batches = 0;
    double batch_fill = 0;
    std::vector<ModelReport> models;
    std::vector<OutputReport> outputs;
    std::vector<CrossingReport> crossings;  ///< where there were any
};

/// Tables for people.
std::string to_table(const RunReport& report);
/// One JSON document; its form is described in docs/use/run.md.
std::string to_json(const RunReport& report);

}  // namespace sluice::app
