#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace sluice::eval {

struct Interval {
    double low = 0;
    double high = 0;
};

/// The 95 % confidence interval of a statistic of `items` things by Efron's percentile bootstrap
/// ("Bootstrap Methods: Another Look at the Jackknife", 1979): the statistic of `rounds` draws of
/// as many things, with replacement. `statistic` is given their numbers. The same seed gives the
/// same interval. Of no items: nothing.
Interval bootstrap(std::size_t items,
                   const std::function<double(std::span<const std::size_t>)>& statistic,
                   int rounds,
                   std::uint32_t seed);

}  // namespace sluice::eval
