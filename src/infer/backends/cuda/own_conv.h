#pragma once

#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/int8_conv.h"

namespace sluice::infer::cuda {

/// Our own convolution of 8 bits (int8_conv.h) as one way to solve a problem.
struct OwnConv {
    int config = 0;
    Int8Conv conv;  ///< without pointers and grids

    std::string name() const;
    Result<void> run(const ConvPointers& pointers, cudaStream_t stream) const;
};

/// Every configuration that can do it, those for Hopper alone only where that is asked for; the one
/// that should be fastest first.
std::vector<OwnConv> own_convs(const ConvProblem& problem, bool hopper);

/// Is the current device of compute capability 9.0?
bool is_hopper();

}  // namespace sluice::infer::cuda
