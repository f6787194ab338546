#pragma once

#include <string>
#include <vector>

#include "sluice/infer/kept_engines.h"

/// kept_engines.h, for a folder and a machine that are given.
namespace sluice::infer::cuda {

/// What an engine file is judged by.
struct EngineHost {
    std::vector<std::string> gpus;  ///< gpu_name of each
    std::string cudnn;              ///< "": not there
};
EngineHost this_host();

std::vector<KeptEngine> engines_in(const std::string& folder,
                                   const std::string& model,
                                   const EngineHost& host);

Result<std::vector<KeptEngine>> prune_in(const std::string& folder,
                                         const std::string& model,
                                         const EngineHost& host,
                                         Prune which);

}  // namespace sluice::infer::cuda
