#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/track/detail/motion.h"

namespace sluice::track::detail {

/// A unit vector, or nothing when the centers are the same.
struct Direction {
    double x = 0;
    double y = 0;
};
Direction direction(const Edges& from, const Edges& to);

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

}  // namespace sluice::track::detail
