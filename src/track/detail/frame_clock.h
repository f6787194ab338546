#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::track::detail {

/// The time between two frames in units of the stream's usual interval.
struct Step {
    double dt = 1;  ///< for motion; exactly 1 in a stream of constant rate
    int ticks = 1;  ///< for ages: dt in whole intervals, at least 1
};

/// Learns a stream's usual frame interval from its time stamps. Missing, repeated or backward
/// stamps count as one interval.
class FrameClock {
public:
    Step advance(std::int64_t pts_ns);
    void reset() { *this = FrameClock(); }

private:
    void learn(std::int64_t interval);

    static constexpr std::size_t kWindow = 15;
    bool started_ = false;
    std::int64_t last_pts_ = 0;
    std::array<std::int64_t, kWindow> intervals_{};
    std::size_t seen_ = 0;
    std::int64_t usual_ = 0;
};

}  // namespace sluice::track::detail
