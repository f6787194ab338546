#include <optional>

#include "sluice/base/assignment.h"
#include "sluice/eval/detail/mot_sequence.h"

// Bernardin and Stiefelhagen 2008, section 2: matches of the frame before are kept where they still
// hold, then overlap decides.

namespace sluice::eval::detail {
namespace {

/// More than any sum of overlaps in a frame, so that keeping a match always wins.
constexpr double kContinuation = 1000;

struct TruthTrack {
    std::optional<std::size_t> last_match;      ///< however long ago
    std::optional<std::size_t> previous_match;  ///< in the frame scored before
    std::int64_t frames = 0;
    std::int64_t matched_frames = 0;
    std::int64_t pieces = 0;
};

void match_step(const Step& step,
                std::vector<TruthTrack>& tracks,
                AssignmentSolver& solver,
                Clear& scores) {
    std::vector<double> costs(step.similarity.size(), 0);
    for (std::size_t i = 0; i < step.truth.size(); ++i) {
        for (std::size_t j = 0; j < step.results.size(); ++j) {
            if (step.at(i, j) < kMatchThreshold - kEpsilon) continue;
            bool goes_on = tracks[step.truth[i]].previous_match == step.results[j];
            costs[i * step.results.size() + j] = -(step.at(i, j) + (goes_on ? kContinuation : 0));
        }
    }
    auto columns = solver.solve(costs, step.truth.size(), step.results.size(), 0);
    std::vector<std::optional<std::size_t>> before(tracks.size());
    for (std::size_t id = 0; id < tracks.size(); ++id) {
        before[id] = tracks[id].previous_match;
        tracks[id].previous_match.reset();
    }
    std::int64_t pairs = 0;
    for (std::size_t i = 0; i < step.truth.size(); ++i) {
        TruthTrack& track = tracks[step.truth[i]];
        if (columns[i] == kUnassigned) continue;
        auto j = static_cast<std::size_t>(columns[i]);
        std::size_t match = step.results[j];
        if (track.last_match && *track.last_match != match) ++scores.id_switches;
        if (!before[step.truth[i]]) ++track.pieces;
        track.last_match = match;
        track.previous_match = match;
        ++track.matched_frames;
        ++pairs;
        scores.similarity_sum += step.at(i, j);
    }
    scores.true_positives += pairs;
    scores.false_negatives += static_cast<std::int64_t>(step.truth.size()) - pairs;
    scores.false_positives += static_cast<std::int64_t>(step.results.size()) - pairs;
}

}  // namespace

Clear score_clear(const Sequence& sequence) {
    Clear scores;
    if (sequence.one_side_empty()) {
        scores.false_negatives = sequence.truth_boxes;
        scores.false_positives = sequence.result_boxes;
        scores.mostly_lost = static_cast<std::int64_t>(sequence.truth_ids);
        return scores;
    }
    std::vector<TruthTrack> tracks(sequence.truth_ids);
    AssignmentSolver solver;
    for (const Step& step : sequence.steps) {
        for (std::size_t id : step.truth)
            ++tracks[id].frames;
        // As in the reference, a frame without boxes on one side leaves the last matches standing.
        if (step.truth.empty() || step.results.empty()) {
            scores.false_negatives += static_cast<std::int64_t>(step.truth.size());
            scores.false_positives += static_cast<std::int64_t>(step.results.size());
            continue;
        }
        match_step(step, tracks, solver, scores);
    }
    for (const TruthTrack& track : tracks) {
        double share =
            static_cast<double>(track.matched_frames) / static_cast<double>(track.frames);
        if (share > 0.8) {
            ++scores.mostly_tracked;
        } else if (share >= 0.2) {
            ++scores.partly_tracked;
        } else {
            ++scores.mostly_lost;
        }
        if (track.pieces > 0) scores.fragments += track.pieces - 1;
    }
    finish(scores);
    return scores;
}

void finish(Clear& scores) {
    auto tp = static_cast<double>(scores.true_positives);
    auto fp = static_cast<double>(scores.false_positives);
    double truth = tp + static_cast<double>(scores.false_negatives);
    scores.mota = (tp - fp - static_cast<double>(scores.id_switches)) / at_least_one(truth);
    scores.motp = scores.similarity_sum / at_least_one(tp);
    scores.recall = tp / at_least_one(truth);
    scores.precision = tp / at_least_one(tp + fp);
}

}  // namespace sluice::eval::detail
