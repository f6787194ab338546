#include "sluice/track/detail/dialect.h"

#include <array>

#include "sluice/base/text.h"

namespace sluice::track::detail {
namespace {

constexpr std::array kAliases{
    Alias{"max-age", "max-shadow-tracking-age"},
    Alias{"track-buffer", "max-shadow-tracking-age"},
    Alias{"min-hits", "probation-age"},
    Alias{"iou-threshold", "min-matching-score4-iou"},
    Alias{"det-thresh", "min-detector-confidence"},
    Alias{"track-thresh", "tentative-detector-confidence"},
    Alias{"match-thresh", "min-matching-score4-overall", Conversion::kFromCost},
};

constexpr auto kWalkedGroups = std::to_array<std::string_view>(
    {"BaseConfig", "TargetManagement", "DataAssociator", "StateEstimator"});

constexpr auto kIgnoredGroups = std::to_array<std::string_view>({"TrajectoryManagement",
                                                                 "VisualTracker",
                                                                 "ReID",
                                                                 "Segmenter",
                                                                 "ObjectModelProjection",
                                                                 "PoseEstimator",
                                                                 "MultiViewAssociator",
                                                                 "Communicator",
                                                                 "Control"});

constexpr auto kKeys = std::to_array<std::string_view>({
    // clang-format off
    // BaseConfig, TargetManagement
    "minDetectorConfidence", "maxTargetsPerStream", "preserveStreamUpdateOrder",
    "enableBboxUnClipping", "minIouDiff4NewTarget", "minTrackerConfidence", "probationAge",
    "earlyTerminationAge", "maxShadowTrackingAge", "outputTerminatedTracks", "outputShadowTracks",
    "terminatedTrackFilename", "minTrackingConfidenceDuringInactive", "minIou4TargetDuplicate",
    "targetDuplicateRunInterval",
    // DataAssociator
    "dataAssociatorType", "associationMatcherType", "minMatchingScore4Overall",
    "minMatchingScore4ReidSimilarity", "matchingScoreWeight4ReidSimilarity", "checkClassMatch", "usePrediction4Assoc",
    "minMatchingScore4SizeSimilarity", "minMatchingScore4Iou", "minMatchingScore4VisualSimilarity",
    "matchingScoreWeight4Iou", "matchingScoreWeight4SizeSimilarity",
    "matchingScoreWeight4VisualSimilarity", "tentativeDetectorConfidence",
    "minMatchingScore4TentativeIou", "thresholdMahalanobis",
    // StateEstimator
    "stateEstimatorType", "processNoiseVar4Loc", "processNoiseVar4Size", "processNoiseVar4Vel",
    "measurementNoiseVar4Detector", "measurementNoiseVar4Tracker", "noiseWeightVar4Loc",
    "noiseWeightVar4Vel", "useAspectRatio",
    // clang-format on
});

}  // namespace

std::span<const Alias> aliases() {
    return kAliases;
}
std::span<const std::string_view> walked_groups() {
    return kWalkedGroups;
}
std::span<const std::string_view> ignored_groups() {
    return kIgnoredGroups;
}
std::span<const std::string_view> deepstream_keys() {
    return kKeys;
}

std::string canonical(std::string_view key) {
    std::string out;
    for (char c : to_lower(key)) {
        if (c != '-' && c != '_') out.push_back(c);
    }
    return out;
}

}  // namespace sluice::track::detail
