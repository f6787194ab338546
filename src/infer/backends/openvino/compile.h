#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openvino/runtime/core.hpp>

#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/engine.h"

namespace sluice::infer {

/// The process's own; made at the first call, which may throw.
ov::Core& openvino_core();

/// Leaves `model` as it is.
Result<std::unique_ptr<Engine>> compile_model(const std::string& path,
                                              const std::shared_ptr<const ov::Model>& model,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation);

/// A prepared model on the CPU, in the precision, batch and requests that the options say. May
/// throw what OpenVINO throws.
Result<OpenvinoPlan> plan_of(const std::string& path,
                             const PreparedModel& prepared,
                             const EngineOptions& options);

/// Model::observe() of a model prepared for one item, which stays as it is. May throw what OpenVINO
/// throws.
Result<std::unique_ptr<Engine>> observe_model(const std::string& path,
                                              const PreparedModel& prepared,
                                              const std::vector<std::string>& tensors,
                                              const Calibration* calibration,
                                              int device);

/// For CUDA devices; others need no building.
Result<EngineBuild> build_model(const std::string& path,
                                const std::shared_ptr<const ov::Model>& model,
                                const EngineOptions& options,
                                const InputAdaptation& adaptation,
                                const BuildOptions& build);

}  // namespace sluice::infer
