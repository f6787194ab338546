#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/plan_cache.h"

namespace sluice::infer::cuda {

struct PlanOptions {
    /// Plans are timed on the device, rather than cuDNN's first guess taken.
    bool tuned = false;
    /// What was timed is kept here and not timed again, nor guessed; "": nowhere.
    std::string cache;
    /// Goes before the cache: an engine file's.
    PlanNames known{};
    /// Our own kernels may be chosen beside cuDNN's.
    bool own = true;
    /// Called every few seconds while plans are timed; may be empty.
    std::function<void(const std::string&)> progress{};
    /// Called, in another thread, with the name of a plan that does not end: nothing can stop it
    /// but the end of the process, and choose_plans() waits for it. May be empty.
    std::function<void(const std::string&)> stuck{};
};

/// The plan for each problem, by its key; an empty plan where cuDNN has none. Builds plans on as
/// many threads as there are cores.
Result<std::map<std::string, ConvPlan>> choose_plans(const Cudnn& cudnn,
                                                     const std::vector<ConvProblem>& problems,
                                                     const PlanOptions& options,
                                                     int device);

}  // namespace sluice::infer::cuda
