#pragma once

#include <memory>
#include <string>

#include <openvino/core/model.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer::cuda {

/// Can engines be made for that device? Else kUnsupported or kInvalidArgument, naming what is
/// missing: CUDA in this build, a driver, the device, cuDNN.
Result<void> check_present(int device);

/// Makes an engine of the model on that device. Leaves the model as it is. kUnsupported, with the
/// node's name, where it holds what this backend does not know; and where the build has no CUDA.
/// May throw what OpenVINO throws.
Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model& model,
                                        const EngineOptions& options,
                                        const InputAdaptation& adaptation,
                                        int device);

/// What `sluice build` asks for, on that device; as compile() otherwise.
Result<EngineBuild> build(const std::string& path,
                          const ov::Model& model,
                          const EngineOptions& options,
                          const InputAdaptation& adaptation,
                          const BuildOptions& build,
                          int device);

}  // namespace sluice::infer::cuda
