#pragma once

#include <memory>
#include <string>

#include <openvino/runtime/core.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer {

/// The process's own; made at the first call, which may throw.
ov::Core& openvino_core();

/// Leaves `model` as it is.
Result<std::unique_ptr<Engine>> compile_model(const std::string& path,
                                              const std::shared_ptr<const ov::Model>& model,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation);

/// For CUDA devices; others need no building.
Result<EngineBuild> build_model(const std::string& path,
                                const std::shared_ptr<const ov::Model>& model,
                                const EngineOptions& options,
                                const InputAdaptation& adaptation,
                                const BuildOptions& build);

}  // namespace sluice::infer
