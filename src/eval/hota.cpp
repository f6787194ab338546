#include <algorithm>
#include <cmath>

#include "sluice/base/assignment.h"
#include "sluice/eval/detail/mot_sequence.h"

// Luiten et al. 2021: detection accuracy (5.1), association accuracy (5.2), matching (5.5): one
// matching a frame, for all alphas, by overlap weighted with how well two tracks fit as a whole.

namespace sluice::eval::detail {
namespace {

double alpha(std::size_t index) {
    return 0.05 + static_cast<double>(index) * 0.05;
}

/// Truth tracks x result tracks.
struct Table {
    explicit Table(const Sequence& sequence)
        : columns(sequence.result_ids), values(sequence.truth_ids * sequence.result_ids, 0) {}
    double& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
    double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }

    std::size_t columns;
    std::vector<double> values;
};

struct Lengths {
    std::vector<double> truth;
    std::vector<double> results;
};

Lengths track_lengths(const Sequence& sequence) {
    Lengths lengths{std::vector<double>(sequence.truth_ids, 0),
                    std::vector<double>(sequence.result_ids, 0)};
    for (const Step& step : sequence.steps) {
        for (std::size_t id : step.truth)
            lengths.truth[id] += 1;
        for (std::size_t id : step.results)
            lengths.results[id] += 1;
    }
    return lengths;
}

/// Adds to each pair of tracks the share that this frame's overlap has among its rivals'.
void add_alignment(const Step& step, Table& table) {
    std::vector<double> row_sums(step.truth.size(), 0);
    std::vector<double> column_sums(step.results.size(), 0);
    for (std::size_t i = 0; i < step.truth.size(); ++i) {
        for (std::size_t j = 0; j < step.results.size(); ++j) {
            row_sums[i] += step.at(i, j);
            column_sums[j] += step.at(i, j);
        }
    }
    for (std::size_t i = 0; i < step.truth.size(); ++i) {
        for (std::size_t j = 0; j < step.results.size(); ++j) {
            double rivals = column_sums[j] + row_sums[i] - step.at(i, j);
            if (rivals > kEpsilon)
                table.at(step.truth[i], step.results[j]) += step.at(i, j) / rivals;
        }
    }
}

Table global_alignment(const Sequence& sequence, const Lengths& lengths) {
    Table table(sequence);
    for (const Step& step : sequence.steps)
        add_alignment(step, table);
    for (std::size_t i = 0; i < sequence.truth_ids; ++i) {
        for (std::size_t j = 0; j < sequence.result_ids; ++j) {
            double& shared = table.at(i, j);
            shared /= lengths.truth[i] + lengths.results[j] - shared;
        }
    }
    return table;
}

/// For each alpha, which pairs of tracks matched in how many frames.
using Matches = std::vector<Table>;

void score_step(const Step& step,
                const Table& alignment,
                AssignmentSolver& solver,
                Hota& scores,
                Matches& matches) {
    std::vector<double> costs(step.similarity.size());
    for (std::size_t i = 0; i < step.truth.size(); ++i) {
        for (std::size_t j = 0; j < step.results.size(); ++j) {
            costs[i * step.results.size() + j] =
                -alignment.at(step.truth[i], step.results[j]) * step.at(i, j);
        }
    }
    auto columns = solver.solve(costs, step.truth.size(), step.results.size(), 0);
    for (std::size_t a = 0; a < kAlphaCount; ++a) {
        double pairs = 0;
        for (std::size_t i = 0; i < step.truth.size(); ++i) {
            if (columns[i] == kUnassigned) continue;
            auto j = static_cast<std::size_t>(columns[i]);
            if (step.at(i, j) < alpha(a) - kEpsilon) continue;
            pairs += 1;
            scores.loc_a[a] += step.at(i, j);
            matches[a].at(step.truth[i], step.results[j]) += 1;
        }
        scores.true_positives[a] += pairs;
        scores.false_negatives[a] += static_cast<double>(step.truth.size()) - pairs;
        scores.false_positives[a] += static_cast<double>(step.results.size()) - pairs;
    }
}

void score_association(const Matches& matches, const Lengths& lengths, Hota& scores) {
    for (std::size_t a = 0; a < kAlphaCount; ++a) {
        for (std::size_t i = 0; i < lengths.truth.size(); ++i) {
            for (std::size_t j = 0; j < lengths.results.size(); ++j) {
                double count = matches[a].at(i, j);
                if (count == 0) continue;
                double either = lengths.truth[i] + lengths.results[j] - count;
                scores.ass_a[a] += count * (count / at_least_one(either));
                scores.ass_re[a] += count * (count / at_least_one(lengths.truth[i]));
                scores.ass_pr[a] += count * (count / at_least_one(lengths.results[j]));
            }
        }
        double total = at_least_one(scores.true_positives[a]);
        scores.ass_a[a] /= total;
        scores.ass_re[a] /= total;
        scores.ass_pr[a] /= total;
    }
}

}  // namespace

Hota score_hota(const Sequence& sequence) {
    Hota scores;
    if (sequence.one_side_empty()) {
        scores.false_negatives.fill(static_cast<double>(sequence.truth_boxes));
        scores.false_positives.fill(static_cast<double>(sequence.result_boxes));
        scores.loc_a.fill(1);
        return scores;
    }
    Lengths lengths = track_lengths(sequence);
    Table alignment = global_alignment(sequence, lengths);
    Matches matches(kAlphaCount, Table(sequence));
    AssignmentSolver solver;
    for (const Step& step : sequence.steps)
        score_step(step, alignment, solver, scores, matches);
    score_association(matches, lengths, scores);
    // Without any match, localisation counts as perfect, as the reference has it.
    for (std::size_t a = 0; a < kAlphaCount; ++a) {
        scores.loc_a[a] =
            std::max(1e-10, scores.loc_a[a]) / std::max(1e-10, scores.true_positives[a]);
    }
    finish(scores);
    return scores;
}

void finish(Hota& scores) {
    for (std::size_t a = 0; a < kAlphaCount; ++a) {
        double tp = scores.true_positives[a];
        double fn = scores.false_negatives[a];
        double fp = scores.false_positives[a];
        scores.det_re[a] = tp / at_least_one(tp + fn);
        scores.det_pr[a] = tp / at_least_one(tp + fp);
        scores.det_a[a] = tp / at_least_one(tp + fn + fp);
        scores.hota[a] = std::sqrt(scores.det_a[a] * scores.ass_a[a]);
    }
}

}  // namespace sluice::eval::detail
