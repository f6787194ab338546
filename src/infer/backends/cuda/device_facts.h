#pragma once

#include <string>

#include "sluice/base/result.h"
#include "sluice/memory/tensor.h"

namespace sluice::infer::cuda {

/// "NVIDIA H100 80GB HBM3, compute capability 9.0"
Result<std::string> gpu_name(int device);

/// What the device can do at its highest clocks; 0 where we do not know its kind.
struct Peaks {
    /// Of the matrix units for kI8, fp16 and, where `tf32`, tf32; of the others for fp32.
    double tflops = 0;
    double gigabytes_per_second = 0;
};
Result<Peaks> peaks_of(int device, memory::ElementType type, bool tf32);

}  // namespace sluice::infer::cuda
