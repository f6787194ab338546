#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "sluice/infer/backends/cuda/engine_cache.h"
#include "sluice/infer/backends/cuda/network.h"
#include "sluice/infer/backends/openvino/split.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/engine.h"

namespace sluice::infer::cuda {

struct BuiltNetwork {
    std::unique_ptr<Network> network;
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
    /// For people: "fp16", "fp32", "tf32", "int8 (63 of 70 convolutions) and fp16".
    std::string precision;
    /// Where the model suppresses boxes by itself: the network is its body alone.
    std::optional<SplitModel> parts;
};

/// decide_precision(); but `auto` of a model that is quantised already (Q/DQ nodes) is int8, as its
/// maker means it.
Result<DecidedPrecision> decide(const std::string& path,
                                const ov::Model& model,
                                const EngineOptions& asked,
                                const std::string& gpu);

/// The model as a network for batches of options.batch_size. `plans` goes before what is cached.
/// The device must be the calling thread's own. May throw what OpenVINO throws.
Result<BuiltNetwork> build_network(const std::string& path,
                                   const ov::Model& model,
                                   const EngineOptions& options,
                                   const InputAdaptation& adaptation,
                                   int device,
                                   PlanOptions plans);

/// How plans are chosen by these options, engine files apart.
PlanOptions plan_options(const std::string& path, const EngineOptions& options);

/// The model's hash. For int8 a calibration file of ours is put into the options first: to belong
/// to the model it has to have the same hash, so that the model is read for it once.
Result<std::string> hash_for(const std::string& path, EngineOptions& options);

/// What engine files know of this; where they do not and plans are tuned, the right to make one.
/// May wait for another process. Puts the calibration into the options, as hash_for().
Result<EngineClaim> claim_engine(const std::string& path,
                                 EngineOptions& options,
                                 const InputAdaptation& adaptation,
                                 int device);

/// What an engine file for this has to say of itself. Puts the calibration into the options, as
/// hash_for().
Result<EngineMaking> making_of(const std::string& path,
                               EngineOptions& options,
                               const InputAdaptation& adaptation,
                               int device,
                               std::vector<int> batches);

}  // namespace sluice::infer::cuda
