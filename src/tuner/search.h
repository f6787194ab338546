#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "sluice/base/result.h"

namespace sluice::tuner {

/// The least n in 0..most for which `passes(n)` holds, where more never does worse: doubling, then
/// bisection, so that few are tried. Nothing where even `most` does not pass. An error of `passes`
/// ends it.
Result<std::optional<std::size_t>> least_passing(
    std::size_t most, const std::function<Result<bool>(std::size_t)>& passes);

}  // namespace sluice::tuner
