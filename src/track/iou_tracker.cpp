#include "sluice/track/detail/overlap_tracker.h"
#include "sluice/track/registry.h"

namespace sluice::track {

/// No motion model: targets are looked for where they were last seen. After Bochinski, Eiselein,
/// Sikora, "High-speed tracking-by-detection without using image information", AVSS 2017, with the
/// exact assignment in place of their greedy one and DeepStream's life cycle.
std::unique_ptr<Tracker> create_tracker(const IouOptions& options) {
    detail::LifeRules rules;
    rules.options = options;
    return std::make_unique<detail::OverlapTracker<detail::StillMotion>>(options, rules);
}

}  // namespace sluice::track
