#include "sluice/metrics/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::metrics {
namespace {

// Values below 2 * kSubBuckets have a bucket each. Above, a value keeps its 7 leading bits; the
// number of bits cut off picks the octave. A bucket is thus at most 1/64 of its value wide, and its
// middle at most 1/128 (0.8 %) away.
constexpr int kKeptBits = 7;
constexpr std::uint64_t kLargest = (std::uint64_t{1} << 42) - 1;
static_assert(Histogram::kSubBuckets == std::size_t{1} << (kKeptBits - 1));
static_assert(Histogram::kOctaves == 42 - kKeptBits + 1);

std::size_t bucket_of(std::uint64_t value) {
    value = std::min(value, kLargest);
    int cut = std::max(0, static_cast<int>(std::bit_width(value)) - kKeptBits);
    return static_cast<std::size_t>(cut) * Histogram::kSubBuckets +
           static_cast<std::size_t>(value >> cut);
}

std::int64_t middle_of(std::size_t bucket) {
    if (bucket < 2 * Histogram::kSubBuckets) return static_cast<std::int64_t>(bucket);
    std::size_t cut = bucket / Histogram::kSubBuckets - 1;
    std::size_t leading = bucket - cut * Histogram::kSubBuckets;
    return static_cast<std::int64_t>((leading << cut) + (std::size_t{1} << cut) / 2);
}

}  // namespace

void Histogram::record(Duration value) {
    std::int64_t ns = std::max<std::int64_t>(0, value.count());
    buckets_[bucket_of(static_cast<std::uint64_t>(ns))].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(ns, std::memory_order_relaxed);
    std::int64_t seen = min_.load(std::memory_order_relaxed);
    while (ns < seen && !min_.compare_exchange_weak(seen, ns, std::memory_order_relaxed)) {
    }
    seen = max_.load(std::memory_order_relaxed);
    while (ns > seen && !max_.compare_exchange_weak(seen, ns, std::memory_order_relaxed)) {
    }
}

HistogramSnapshot Histogram::snapshot() const {
    HistogramSnapshot out;
    out.buckets.resize(kBuckets);
    for (std::size_t i = 0; i < kBuckets; ++i) {
        out.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
        out.count += out.buckets[i];
    }
    if (out.count == 0) return {};
    out.sum = Duration(sum_.load(std::memory_order_relaxed));
    out.max = Duration(max_.load(std::memory_order_relaxed));
    out.min = std::min(out.max, Duration(min_.load(std::memory_order_relaxed)));
    return out;
}

Duration HistogramSnapshot::mean() const {
    if (count == 0) return {};
    return sum / static_cast<std::int64_t>(count);
}

Duration HistogramSnapshot::percentile(double percent) const {
    if (count == 0) return {};
    double share = std::clamp(percent, 0.0, 100.0) / 100.0;
    auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count)));
    rank = std::clamp<std::uint64_t>(rank, 1, count);
    if (rank == 1) return min;
    if (rank == count) return max;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        below += buckets[i];
        if (below < rank) continue;
        if (i + 1 == buckets.size()) break;  // shared by all that is beyond the range
        return std::clamp(Duration(middle_of(i)), min, max);
    }
    return max;
}

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
    if (other.count == 0) return;
    if (count == 0) {
        *this = other;
        return;
    }
    for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i] += other.buckets[i];
    count += other.count;
    sum += other.sum;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
}

}  // namespace sluice::metrics
