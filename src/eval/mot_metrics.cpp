#include "sluice/eval/mot_metrics.h"

#include <algorithm>
#include <numeric>

#include "sluice/eval/detail/mot_sequence.h"

namespace sluice::eval {
namespace {

void add(PerAlpha& sum, const PerAlpha& values, const PerAlpha& weights) {
    for (std::size_t a = 0; a < kAlphaCount; ++a)
        sum[a] += values[a] * weights[a];
}

void add(Hota& sum, const Hota& one) {
    constexpr PerAlpha kOnes = [] {
        PerAlpha ones{};
        for (double& value : ones)
            value = 1;
        return ones;
    }();
    add(sum.ass_a, one.ass_a, one.true_positives);
    add(sum.ass_re, one.ass_re, one.true_positives);
    add(sum.ass_pr, one.ass_pr, one.true_positives);
    add(sum.loc_a, one.loc_a, one.true_positives);
    add(sum.true_positives, one.true_positives, kOnes);
    add(sum.false_negatives, one.false_negatives, kOnes);
    add(sum.false_positives, one.false_positives, kOnes);
}

void add(Clear& sum, const Clear& one) {
    sum.true_positives += one.true_positives;
    sum.false_negatives += one.false_negatives;
    sum.false_positives += one.false_positives;
    sum.id_switches += one.id_switches;
    sum.fragments += one.fragments;
    sum.mostly_tracked += one.mostly_tracked;
    sum.partly_tracked += one.partly_tracked;
    sum.mostly_lost += one.mostly_lost;
    sum.similarity_sum += one.similarity_sum;
}

void add(Identity& sum, const Identity& one) {
    sum.true_positives += one.true_positives;
    sum.false_negatives += one.false_negatives;
    sum.false_positives += one.false_positives;
}

}  // namespace

double mean(const PerAlpha& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(kAlphaCount);
}

Result<MotScores> evaluate_tracks(const Tracks& truth, const Tracks& results, MotRules rules) {
    detail::Sequence sequence = SLUICE_TRY(detail::align(truth, results, rules));
    return MotScores{detail::score_hota(sequence),
                     detail::score_clear(sequence),
                     detail::score_identity(sequence)};
}

MotScores combine(std::span<const MotScores> sequences) {
    MotScores all;
    for (const MotScores& one : sequences) {
        add(all.hota, one.hota);
        add(all.clear, one.clear);
        add(all.identity, one.identity);
    }
    for (std::size_t a = 0; a < kAlphaCount; ++a) {
        double matched = all.hota.true_positives[a];
        all.hota.ass_a[a] /= detail::at_least_one(matched);
        all.hota.ass_re[a] /= detail::at_least_one(matched);
        all.hota.ass_pr[a] /= detail::at_least_one(matched);
        all.hota.loc_a[a] = std::max(1e-10, all.hota.loc_a[a]) / std::max(1e-10, matched);
    }
    detail::finish(all.hota);
    detail::finish(all.clear);
    detail::finish(all.identity);
    return all;
}

}  // namespace sluice::eval
