#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sluice/track/detail/associate.h"

namespace sluice::track::detail {

/// The pairs of targets and measurements that overlap, and matchings made of them as SORT's and
/// OC-SORT's authors do. Spans live until the next call of anything.
class OverlapMatcher {
public:
    void begin(std::size_t targets, std::size_t measurements);
    /// Ordered by target, then measurement. `overlap` > 0.
    void add(const Match& pair, double overlap) { pairs_.push_back({pair, overlap}); }

    /// Do the overlaps above the threshold leave no choice, being one to one already?
    bool without_choice(double min_overlap);
    std::span<const Match> above(double min_overlap);
    /// The matching with the greatest sum of overlaps, of which what reaches the threshold.
    std::span<const Match> best(double min_overlap);

private:
    struct Pair {
        Match match;
        double overlap;
    };

    std::size_t targets_ = 0;
    std::size_t measurements_ = 0;
    std::vector<Pair> pairs_;
    std::vector<Match> matches_;
    std::vector<char> met_;  ///< by target, then measurement
    Associator associator_;
};

}  // namespace sluice::track::detail
