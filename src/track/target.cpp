#include "sluice/track/detail/target.h"

namespace sluice::track::detail {

void Life::seen(const Measurement& measurement, const LifeRules& rules) {
    class_id = measurement.class_id;
    label = measurement.label;
    confidence = measurement.score;
    detection = measurement.detection;
    shadow_age = 0;
    ++streak;
    bool had_passed = state == State::kInactive && rules.confirmation == Confirmation::kOnce;
    if (had_passed || streak >= rules.options.probation_age) state = State::kActive;
}

void Life::missed(int ticks, const LifeRules& rules) {
    streak = 0;
    reported = false;
    shadow_age += ticks;
    bool early = state == State::kTentative && shadow_age >= rules.options.early_termination_age;
    if (early || shadow_age > rules.options.max_shadow_tracking_age) {
        state = State::kGone;
    } else if (state == State::kActive) {
        state = State::kInactive;
    }
}

}  // namespace sluice::track::detail
