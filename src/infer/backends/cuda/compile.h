#pragma once

#include <memory>
#include <optional>
#include <string>

#include <openvino/core/model.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer::cuda {

/// The number in "cuda" (0) or "cuda:2"; nothing where the words mean another device.
std::optional<int> device_number(const std::string& device);

/// Makes an engine of the model on that device. Leaves the model as it is. kUnsupported, with the
/// node's name, where it holds what this backend does not know; and where the build has no CUDA.
/// May throw what OpenVINO throws.
Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model& model,
                                        const EngineOptions& options,
                                        const InputAdaptation& adaptation,
                                        int device);

}  // namespace sluice::infer::cuda
