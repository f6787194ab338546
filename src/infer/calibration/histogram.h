#pragma once

#include <cstdint>
#include <span>

#include "sluice/infer/calibration/ranges.h"

/// How the methods choose: pure, over bins. Private to calibration/.
namespace sluice::infer {

struct Histogram {
    std::span<const std::uint64_t> bins;
    double low = 0;    ///< where the first bin begins
    double width = 1;  ///< of a bin
    double centre(std::size_t bin) const { return low + (static_cast<double>(bin) + 0.5) * width; }
};

struct Ends {
    double low = 0;
    double high = 0;
};

/// What lies within all but `share` of the numbers; half of it at each end.
Ends percentile_ends(const Histogram& histogram, std::uint64_t count, double share);

/// Of `all` and what is inside it, the ends with the least squared error after rounding to 256
/// steps.
Ends mse_ends(const Histogram& histogram, const Ends& all, Steps steps);

/// Of `all` shrunk evenly, the ends whose rounded distribution tells least from the clipped one:
/// Migacz, "8-bit inference with TensorRT" (GTC 2017), on both sides of 0 instead of on magnitudes.
Ends entropy_ends(const Histogram& histogram, const Ends& all);

/// The mean squared error of what lies in the bins, clipped to a range and rounded to its steps.
double squared_error(const Histogram& histogram, const TensorRange& range);

}  // namespace sluice::infer
