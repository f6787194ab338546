#include "sluice/base/assignment.h"
#include "sluice/eval/detail/mot_sequence.h"

// Ristani et al. 2016, section 3: one assignment of whole tracks to whole tracks, by the number of
// frames in which they overlap.

namespace sluice::eval::detail {

Identity score_identity(const Sequence& sequence) {
    Identity scores;
    std::vector<double> costs(sequence.truth_ids * sequence.result_ids, 0);
    for (const Step& step : sequence.steps) {
        for (std::size_t i = 0; i < step.truth.size(); ++i) {
            for (std::size_t j = 0; j < step.results.size(); ++j) {
                if (step.at(i, j) < kMatchThreshold) continue;
                costs[step.truth[i] * sequence.result_ids + step.results[j]] -= 1;
            }
        }
    }
    AssignmentSolver solver;
    auto columns = solver.solve(costs, sequence.truth_ids, sequence.result_ids, 0);
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i] == kUnassigned) continue;
        double cost = costs[i * sequence.result_ids + static_cast<std::size_t>(columns[i])];
        scores.true_positives += static_cast<std::int64_t>(-cost);
    }
    scores.false_negatives = sequence.truth_boxes - scores.true_positives;
    scores.false_positives = sequence.result_boxes - scores.true_positives;
    finish(scores);
    return scores;
}

void finish(Identity& scores) {
    auto tp = static_cast<double>(scores.true_positives);
    auto fn = static_cast<double>(scores.false_negatives);
    auto fp = static_cast<double>(scores.false_positives);
    scores.idr = tp / at_least_one(tp + fn);
    scores.idp = tp / at_least_one(tp + fp);
    scores.idf1 = tp / at_least_one(tp + 0.5 * fp + 0.5 * fn);
}

}  // namespace sluice::eval::detail
