#pragma once

#include <cstddef>
#include <vector>

namespace sluice::infer::cuda {

/// Memory that is wanted from step `first` to step `last`, both included.
struct Block {
    std::size_t bytes = 0;
    int first = 0;
    int last = 0;
};

struct ArenaPlan {
    std::vector<std::size_t> offsets;  ///< of each block
    std::size_t bytes = 0;             ///< of all
};

/// Places blocks so that those wanted at the same time do not overlap; each at a multiple of 256
/// bytes. Largest first, into the lowest gap that holds it.
ArenaPlan plan_arena(const std::vector<Block>& blocks);

}  // namespace sluice::infer::cuda
