#pragma once

#include <string>

#include "sluice/base/result.h"
#include "sluice/infer/options.h"
#include "sluice/memory/image.h"

namespace sluice::infer {

/// kUnsupported, naming what it can, where CUDA does not compute in it. Thread-safe.
Result<void> check_cuda_precision(Precision precision);

/// Where an engine would run.
struct DeviceChoice {
    int device = memory::kHostMemory;  ///< the CUDA device, or the CPU
    std::string why;                   ///< of `auto` that means the CPU: why not CUDA
};

/// The device that these options mean on this machine, as far as can be told before the model is
/// read. kUnsupported or kInvalidArgument, as making the engine would say it, where there is no
/// such device or it does not compute in that precision; what precisions a CPU has beside fp32 and
/// int8 is not asked. Thread-safe.
Result<DeviceChoice> choose_device(const EngineOptions& options);

}  // namespace sluice::infer
