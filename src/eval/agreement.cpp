#include "sluice/eval/agreement.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "sluice/eval/detail/mot_sequence.h"

namespace sluice::eval {
namespace {

std::vector<const DetectedBox*> by_score(std::span<const DetectedBox> boxes) {
    std::vector<const DetectedBox*> out;
    for (const DetectedBox& box : boxes)
        out.push_back(&box);
    std::stable_sort(out.begin(), out.end(), [](const DetectedBox* a, const DetectedBox* b) {
        return a->score > b->score;
    });
    return out;
}

}  // namespace

double Agreement::f1() const {
    if (reference + found == 0) return 1;
    return 2 * static_cast<double>(matched) / static_cast<double>(reference + found);
}

double Agreement::mean_overlap() const {
    return matched > 0 ? overlap / static_cast<double>(matched) : 0;
}

double Agreement::weighted_f1() const {
    return scores > 0 ? 2 * shared / scores : 1;
}

Agreement& Agreement::operator+=(const Agreement& other) {
    reference += other.reference;
    found += other.found;
    matched += other.matched;
    overlap += other.overlap;
    shared += other.shared;
    scores += other.scores;
    return *this;
}

std::map<std::int64_t, Agreement> compare_detections(std::span<const DetectedBox> reference,
                                                     std::span<const DetectedBox> found,
                                                     double least_overlap) {
    std::map<std::int64_t, Agreement> out;
    for (const DetectedBox& box : found) {
        Agreement& agreement = out[box.category];
        ++agreement.found;
        agreement.scores += box.score;
    }
    std::vector<bool> taken(found.size(), false);
    for (const DetectedBox* wanted : by_score(reference)) {
        Agreement& agreement = out[wanted->category];
        ++agreement.reference;
        agreement.scores += wanted->score;
        std::size_t best = found.size();
        double best_overlap = least_overlap;
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (taken[i] || found[i].category != wanted->category) continue;
            double overlap = detail::overlap(wanted->box, found[i].box);
            if (overlap < best_overlap) continue;
            best = i;
            best_overlap = overlap;
        }
        if (best == found.size()) continue;
        taken[best] = true;
        ++agreement.matched;
        agreement.overlap += best_overlap;
        agreement.shared += std::min(wanted->score, found[best].score) * best_overlap;
    }
    return out;
}

}  // namespace sluice::eval
