#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sluice/base/clock.h"

namespace sluice::metrics {

/// What a Histogram held when asked: a plain value. Count, mean, min and max are exact; percentiles
/// are within 0.8 % of a recorded value (exact below 128 ns).
struct HistogramSnapshot {
    std::vector<std::uint64_t> buckets;  ///< empty when nothing was recorded
    std::uint64_t count = 0;
    Duration sum{};
    Duration min{};
    Duration max{};

    /// Zero when nothing was recorded, as are all the others.
    Duration mean() const;
    /// The value that `percent` (0..100) of the samples do not exceed, by nearest rank.
    Duration percentile(double percent) const;
    void merge(const HistogramSnapshot& other);
};

/// Distribution of durations, in buckets whose width grows with the value: 64 per octave. 19 KB,
/// never grows. Negative durations count as zero; those beyond 73 minutes share the last bucket.
/// Thread-safe: record() takes no lock and allocates nothing.
class Histogram {
public:
    static constexpr std::size_t kSubBuckets = 64;
    static constexpr std::size_t kOctaves = 36;
    static constexpr std::size_t kBuckets = (kOctaves + 1) * kSubBuckets;

    void record(Duration value);
    /// While others record, the parts may differ by the samples in flight.
    HistogramSnapshot snapshot() const;

private:
    std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
    std::atomic<std::int64_t> sum_{0};
    std::atomic<std::int64_t> min_{std::numeric_limits<std::int64_t>::max()};
    std::atomic<std::int64_t> max_{0};
};

}  // namespace sluice::metrics
