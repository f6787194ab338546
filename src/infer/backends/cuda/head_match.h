#pragma once

#include <optional>

#include "sluice/infer/backends/cuda/head_conv.h"
#include "sluice/infer/backends/cuda/launch.h"

namespace sluice::infer::cuda {

/// A convolution and the step after it that copies what it made.
struct CopiedHead {
    HeadConv conv;  ///< without pointers
    std::size_t copy = 0;
};

/// How the convolution of step `index` is computed straight into the output of the graph that a
/// later step copies it to. Nothing where it cannot be.
std::optional<CopiedHead> head_of(const Program& program, std::size_t index);

}  // namespace sluice::infer::cuda
