#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::metrics {

/// A count that only grows. Thread-safe; readings of several counters are not one instant's.
class Counter {
public:
    void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace sluice::metrics
