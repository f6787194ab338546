#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "sluice/eval/detections.h"

namespace sluice::eval {

/// How far what was found agrees with a reference, which need not be the truth: say, the same
/// network in another arithmetic.
struct Agreement {
    std::int64_t reference = 0;
    std::int64_t found = 0;
    std::int64_t matched = 0;  ///< pairs of one class that overlap
    double overlap = 0;        ///< IoU, summed over the pairs
    double shared = 0;         ///< lesser score times IoU, summed over the pairs
    double scores = 0;         ///< of both sides, summed

    /// 2 matched / (reference + found); 1 where there is nothing on either side.
    double f1() const;
    double mean_overlap() const;
    /// F1 where every box counts by its score and every pair by its overlap: 1 only for equals, and
    /// without the jumps of a threshold.
    double weighted_f1() const;

    Agreement& operator+=(const Agreement& other);
};

/// Of one image, by category: boxes of the reference, in the order of their scores, take the free
/// box of their category that overlaps them most, from `least_overlap` on.
std::map<std::int64_t, Agreement> compare_detections(std::span<const DetectedBox> reference,
                                                     std::span<const DetectedBox> found,
                                                     double least_overlap = 0.5);

}  // namespace sluice::eval
