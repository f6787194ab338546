#pragma once

#include <optional>
#include <vector>

#include "sluice/infer/backends/cuda/head_conv.h"
#include "sluice/infer/backends/cuda/launch.h"

namespace sluice::infer::cuda {

/// Convolutions whose numbers later steps copy side by side into rows of an output.
struct CopiedHead {
    HeadConv conv;                    ///< without pointers
    std::vector<std::size_t> convs;   ///< the step of each part
    std::vector<std::size_t> copies;  ///< likewise
};

/// How the convolution of step `index`, and those of the steps after it that fill the same rows,
/// are computed straight into the output of the graph. Nothing where they cannot be.
std::optional<CopiedHead> head_of(const Program& program, std::size_t index);

/// Brings convolutions that fill the same rows together, each just before the last of them.
void gather_heads(Program& program);

}  // namespace sluice::infer::cuda
