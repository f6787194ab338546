#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "sluice/track/detail/motion.h"
#include "sluice/track/detail/overlap_matcher.h"
#include "sluice/track/detail/target.h"
#include "sluice/track/registry.h"

// Cao et al., "Observation-centric SORT: rethinking SORT for robust multi-object tracking", CVPR
// 2023, section 4: SORT with the direction of motion in the matching (OCM), a second round against
// the last observations (OCR), and a filter that is run again over a gap once its other end is
// known (ORU).

namespace sluice::track {
namespace detail {
namespace {

struct Direction {
    double x = 0;
    double y = 0;
};

Direction direction(const Edges& from, const Edges& to) {
    double x = to.center_x() - from.center_x();
    double y = to.center_y() - from.center_y();
    double length = std::hypot(x, y) + 1e-6;
    return {x / length, y / length};
}

Edges between(const Edges& a, const Edges& b, double share) {
    auto mix = [share](double from, double to) { return from + (to - from) * share; };
    return centered(mix(a.center_x(), b.center_x()),
                    mix(a.center_y(), b.center_y()),
                    mix(a.width(), b.width()),
                    mix(a.height(), b.height()));
}

/// SORT's filter plus the memory of what was observed and when. The first box of a target is its
/// filter's start and no observation, as in the authors' code.
class ObservedMotion {
public:
    explicit ObservedMotion(int look_back = 3) : look_back_(look_back) {}
    void start(const Edges& box) { filter_.start(box); }
    void predict(const Step& step, bool lost) {
        filter_.predict(step, lost);
        now_ += step.ticks;
    }
    void correct(const Edges& box);
    Edges box() const { return filter_.box(); }
    Edges reported() const { return observed_ ? last().box : filter_.box(); }

    /// Nobody matched on this frame: remembers the filter as it was at the start of the gap.
    void lose() {
        if (!in_gap_ && observed_) {
            frozen_ = filter_;
            frozen_at_ = now_;
            in_gap_ = true;
        }
    }

    bool observed() const { return observed_; }
    const Edges& last_box() const { return last().box; }
    Direction heading() const { return heading_; }
    /// The observation up to look_back ticks ago that is the oldest; else the last one.
    const Edges& reference() const;

private:
    struct Observation {
        std::int64_t at = -1;
        Edges box;
    };
    static constexpr std::int64_t kMemory = 32;  ///< > the longest delta-t

    const Observation& last() const {
        return memory_[static_cast<std::size_t>(last_at_ % kMemory)];
    }
    void rerun(const Edges& box);

    AreaMotion filter_;
    AreaMotion frozen_;
    bool observed_ = false;
    bool in_gap_ = false;
    int look_back_;
    std::int64_t now_ = 0;
    std::int64_t frozen_at_ = 0;
    std::int64_t last_at_ = 0;
    Direction heading_;
    std::array<Observation, kMemory> memory_;
};

const Edges& ObservedMotion::reference() const {
    for (std::int64_t back = look_back_; back > 0; --back) {
        if (now_ < back) continue;
        const Observation& then = memory_[static_cast<std::size_t>((now_ - back) % kMemory)];
        if (then.at == now_ - back) return then.box;
    }
    return last().box;
}

void ObservedMotion::correct(const Edges& box) {
    if (observed_) heading_ = direction(reference(), box);
    if (in_gap_) rerun(box);
    in_gap_ = false;
    observed_ = true;
    last_at_ = now_;
    memory_[static_cast<std::size_t>(now_ % kMemory)] = {now_, box};
    filter_.correct(box);
}

/// ORU, section 4.1: back to the filter at the start of the gap, then through it on a straight
/// line to the new observation. (Which counts twice: the caller corrects with it again, as the
/// authors' code does.)
void ObservedMotion::rerun(const Edges& box) {
    filter_ = frozen_;
    const Edges from = last().box;
    constexpr std::int64_t kMostSteps = 256;
    std::int64_t gap = now_ - last_at_;
    std::int64_t stride = 1 + (now_ - frozen_at_) / kMostSteps;
    for (std::int64_t at = frozen_at_;; at += stride) {
        at = std::min(at, now_);
        filter_.correct(
            between(from, box, static_cast<double>(at - last_at_) / static_cast<double>(gap)));
        if (at == now_) return;
        auto ticks = static_cast<int>(std::min(stride, now_ - at));
        filter_.predict({static_cast<double>(ticks), ticks}, true);
    }
}

LifeRules oc_sort_rules(const OcSortOptions& options) {
    LifeRules rules;
    rules.options = options;
    rules.confirmation = Confirmation::kEveryTime;
    rules.warm_up_frames = options.probation_age;
    return rules;
}

class OcSortTracker final : public Tracker {
public:
    explicit OcSortTracker(const OcSortOptions& options)
        : options_(options), targets_(oc_sort_rules(options), ObservedMotion(options.delta_t)) {}

    void update(const FrameInput& frame,
                std::span<const meta::Detection> detections,
                std::vector<TrackedObject>& out) override;
    void reset() override {
        targets_.clear();
        clock_.reset();
    }

private:
    using OcTarget = Target<ObservedMotion>;

    void match_by_prediction();
    std::span<const Match> best_with_direction(double wanted);
    void match_by_last_observation();
    void join(std::span<const Match> matches);
    double direction_gain(const OcTarget& target, const Measurement& measurement) const;

