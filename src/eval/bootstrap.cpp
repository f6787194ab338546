#include "sluice/eval/bootstrap.h"

#include <algorithm>
#include <random>
#include <vector>

namespace sluice::eval {

Interval bootstrap(std::size_t items,
                   const std::function<double(std::span<const std::size_t>)>& statistic,
                   int rounds,
                   std::uint32_t seed) {
    if (items == 0 || rounds < 1) return {};
    std::mt19937 random(seed);
    std::vector<std::size_t> drawn(items);
    std::vector<double> values;
    for (int round = 0; round < rounds; ++round) {
        // The standard's distributions differ between libraries; this bias is of no account.
        for (std::size_t& item : drawn)
            item = random() % items;
        values.push_back(statistic(drawn));
    }
    std::sort(values.begin(), values.end());
    auto at = [&](double share) {
        return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) +
                                               0.5)];
    };
    return {at(0.025), at(0.975)};
}

}  // namespace sluice::eval
