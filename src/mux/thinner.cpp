#include "sluice/mux/detail/thinner.h"

#include <cmath>

namespace sluice::mux::detail {

std::optional<DropReason> Thinner::admit(const SourceOptions& options, std::int64_t time_ns) {
    if (options.drop_frame_interval > 1) {
        bool keep = seen_ == 0;
        seen_ = (seen_ + 1) % options.drop_frame_interval;
        if (!keep) return DropReason::kInterval;
    }
    if (options.max_fps <= 0) return std::nullopt;

    // A frame may come a quarter of a period early, so that jitter does not halve a rate that is
    // just at the limit; the due times advance by whole periods, so that the mean rate stays below
    // it. Time that jumps (a seek, a gap, a loop) starts afresh.
    auto period = static_cast<std::int64_t>(std::llround(1e9 / options.max_fps));
    std::int64_t slack = period / 4;
    bool jumped = !next_ns_ || time_ns > *next_ns_ + period || time_ns < *next_ns_ - period - slack;
    if (!jumped && time_ns < *next_ns_ - slack) return DropReason::kMaxFps;
    next_ns_ = (jumped ? time_ns : *next_ns_) + period;
    return std::nullopt;
}

}  // namespace sluice::mux::detail
