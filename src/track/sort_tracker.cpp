#include "sluice/track/detail/overlap_tracker.h"
#include "sluice/track/registry.h"

namespace sluice::track {

/// Bewley et al., "Simple online and realtime tracking", ICIP 2016. Probation as in its authors'
/// code: a streak that every loss breaks, waived in the first frames of a stream.
std::unique_ptr<Tracker> create_tracker(const SortOptions& options) {
    detail::LifeRules rules;
    rules.options = options;
    rules.confirmation = detail::Confirmation::kEveryTime;
    rules.warm_up_frames = options.probation_age;
    return std::make_unique<detail::OverlapTracker<detail::AreaMotion>>(options, rules);
}

}  // namespace sluice::track
