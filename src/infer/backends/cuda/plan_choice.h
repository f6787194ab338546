#pragma once

#include <map>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/conv_plan.h"

namespace sluice::infer::cuda {

struct PlanOptions {
    /// Plans are timed on the device, rather than cuDNN's first guess taken.
    bool tuned = false;
    /// What was timed is kept here and not timed again; "": nowhere.
    std::string cache;
};

/// The plan for each problem, by its key; an empty plan where cuDNN has none. Builds plans on as
/// many threads as there are cores.
Result<std::map<std::string, ConvPlan>> choose_plans(const Cudnn& cudnn,
                                                     const std::vector<ConvProblem>& problems,
                                                     const PlanOptions& options,
                                                     int device);

}  // namespace sluice::infer::cuda
