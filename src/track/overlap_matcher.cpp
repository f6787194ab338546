#include "sluice/track/detail/overlap_matcher.h"

#include <algorithm>

namespace sluice::track::detail {

void OverlapMatcher::begin(std::size_t targets, std::size_t measurements) {
    targets_ = targets;
    measurements_ = measurements;
    pairs_.clear();
}

bool OverlapMatcher::without_choice(double min_overlap) {
    met_.assign(targets_ + measurements_, 0);
    for (const Pair& pair : pairs_) {
        if (!(pair.overlap > min_overlap)) continue;
        char& target = met_[static_cast<std::size_t>(pair.match.target)];
        char& measurement = met_[targets_ + static_cast<std::size_t>(pair.match.measurement)];
        if (target || measurement) return false;
        target = measurement = 1;
    }
    return true;
}

std::span<const Match> OverlapMatcher::above(double min_overlap) {
    matches_.clear();
    for (const Pair& pair : pairs_) {
        if (pair.overlap > min_overlap) matches_.push_back(pair.match);
    }
    return matches_;
}

std::span<const Match> OverlapMatcher::best(double min_overlap) {
    matches_.clear();
    associator_.begin(targets_, measurements_);
    for (const Pair& pair : pairs_)
        associator_.add(pair.match.target, pair.match.measurement, pair.overlap);
    for (const Match& match : associator_.solve()) {
        auto found = std::lower_bound(
            pairs_.begin(), pairs_.end(), match, [](const Pair& pair, const Match& wanted) {
                return pair.match.target != wanted.target
                           ? pair.match.target < wanted.target
                           : pair.match.measurement < wanted.measurement;
            });
        if (found->overlap >= min_overlap) matches_.push_back(match);
    }
    return matches_;
}

}  // namespace sluice::track::detail
