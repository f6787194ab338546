#pragma once

#include <optional>

#include "sluice/infer/backends/cuda/kernels.h"
#include "sluice/infer/backends/cuda/launch.h"

namespace sluice::infer::cuda {

/// How the convolution of step `index` is computed together with the SpaceToDepth of the step
/// before it, by the kernel for first layers; without pointers. Nothing where it cannot be.
std::optional<StemArgs> stem_of(const Program& program, std::size_t index);

}  // namespace sluice::infer::cuda
