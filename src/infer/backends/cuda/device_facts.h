#pragma once

#include <string>

#include "sluice/base/result.h"
#include "sluice/memory/tensor.h"

namespace sluice::infer::cuda {

/// "NVIDIA H100 80GB HBM3, compute capability 9.0"
Result<std::string> gpu_name(int device);

/// What the device can do at its highest clocks; 0 where we do not know its kind.
struct Peaks {
    double tflops =
        0;  ///< kI8, fp16, or tf32 where `tf32`, on the matrix units; else fp32 on its own
    double gigabytes_per_second = 0;
};
Result<Peaks> peaks_of(int device, memory::ElementType type, bool tf32);

}  // namespace sluice::infer::cuda
