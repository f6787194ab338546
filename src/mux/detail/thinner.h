#pragma once

#include <cstdint>
#include <optional>

#include "sluice/mux/counters.h"
#include "sluice/mux/options.h"

namespace sluice::mux::detail {

/// drop-frame-interval, then max-fps, of one source. A small value: copy it to try a frame out.
class Thinner {
public:
    /// Counts a frame at `time_ns` (its own stream's time); the reason when it is not to be kept.
    std::optional<DropReason> admit(const SourceOptions& options, std::int64_t time_ns);

private:
    std::int64_t seen_ = 0;                ///< frames since the last one kept by interval
    std::optional<std::int64_t> next_ns_;  ///< when the next frame is due under max-fps
};

}  // namespace sluice::mux::detail
