#include "sluice/track/detail/frame_clock.h"

#include <algorithm>
#include <cmath>

#include "sluice/meta/frame.h"

namespace sluice::track::detail {

Step FrameClock::advance(std::int64_t pts_ns) {
    if (pts_ns == meta::kNoPts) return {};
    std::int64_t previous = last_pts_;
    bool first = !started_;
    started_ = true;
    last_pts_ = pts_ns;
    // Compared before subtracting: the difference of two arbitrary stamps may not fit.
    if (first || pts_ns <= previous) return {};
    constexpr std::uint64_t kLongest = 1'000'000'000'000'000;  // eleven days
    std::uint64_t difference =
        static_cast<std::uint64_t>(pts_ns) - static_cast<std::uint64_t>(previous);
    auto interval = static_cast<std::int64_t>(std::min(difference, kLongest));
    learn(interval);

    // Rounded stamps and the jitter of live sources are no motion: near a whole number it is one.
    constexpr double kJitter = 0.2;
    constexpr double kMostTicks = 1'000'000;
    double ratio =
        std::min(static_cast<double>(interval) / static_cast<double>(usual_), kMostTicks);
    double whole = std::max(1.0, std::round(ratio));
    bool near = std::abs(ratio - whole) <= kJitter;
    return {near ? whole : ratio, static_cast<int>(whole)};
}

/// The usual interval is the lower median of the last few: gaps do not move it, and a gap at the
/// start is forgotten at once.
void FrameClock::learn(std::int64_t interval) {
    intervals_[seen_ % kWindow] = interval;
    ++seen_;
    std::size_t count = std::min(seen_, kWindow);
    std::array<std::int64_t, kWindow> sorted = intervals_;
    auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(count));
    usual_ = *middle;
}

}  // namespace sluice::track::detail
