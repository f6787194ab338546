#pragma once

#include <cstddef>
#include <optional>

#include "sluice/infer/backends/cuda/lower.h"

namespace sluice::infer::cuda {

/// Two convolutions over 8 bits of which one adds the other's result to its own before all else, as
/// the last of a residual block and its shortcut do: one step could make both sums.
struct ConvPair {
    std::size_t joining = 0;  ///< the step that adds
    std::size_t summand = 0;  ///< the one before it whose output nobody else reads
    bool swapped = false;     ///< it is the joining one that becomes Conv::second

    std::size_t first() const { return swapped ? summand : joining; }
    std::size_t second() const { return swapped ? joining : summand; }
};

/// The pair whose joining step is `index`; nothing where there is none.
std::optional<ConvPair> pair_of(const Program& program, std::size_t index);

/// The joining step computes both; the other leaves the program, and what it wrote has no memory.
void join(Program& program, const ConvPair& pair);

}  // namespace sluice::infer::cuda
