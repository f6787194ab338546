#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/track/options.h"
#include "sluice/track/tracker.h"

namespace sluice::track {

struct TrackerInfo {
    std::string_view name;
    std::string_view summary;
};
/// What exists: iou, sort, bytetrack, ocsort.
std::span<const TrackerInfo> known_trackers();

/// What a user asks for. Options override the file. Keys may be spelled as in options.h, in
/// DeepStream's camelCase or with underscores, or be one of the aliases (max-age, min-hits,
/// track-buffer, iou-threshold, det-thresh, track-thresh, match-thresh).
struct TrackerSettings {
    std::string name = "bytetrack";
    std::string config_file;  ///< YAML: ours flat, or DeepStream's groups; empty: none
    std::vector<std::pair<std::string, std::string>> options;
};

/// "key=value;key=value" as in an element's property.
Result<std::vector<std::pair<std::string, std::string>>> parse_tracker_options(
    std::string_view text);

/// Makes one tracker per call, one for each source. Thread-safe.
using TrackerFactory = std::function<std::unique_ptr<Tracker>()>;

/// Reads and checks everything once. DeepStream keys that mean nothing to the tracker are logged
/// as a warning each; unknown keys are errors.
Result<TrackerFactory> tracker_factory(const TrackerSettings& settings);
Result<std::unique_ptr<Tracker>> create_tracker(const TrackerSettings& settings);

std::unique_ptr<Tracker> create_tracker(const IouOptions& options);
std::unique_ptr<Tracker> create_tracker(const SortOptions& options);
std::unique_ptr<Tracker> create_tracker(const ByteTrackOptions& options);
std::unique_ptr<Tracker> create_tracker(const OcSortOptions& options);

}  // namespace sluice::track
