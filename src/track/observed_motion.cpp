#include "sluice/track/detail/observed_motion.h"

#include <algorithm>
#include <cmath>

namespace sluice::track::detail {
namespace {

Edges between(const Edges& a, const Edges& b, double share) {
    auto mix = [share](double from, double to) { return from + (to - from) * share; };
    return centered(mix(a.center_x(), b.center_x()),
                    mix(a.center_y(), b.center_y()),
                    mix(a.width(), b.width()),
                    mix(a.height(), b.height()));
}

}  // namespace

Direction direction(const Edges& from, const Edges& to) {
    double x = to.center_x() - from.center_x();
    double y = to.center_y() - from.center_y();
    double length = std::hypot(x, y) + 1e-6;
    return {x / length, y / length};
}

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

}  // namespace sluice::track::detail