    OcSortOptions options_;
    FrameClock clock_;
    TargetManager<ObservedMotion> targets_;
    OverlapMatcher matcher_;
    std::vector<Measurement> measurements_;
    std::vector<char> taken_;
    AssignmentSolver solver_;
    std::vector<double> overlaps_;  ///< targets x measurements
    std::vector<double> costs_;
    std::vector<Match> matches_;
};

void OcSortTracker::update(const FrameInput& frame,
                           std::span<const meta::Detection> detections,
                           std::vector<TrackedObject>& out) {
    out.clear();
    bool looked = frame.inference != meta::Inference::kSkipped;
    Step step = clock_.advance(frame.pts_ns);
    targets_.advance(step, looked);
    if (!looked) return targets_.report_predicted(out);

    collect(detections, options_, measurements_);
    taken_.assign(measurements_.size(), 0);
    match_by_prediction();
    match_by_last_observation();
    for (OcTarget& target : targets_.all()) {
        if (target.detection == kNoDetection) target.motion.lose();
    }
    targets_.miss_the_rest(step);
    for (std::size_t m = 0; m < measurements_.size(); ++m) {
        if (!taken_[m]) targets_.start(measurements_[m]);
    }
    targets_.report(out);
}

/// OCM, section 4.2: how well the way to the measurement agrees with the way the target came.
double OcSortTracker::direction_gain(const OcTarget& target, const Measurement& measurement) const {
    if (!target.motion.observed()) return 0;
    Direction was = target.motion.heading();
    Direction would_be = direction(target.motion.reference(), measurement.box);
    double cosine = std::clamp(was.x * would_be.x + was.y * would_be.y, -1.0, 1.0);
    double agreement = 0.5 - std::acos(cosine) / std::numbers::pi;
    return agreement * static_cast<double>(options_.inertia) *
           static_cast<double>(measurement.score);
}

void OcSortTracker::match_by_prediction() {
    matcher_.begin(targets_.all().size(), measurements_.size());
    overlaps_.assign(targets_.all().size() * measurements_.size(), 0);
    for (std::size_t t = 0; t < targets_.all().size(); ++t) {
        const OcTarget& target = targets_.all()[t];
        for (std::size_t m = 0; m < measurements_.size(); ++m) {
            if (!joinable(target, measurements_[m], options_)) continue;
            double shared = overlap(target.box, measurements_[m].box);
            if (shared <= 0) continue;
            overlaps_[t * measurements_.size() + m] = shared;
            matcher_.add({static_cast<int>(t), static_cast<int>(m)}, shared);
        }
    }
    double wanted = options_.min_matching_score4_iou;
    join(matcher_.without_choice(wanted) ? matcher_.above(wanted) : best_with_direction(wanted));
}

/// As many pairs as there can be, at the greatest sum of overlap and direction; those that overlap
/// too little are dropped only then. So pairs without any overlap have a say in who gets whom:
/// leaving them out, which would be faster, costs 0.4 HOTA on ETH-Sunnyday.
std::span<const Match> OcSortTracker::best_with_direction(double wanted) {
    costs_.resize(overlaps_.size());
    for (std::size_t t = 0, i = 0; t < targets_.all().size(); ++t) {
        const OcTarget& target = targets_.all()[t];
        for (const Measurement& measurement : measurements_) {
            constexpr double kOtherClass = 10;
            bool fits = joinable(target, measurement, options_);
            costs_[i] = fits ? -overlaps_[i] - direction_gain(target, measurement) : kOtherClass;
            ++i;
        }
    }
    auto chosen = solver_.solve(costs_, targets_.all().size(), measurements_.size());
    matches_.clear();
    for (std::size_t t = 0; t < chosen.size(); ++t) {
        if (chosen[t] == kUnassigned) continue;
        double shared = overlaps_[t * measurements_.size() + static_cast<std::size_t>(chosen[t])];
        if (shared > 0 && shared >= wanted) matches_.push_back({static_cast<int>(t), chosen[t]});
    }
    return matches_;
}

/// OCR, section 4.3.
void OcSortTracker::match_by_last_observation() {
    matcher_.begin(targets_.all().size(), measurements_.size());
    for (std::size_t t = 0; t < targets_.all().size(); ++t) {
        const OcTarget& target = targets_.all()[t];
        if (target.detection != kNoDetection || !target.motion.observed()) continue;
        for (std::size_t m = 0; m < measurements_.size(); ++m) {
            const Measurement& measurement = measurements_[m];
            if (taken_[m]) continue;
            double shared = overlap(target.motion.last_box(), measurement.box);
            if (shared <= 0 || !joinable(target, measurement, options_)) continue;
            matcher_.add({static_cast<int>(t), static_cast<int>(m)}, shared);
        }
    }
    join(matcher_.best(static_cast<double>(options_.min_matching_score4_iou)));
}

void OcSortTracker::join(std::span<const Match> matches) {
    for (const Match& pair : matches) {
        auto measurement = static_cast<std::size_t>(pair.measurement);
        targets_.match(pair.target, measurements_[measurement]);
        taken_[measurement] = 1;
    }
}

}  // namespace
}  // namespace detail

std::unique_ptr<Tracker> create_tracker(const OcSortOptions& options) {
    return std::make_unique<detail::OcSortTracker>(options);
}

}  // namespace sluice::track
