#pragma once

#include <chrono>

namespace sluice {

using Duration = std::chrono::nanoseconds;
/// A reading of the monotonic clock. Library code takes it as an argument and never asks for it.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// For the roof (gst, app, cli) and for benchmarks only.
inline TimePoint now() {
    return std::chrono::steady_clock::now();
}

inline double to_ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}
inline double to_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace sluice
