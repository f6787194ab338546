#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/app/description.h"
#include "sluice/app/sources.h"

namespace sluice::app {

/// One analysis of a run: its models on one device, and the sources whose frames go through it.
/// Chains know nothing of each other; their results come together before the outputs.
struct Chain {
    std::string device;  ///< as the first model names it
    /// Where frames are best decoded, as far as can be told before the models are loaded.
    int likely_device = memory::kHostMemory;
    std::vector<gst::InferSettings> models;  ///< each with the one device that it has here
    std::vector<std::size_t> sources;        ///< their numbers in the run's list
};

/// A chain for each device that the first model of whole frames names; some have no source where
/// there are more of them. A source goes where its option `device` says; the others then go, one
/// after the other, where there are fewest. `cuda_devices`: what `cuda:*` stands for.
/// kInvalidArgument: models that name other numbers of devices, a source on a device that the model
/// has not. Whether a device is there is not asked.
Result<std::vector<Chain>> plan_chains(const PipelineDescription& description,
                                       const std::vector<Source>& sources,
                                       int cuda_devices);

/// Where one picture of all sources is made: on the first CUDA device that frames come from; none
/// where all come from one place, for then it is made there.
std::optional<int> picture_device(const std::vector<Chain>& chains);

}  // namespace sluice::app
