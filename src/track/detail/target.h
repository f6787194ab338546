#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/track/detail/frame_clock.h"
#include "sluice/track/detail/measurement.h"
#include "sluice/track/options.h"
#include "sluice/track/tracker.h"

namespace sluice::track::detail {

enum class State {
    kTentative,  ///< on probation, not reported
    kActive,
    kInactive,  ///< in shadow: was active, is not seen now
    kGone,
};

/// How the originals differ in what a loss costs a target.
enum class Confirmation {
    kOnce,       ///< probation is passed once (ByteTrack, DeepStream)
    kEveryTime,  ///< after each loss it starts anew (SORT, OC-SORT)
};

struct LifeRules {
    TargetOptions options;
    Confirmation confirmation = Confirmation::kOnce;
    int warm_up_frames = 0;  ///< targets are reported without probation in a stream's first frames
    bool still_on_probation = false;  ///< no motion is assumed before the second detection
};

/// What is known of a target apart from its motion.
struct Life {
    meta::TrackId id;
    meta::ClassId class_id;
    Name label;
    float confidence = 0;
    State state = State::kTentative;
    std::uint32_t age = 1;  ///< ticks since birth, plus 1
    int streak = 0;         ///< detections without a miss, the first not counted
    int shadow_age = 0;     ///< ticks without detection; frames nobody looked at do not count
    bool reported = false;  ///< on the last frame that was looked at
    std::int32_t detection = kNoDetection;

    bool lost() const { return state == State::kInactive; }
    void seen(const Measurement& measurement, const LifeRules& rules);
    void missed(int ticks, const LifeRules& rules);
};

/// May the measurement join the target, as far as classes go?
inline bool joinable(const Life& life,
                     const Measurement& measurement,
                     const TargetOptions& options) {
    return !options.check_class_match || life.class_id == measurement.class_id;
}

template <class Motion>
struct Target : Life {
    Motion motion;
    Edges box;  ///< motion.box(), kept
};

/// Owns a source's targets: birth, ageing, death, report. Never more than maxTargetsPerStream.
template <class Motion>
class TargetManager {
public:
    /// Each target starts with a copy of `motion`.
    explicit TargetManager(const LifeRules& rules, const Motion& motion = {})
        : rules_(rules), motion_(motion) {}

    std::vector<Target<Motion>>& all() { return targets_; }
    Target<Motion>& operator[](int index) { return targets_[static_cast<std::size_t>(index)]; }
    void clear() {
        targets_.clear();
        frames_ = 0;
    }

    /// A new frame. After a gap that no target can survive all are dropped.
    void advance(const Step& step, bool looked) {
        constexpr int kGap = 30;
        if (step.ticks > rules_.options.max_shadow_tracking_age + kGap) targets_.clear();
        if (looked && warming_up()) ++frames_;
        for (auto& target : targets_) {
            target.age += static_cast<std::uint32_t>(step.ticks);
            target.detection = kNoDetection;
            if (rules_.still_on_probation && target.state == State::kTentative) continue;
            target.motion.predict(step, target.lost());
            target.box = target.motion.box();
            if (!is_usable(target.box)) target.state = State::kGone;
        }
        bury();
    }

    void match(int index, const Measurement& measurement) {
        Target<Motion>& target = (*this)[index];
        target.motion.correct(measurement.box);
        target.box = target.motion.box();
        target.seen(measurement, rules_);
    }

    /// Ages what was not matched on this frame.
    void miss_the_rest(const Step& step) {
        for (auto& target : targets_) {
            if (target.detection == kNoDetection) target.missed(step.ticks, rules_);
        }
        bury();
    }

    void start(const Measurement& measurement) {
        if (targets_.size() >= static_cast<std::size_t>(rules_.options.max_targets_per_stream))
            return;
        if (overlaps_a_target(measurement)) return;
        Target<Motion>& target = targets_.emplace_back();
        target.id = meta::TrackId(next_id_++);
        target.motion = motion_;
        target.motion.start(measurement.box);
        target.box = target.motion.box();
        target.class_id = measurement.class_id;
        target.label = measurement.label;
        target.confidence = measurement.score;
        target.detection = measurement.detection;
        bool trusted = rules_.options.probation_age == 0 ||
                       (warming_up() && rules_.confirmation == Confirmation::kOnce);
        if (trusted) target.state = State::kActive;
    }

    /// After a frame that was looked at: the targets seen on it.
    void report(std::vector<TrackedObject>& out) {
        for (auto& target : targets_) {
            target.reported = target.detection != kNoDetection &&
                              (target.state == State::kActive || warming_up());
            if (target.reported) tell(target, target.motion.reported(), out);
        }
    }

    /// After a frame that nobody looked at: the targets last reported, where they should be now.
    void report_predicted(std::vector<TrackedObject>& out) {
        for (auto& target : targets_) {
            if (target.reported) tell(target, target.box, out);
        }
    }

    void bury() {
        targets_.erase(std::remove_if(targets_.begin(),
                                      targets_.end(),
                                      [](const Life& life) { return life.state == State::kGone; }),
                       targets_.end());
    }

private:
    bool warming_up() const { return frames_ <= rules_.warm_up_frames; }

    bool overlaps_a_target(const Measurement& measurement) const {
        double limit = rules_.options.min_iou_diff4_new_target;
        if (limit >= 1) return false;
        return std::any_of(targets_.begin(), targets_.end(), [&](const Target<Motion>& target) {
            return joinable(target, measurement, rules_.options) &&
                   overlap(target.box, measurement.box) > limit;
        });
    }

    static void tell(const Target<Motion>& target,
                     const Edges& box,
                     std::vector<TrackedObject>& out) {
        out.push_back({target.id,
                       target.class_id,
                       target.label,
                       to_pixels(box),
                       target.confidence,
                       target.age,
                       target.detection});
    }

    LifeRules rules_;
    Motion motion_;
    std::vector<Target<Motion>> targets_;
    std::uint64_t next_id_ = 1;
    int frames_ = 0;  ///< looked at; stops counting after the warm-up
};

}  // namespace sluice::track::detail
