#pragma once

#include "sluice/infer/backends/cuda/conv_plan.h"

namespace sluice::infer::cuda {

struct ConvCheckArgs;

/// Are these launch_compare's sums of numbers that differ by rounding alone? Of kI8 some may be the
/// neighbours of the right ones.
bool is_near(const float (&sums)[2], memory::ElementType type, bool tf32 = false);

/// Runs a problem's plans on made-up numbers in memory of its own: are they right, and how long do
/// they take? cuDNN offers plans that compute something else where the output lies in a larger
/// tensor (measured: 9.19 on an H100, 1x1 convolutions into a slice), so none is believed.
class PlanTrial {
public:
    /// For these plans of the problem. Computes what they are compared with.
    static Result<PlanTrial> create(const ConvProblem& problem, const std::vector<ConvPlan>& plans);

    /// Does the plan compute what the problem asks, and leave the gaps between its outputs alone?
    Result<bool> is_right(const Cudnn& cudnn, const ConvPlan& plan);
    /// Not after a plan that reached beyond its memory: nothing runs on the device any more.
    Result<void> still_works() const;
    /// Milliseconds of one run.
    Result<float> time(const Cudnn& cudnn, const ConvPlan& plan);

private:
    explicit PlanTrial(const ConvProblem& problem) : problem_(problem) {}
    Result<void> compute_right();
    void add_second(ConvCheckArgs& args) const;
    ConvPointers pointers() const;
    Result<void> upload_numbers() const;

    ConvProblem problem_;
    memory::cuda::Stream stream_;
    memory::cuda::Buffer x_;
    memory::cuda::Buffer weights_;
    memory::cuda::Buffer bias_;
    memory::cuda::Buffer scale_;
    memory::cuda::Buffer second_x_;
    memory::cuda::Buffer second_weights_;
    memory::cuda::Buffer second_scale_;
    memory::cuda::Buffer numbers_;  ///< step of the operands, rate, shift: 256 bytes each
    memory::cuda::Buffer operand_;
    memory::cuda::Buffer y_;
    memory::cuda::Buffer right_;
    memory::cuda::Buffer sums_;
    memory::cuda::Buffer workspace_;
};

}  // namespace sluice::infer::cuda
