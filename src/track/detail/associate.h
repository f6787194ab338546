#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sluice/base/assignment.h"

namespace sluice::track::detail {

/// A target and a measurement, by index.
struct Match {
    int target = 0;
    int measurement = 0;
};

/// Finds the exact best one-to-one matching among candidate pairs. Boxes that do not overlap are no
/// candidates, so the pairs fall into small groups, each of which is solved alone. Keeps its
/// scratch: no allocation once the largest frame has been seen.
class Associator {
public:
    void begin(std::size_t targets, std::size_t measurements);
    /// `gain` > 0 is what the pair is worth.
    void add(int target, int measurement, double gain) {
        candidates_.push_back({target, measurement, gain, 0});
    }
    /// The matching of highest total gain. Valid until the next begin().
    std::span<const Match> solve();

    bool measurement_taken(int measurement) const {
        return taken_[static_cast<std::size_t>(measurement)] != 0;
    }

private:
    struct Candidate {
        int target;
        int measurement;
        double gain;
        int group;
    };
    int root(int node);
    void group_candidates();
    void solve_group(std::span<const Candidate> group);
    void accept(int target, int measurement);

    std::size_t targets_ = 0;
    std::vector<Candidate> candidates_;
    std::vector<int> parent_;  ///< union-find over targets, then measurements
    std::vector<int> local_;   ///< a node's row or column within its group
    std::vector<int> rows_;
    std::vector<int> columns_;
    std::vector<double> costs_;
    std::vector<char> taken_;
    std::vector<Match> matches_;
    AssignmentSolver solver_;
};

}  // namespace sluice::track::detail
