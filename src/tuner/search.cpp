#include "sluice/tuner/search.h"

#include <algorithm>

namespace sluice::tuner {

Result<std::optional<std::size_t>> least_passing(
    std::size_t most, const std::function<Result<bool>(std::size_t)>& passes) {
    if (SLUICE_TRY(passes(0))) return std::optional<std::size_t>(0);
    std::size_t failed = 0;
    std::size_t passed = 0;
    for (std::size_t n = 1; passed == 0; n *= 2) {
        if (failed == most) return std::optional<std::size_t>();
        n = std::min(n, most);
        (SLUICE_TRY(passes(n)) ? passed : failed) = n;
    }
    while (passed - failed > 1) {
        const std::size_t middle = failed + (passed - failed) / 2;
        (SLUICE_TRY(passes(middle)) ? passed : failed) = middle;
    }
    return std::optional<std::size_t>(passed);
}

}  // namespace sluice::tuner
