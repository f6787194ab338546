#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/meta/ids.h"

namespace sluice::mux {

/// Why a frame did not get into a batch.
enum class DropReason {
    kMaxFps,
    kInterval,   ///< drop-frame-interval
    kDisplaced,  ///< a live source's queue was full
    kLate,       ///< drop-late
    kFlushed,    ///< waiting when its source was flushed or removed
    kClosed,     ///< pushed after the source's end, or no such source
};
inline constexpr std::size_t kDropReasonCount = 6;
inline constexpr std::array<std::string_view, kDropReasonCount> kDropReasonWords{
    "max-fps", "interval", "displaced", "late", "flushed", "closed"};

struct SourceCounters {
    std::uint64_t in = 0;   ///< frames pushed, refusals not counted
    std::uint64_t out = 0;  ///< frames in batches
    std::array<std::uint64_t, kDropReasonCount> dropped{};
    std::size_t queued = 0;  ///< in == out + sum of dropped + queued
    std::size_t queued_bytes = 0;

    std::uint64_t& operator[](DropReason reason) {
        return dropped[static_cast<std::size_t>(reason)];
    }
    std::uint64_t operator[](DropReason reason) const {
        return dropped[static_cast<std::size_t>(reason)];
    }
};

struct MuxCounters {
    std::vector<std::pair<meta::SourceId, SourceCounters>> sources;  ///< the present ones, by id
    std::uint64_t batches = 0;
    std::uint64_t frames = 0;
    std::uint64_t slots = 0;  ///< sum of the batch sizes that were aimed at

    /// 0..1: how full batches were; 0 when there was none.
    double fill() const {
        return slots ? static_cast<double>(frames) / static_cast<double>(slots) : 0.0;
    }
};

}  // namespace sluice::mux
