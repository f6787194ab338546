#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/eval/mot_metrics.h"

namespace sluice::eval::detail {

/// What the reference adds to a threshold so that rounding does not decide.
inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
inline constexpr double kMatchThreshold = 0.5;

/// One frame: ids renumbered 0, 1 .. over the sequence, and the overlap of every pair.
struct Step {
    std::vector<std::size_t> truth;
    std::vector<std::size_t> results;
    std::vector<double> similarity;  ///< truth x results

    double at(std::size_t row, std::size_t column) const {
        return similarity[row * results.size() + column];
    }
};

struct Sequence {
    std::vector<Step> steps;
    std::size_t truth_ids = 0;
    std::size_t result_ids = 0;
    std::int64_t truth_boxes = 0;
    std::int64_t result_boxes = 0;

    bool one_side_empty() const { return truth_boxes == 0 || result_boxes == 0; }
};

Result<Sequence> align(const Tracks& truth, const Tracks& results, MotRules rules);

double overlap(const Box& a, const Box& b);

Hota score_hota(const Sequence& sequence);
Clear score_clear(const Sequence& sequence);
Identity score_identity(const Sequence& sequence);

// The numbers that follow from the counts.
void finish(Hota& scores);
void finish(Clear& scores);
void finish(Identity& scores);

inline double at_least_one(double value) {
    return value > 1 ? value : 1;
}

}  // namespace sluice::eval::detail
