#include <algorithm>

#include "sluice/track/detail/associate.h"
#include "sluice/track/detail/motion.h"
#include "sluice/track/detail/target.h"
#include "sluice/track/registry.h"

// Zhang et al., "ByteTrack: multi-object tracking by associating every detection box", ECCV 2022,
// section 3 and algorithm 1: strong detections are matched with all targets, weak ones with the
// live targets that are left; only strong ones start targets. From the authors' code, not the
// paper: overlaps are weighted with the score, edges count as inclusive pixels, targets on
// probation get what strong detections are left over, and doubles end.

namespace sluice::track {
namespace detail {
namespace {

LifeRules byte_rules(const ByteTrackOptions& options) {
    LifeRules rules;
    rules.options = options;
    rules.warm_up_frames = 1;
    rules.still_on_probation = true;
    return rules;
}

class ByteTracker final : public Tracker {
public:
    explicit ByteTracker(const ByteTrackOptions& options)
        : options_(options), targets_(byte_rules(options)) {}

    void update(const FrameInput& frame,
                std::span<const meta::Detection> detections,
                std::vector<TrackedObject>& out) override;
    void reset() override {
        targets_.clear();
        clock_.reset();
    }

private:
    using Manager = TargetManager<HeightMotion>;
    /// Inclusive pixel edges.
    static constexpr double kPixel = 1;

    template <class Eligible>
    void select(const Eligible& eligible);
    void match(std::vector<int>& measurements, double min_score, bool weigh);
    void end_duplicates();

    ByteTrackOptions options_;
    FrameClock clock_;
    Manager targets_;
    Associator associator_;
    std::vector<Measurement> measurements_;
    std::vector<int> strong_;  ///< measurements not yet matched, by index
    std::vector<int> weak_;
    std::vector<int> selected_;  ///< targets of the round at hand
};

void ByteTracker::update(const FrameInput& frame,
                         std::span<const meta::Detection> detections,
                         std::vector<TrackedObject>& out) {
    out.clear();
    bool looked = frame.inference != meta::Inference::kSkipped;
    Step step = clock_.advance(frame.pts_ns);
    targets_.advance(step, looked);
    if (!looked) return targets_.report_predicted(out);

    collect(detections, options_, measurements_);
    strong_.clear();
    weak_.clear();
    for (std::size_t m = 0; m < measurements_.size(); ++m) {
        bool strong = measurements_[m].score > options_.tentative_detector_confidence;
        (strong ? strong_ : weak_).push_back(static_cast<int>(m));
    }

    select([](const Life& life) { return life.state != State::kTentative; });
    match(strong_, static_cast<double>(options_.min_matching_score4_overall), true);
    select([](const Life& life) {
        return life.state == State::kActive && life.detection == kNoDetection;
    });
    match(weak_, static_cast<double>(options_.min_matching_score4_tentative_iou), false);
    select([](const Life& life) { return life.state == State::kTentative; });
    match(strong_, static_cast<double>(options_.min_matching_score4_probation), true);

    targets_.miss_the_rest(step);
    for (int m : strong_) {
        const Measurement& measurement = measurements_[static_cast<std::size_t>(m)];
        float wanted = options_.tentative_detector_confidence + options_.new_target_margin;
        if (measurement.score >= wanted) targets_.start(measurement);
    }
    end_duplicates();
    targets_.report(out);
}

template <class Eligible>
void ByteTracker::select(const Eligible& eligible) {
    selected_.clear();
    for (std::size_t t = 0; t < targets_.all().size(); ++t) {
        if (eligible(targets_.all()[t])) selected_.push_back(static_cast<int>(t));
    }
}

/// Matches the selected targets with `measurements` and takes those that joined out of it.
void ByteTracker::match(std::vector<int>& measurements, double min_score, bool weigh) {
    associator_.begin(targets_.all().size(), measurements_.size());
    for (int t : selected_) {
        const Target<HeightMotion>& target = targets_[t];
        for (int m : measurements) {
            const Measurement& measurement = measurements_[static_cast<std::size_t>(m)];
            double score = overlap(target.box, measurement.box, kPixel);
            if (weigh) score *= static_cast<double>(measurement.score);
            if (score > min_score && joinable(target, measurement, options_))
                associator_.add(t, m, score - min_score);
        }
    }
    for (const Match& pair : associator_.solve())
        targets_.match(pair.target, measurements_[static_cast<std::size_t>(pair.measurement)]);
    measurements.erase(std::remove_if(measurements.begin(),
                                      measurements.end(),
                                      [this](int m) { return associator_.measurement_taken(m); }),
                       measurements.end());
}

/// Where a live target covers a lost one, the one that was followed for a shorter time ends.
void ByteTracker::end_duplicates() {
    double limit = options_.min_iou4_target_duplicate;
    if (limit >= 1) return;
    auto followed = [](const Life& life) {
        return static_cast<std::int64_t>(life.age) - life.shadow_age;
    };
    for (Target<HeightMotion>& lost : targets_.all()) {
        if (!lost.lost()) continue;
        for (Target<HeightMotion>& live : targets_.all()) {
            if (live.state == State::kGone || live.detection == kNoDetection) continue;
            if (options_.check_class_match && live.class_id != lost.class_id) continue;
            if (overlap(live.box, lost.box, kPixel) <= limit) continue;
            (followed(live) > followed(lost) ? lost : live).state = State::kGone;
        }
    }
    targets_.bury();
}

}  // namespace
}  // namespace detail

std::unique_ptr<Tracker> create_tracker(const ByteTrackOptions& options) {
    return std::make_unique<detail::ByteTracker>(options);
}

}  // namespace sluice::track
