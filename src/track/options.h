#pragma once

#include <tuple>

#include "sluice/base/fields.h"

namespace sluice::track {

// Names are DeepStream's (nvtracker's YAML) where it has the thing, in kebab-case. Ages count
// nominal frame intervals of the stream, so they are time. Defaults are those of the original
// implementations.

/// The life of targets, common to all trackers.
struct TargetOptions {
    float min_detector_confidence = 0;
    int max_targets_per_stream = 500;
    float min_iou_diff4_new_target = 1;
    int probation_age = 3;
    int early_termination_age = 2;
    int max_shadow_tracking_age = 30;
    bool check_class_match = true;
};

/// One round of matching by overlap: the IOU tracker and SORT.
struct OverlapOptions : TargetOptions {
    float min_matching_score4_iou = 0.3F;
};

struct IouOptions : OverlapOptions {
    IouOptions() {
        early_termination_age = 1;
        max_shadow_tracking_age = 30;
        min_iou_diff4_new_target = 0.5F;
    }
};

struct SortOptions : OverlapOptions {
    SortOptions() { max_shadow_tracking_age = 1; }
};

struct ByteTrackOptions : TargetOptions {
    ByteTrackOptions() {
        min_detector_confidence = 0.1F;
        probation_age = 1;
        early_termination_age = 1;
    }
    float tentative_detector_confidence = 0.5F;
    float new_target_margin = 0.1F;
    float min_matching_score4_overall = 0.1F;
    float min_matching_score4_tentative_iou = 0.5F;
    float min_matching_score4_probation = 0.3F;
    float min_iou4_target_duplicate = 0.85F;
};

struct OcSortOptions : OverlapOptions {
    OcSortOptions() {
        min_detector_confidence = 0.5F;
        early_termination_age = 31;
    }
    int delta_t = 3;
    float inertia = 0.2F;
};

}  // namespace sluice::track

namespace sluice {

template <>
inline constexpr auto fields<track::TargetOptions> = field_table(
    field("min-detector-confidence",
          &track::TargetOptions::min_detector_confidence,
          range(0.F, 1.F),
          "detections with a lower score are ignored",
          Tunable::kYes),
    field("max-targets-per-stream",
          &track::TargetOptions::max_targets_per_stream,
          range(1, 10'000),
          "targets kept per source, lost ones included; when full, new objects are not followed"),
    field("min-iou-diff4-new-target",
          &track::TargetOptions::min_iou_diff4_new_target,
          range(0.F, 1.F),
          "a detection that overlaps a target by more than this starts no target of its own",
          Tunable::kYes),
    field("probation-age",
          &track::TargetOptions::probation_age,
          range(0, 1'000),
          "detections, after its first, that a target needs before it is reported",
          Tunable::kYes),
    field("early-termination-age",
          &track::TargetOptions::early_termination_age,
          range(1, 10'000),
          "frames without detection that end a target which is still on probation",
          Tunable::kYes),
    field("max-shadow-tracking-age",
          &track::TargetOptions::max_shadow_tracking_age,
          range(0, 10'000),
          "frames without detection that a target survives",
          Tunable::kYes),
    field("check-class-match",
          &track::TargetOptions::check_class_match,
          "only detections of the target's own class may join it"));

template <>
inline constexpr auto fields<track::OverlapOptions> =
    std::tuple_cat(fields<track::TargetOptions>,
                   field_table(field("min-matching-score4-iou",
                                     &track::OverlapOptions::min_matching_score4_iou,
                                     range(0.F, 1.F),
                                     "lowest overlap at which a detection may join a target",
                                     Tunable::kYes)));

template <>
inline constexpr auto fields<track::IouOptions> = fields<track::OverlapOptions>;

template <>
inline constexpr auto fields<track::SortOptions> = fields<track::OverlapOptions>;

template <>
inline constexpr auto fields<track::ByteTrackOptions> = std::tuple_cat(
    fields<track::TargetOptions>,
    field_table(
        field("tentative-detector-confidence",
              &track::ByteTrackOptions::tentative_detector_confidence,
              range(0.F, 1.F),
              "detections up to this score are matched in the second round only",
              Tunable::kYes),
        field("new-target-margin",
              &track::ByteTrackOptions::new_target_margin,
              range(0.F, 1.F),
              "how far above tentative-detector-confidence a score must be to start a target",
              Tunable::kYes),
        field("min-matching-score4-overall",
              &track::ByteTrackOptions::min_matching_score4_overall,
              range(0.F, 1.F),
              "first round: lowest overlap times score",
              Tunable::kYes),
        field("min-matching-score4-tentative-iou",
              &track::ByteTrackOptions::min_matching_score4_tentative_iou,
              range(0.F, 1.F),
              "second round: lowest overlap",
              Tunable::kYes),
        field("min-matching-score4-probation",
              &track::ByteTrackOptions::min_matching_score4_probation,
              range(0.F, 1.F),
              "targets on probation: lowest overlap times score",
              Tunable::kYes),
        field("min-iou4-target-duplicate",
              &track::ByteTrackOptions::min_iou4_target_duplicate,
              range(0.F, 1.F),
              "a lost and a live target that overlap by more are one: the younger ends",
              Tunable::kYes)));

template <>
inline constexpr auto fields<track::OcSortOptions> =
    std::tuple_cat(fields<track::OverlapOptions>,
                   field_table(field("delta-t",
                                     &track::OcSortOptions::delta_t,
                                     range(1, 16),
                                     "frames between the observations that give a direction",
                                     Tunable::kYes),
                               field("inertia",
                                     &track::OcSortOptions::inertia,
                                     range(0.F, 1.F),
                                     "weight of the direction beside the overlap",
                                     Tunable::kYes)));

}  // namespace sluice
