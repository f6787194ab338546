#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sluice/base/result.h"
#include "sluice/eval/tracks.h"

namespace sluice::eval {

/// What is removed before results are compared with ground truth.
enum class MotRules {
    kPlain,  ///< ground-truth rows with flag 0 (MOT15, or preprocessing off)
    kMot17,  ///< MOT16/17: also all but pedestrians, and results that match a distractor
    kMot20,  ///< the same, where vehicles are distractors as well
};

inline constexpr std::size_t kAlphaCount = 19;  ///< 0.05, 0.10 .. 0.95

using PerAlpha = std::array<double, kAlphaCount>;
double mean(const PerAlpha& values);

/// Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021.
struct Hota {
    PerAlpha hota{}, det_a{}, ass_a{}, det_re{}, det_pr{}, ass_re{}, ass_pr{}, loc_a{};
    PerAlpha true_positives{}, false_negatives{}, false_positives{};
};

/// Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008.
struct Clear {
    double mota = 0, motp = 0, recall = 0, precision = 0;
    std::int64_t true_positives = 0, false_negatives = 0, false_positives = 0;
    std::int64_t id_switches = 0, fragments = 0;
    std::int64_t mostly_tracked = 0, partly_tracked = 0, mostly_lost = 0;
    double similarity_sum = 0;
};

/// Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
/// 2016.
struct Identity {
    double idf1 = 0, idp = 0, idr = 0;
    std::int64_t true_positives = 0, false_negatives = 0, false_positives = 0;
};

/// All as fractions, not per cent.
struct MotScores {
    Hota hota;
    Clear clear;
    Identity identity;
};

/// Scores one sequence. An id that occurs twice in one frame is an error that names it.
Result<MotScores> evaluate_tracks(const Tracks& truth,
                                  const Tracks& results,
                                  MotRules rules = MotRules::kPlain);

/// Several sequences as one: counts add up, association is weighted by true positives.
MotScores combine(std::span<const MotScores> sequences);

}  // namespace sluice::eval
