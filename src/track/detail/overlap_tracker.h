#pragma once

#include <span>
#include <vector>

#include "sluice/track/detail/motion.h"
#include "sluice/track/detail/overlap_matcher.h"
#include "sluice/track/detail/target.h"

namespace sluice::track::detail {

/// One round of matching by overlap. Without motion it is the IOU tracker, with SORT's it is SORT.
template <class Motion>
class OverlapTracker final : public Tracker {
public:
    OverlapTracker(const OverlapOptions& options, const LifeRules& rules)
        : options_(options), targets_(rules) {}

    void update(const FrameInput& frame,
                std::span<const meta::Detection> detections,
                std::vector<TrackedObject>& out) override {
        out.clear();
        bool looked = frame.inference != meta::Inference::kSkipped;
        Step step = clock_.advance(frame.pts_ns);
        targets_.advance(step, looked);
        if (!looked) return targets_.report_predicted(out);

        collect(detections, options_, measurements_);
        taken_.assign(measurements_.size(), 0);
        for (const Match& pair : matches()) {
            auto measurement = static_cast<std::size_t>(pair.measurement);
            targets_.match(pair.target, measurements_[measurement]);
            taken_[measurement] = 1;
        }
        targets_.miss_the_rest(step);
        for (std::size_t m = 0; m < measurements_.size(); ++m) {
            if (!taken_[m]) targets_.start(measurements_[m]);
        }
        targets_.report(out);
    }

    void reset() override {
        targets_.clear();
        clock_.reset();
    }

private:
    std::span<const Match> matches() {
        matcher_.begin(targets_.all().size(), measurements_.size());
        for (std::size_t t = 0; t < targets_.all().size(); ++t) {
            const Target<Motion>& target = targets_.all()[t];
            for (std::size_t m = 0; m < measurements_.size(); ++m) {
                double shared = overlap(target.box, measurements_[m].box);
                if (shared <= 0 || !joinable(target, measurements_[m], options_)) continue;
                matcher_.add({static_cast<int>(t), static_cast<int>(m)}, shared);
            }
        }
        double wanted = options_.min_matching_score4_iou;
        return matcher_.without_choice(wanted) ? matcher_.above(wanted) : matcher_.best(wanted);
    }

    OverlapOptions options_;
    FrameClock clock_;
    TargetManager<Motion> targets_;
    OverlapMatcher matcher_;
    std::vector<Measurement> measurements_;
    std::vector<char> taken_;
};

}  // namespace sluice::track::detail
