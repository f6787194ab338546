#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/base/result.h"

/// The engine files there are (`sluice build --list`, `--prune`): those of the user's cache, which
/// runs with tuned plans make, and those that `sluice build` wrote beside a model.
namespace sluice::infer {

enum class EngineState {
    kFits,
    kStale,    ///< it would be built anew: see `why`
    kForeign,  ///< made for a GPU that is not here, which alone can judge the rest
};

struct KeptEngine {
    std::string file;
    EngineState state = EngineState::kFits;
    std::string why;    ///< it is not kFits; for people
    std::string model;  ///< its path; "" where the file cannot be read
    std::string precision;
    std::vector<int> batches;
    std::string gpu;
    std::string cudnn;   ///< "91900"
    std::string sluice;  ///< the version
    std::uintmax_t bytes = 0;
    std::chrono::system_clock::time_point written;
};

/// Of that model, also those beside it; of all, "", those of the cache. In the order of their
/// names. Reads the models of these for their hashes. kUnsupported in a build without a backend.
Result<std::vector<KeptEngine>> kept_engines(const std::string& model);

enum class Prune { kStale, kAll };

/// Removes the stale ones, or all, of those that kept_engines() lists, and returns them. One that
/// another process makes just now stays. kIo where one cannot be removed.
Result<std::vector<KeptEngine>> prune_engines(const std::string& model, Prune which);

}  // namespace sluice::infer
