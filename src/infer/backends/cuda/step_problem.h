#pragma once

#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/lower.h"

namespace sluice::infer::cuda {

/// What a convolution of a program asks of a plan.
struct StepProblem {
    ConvProblem problem;
    std::size_t fused = 0;  ///< of the node's steps, the first ones, are part of it
};

/// `fuses`: with as many of the node's steps as a plan can do; else with none.
StepProblem problem_of(const Program& program, const Step& step, bool tf32, bool fuses);

/// What a step asks that does both convolutions of a pair (conv_pair.h). Both were asked with all
/// of their nodes' steps.
ConvProblem pair_problem(const ConvProblem& first,
                         const ConvProblem& second,
                         const ConvProblem& joining);

/// Of the operand of step `which`: is the number that its zero point stands for added elsewhere?
/// Before all else it is in the bias, behind all else it is what the problem shifts by.
enum class ZeroIn { kNone, kBias, kShift };
ZeroIn zero_of(const Program& program, const Step& step, std::size_t which);

/// What is added to all outputs, in units of the output.
float shift_of(const Program& program, const Step& step, std::size_t fused);

}  // namespace sluice::infer::cuda
