#include "sluice/track/detail/measurement.h"

#include <algorithm>

namespace sluice::track::detail {

void collect(std::span<const meta::Detection> detections,
             const TargetOptions& options,
             std::vector<Measurement>& out) {
    out.clear();
    for (std::size_t i = 0; i < detections.size(); ++i) {
        const meta::Detection& from = detections[i];
        Edges box = to_edges(from.box);
        bool strong_enough = from.score >= options.min_detector_confidence;  // false for NaN
        if (!strong_enough || !is_usable(box)) continue;
        float score = std::min(from.score, 1.F);
        out.push_back({box, score, from.class_id, from.label, static_cast<std::int32_t>(i)});
    }
    auto most = static_cast<std::size_t>(options.max_targets_per_stream);
    if (out.size() <= most) return;
    auto cut = out.begin() + static_cast<std::ptrdiff_t>(most);
    std::nth_element(out.begin(), cut, out.end(), [](const Measurement& a, const Measurement& b) {
        return a.score != b.score ? a.score > b.score : a.detection < b.detection;
    });
    out.erase(cut, out.end());
    std::sort(out.begin(), out.end(), [](const Measurement& a, const Measurement& b) {
        return a.detection < b.detection;
    });
}

}  // namespace sluice::track::detail
