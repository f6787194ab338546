#include "sluice/infer/backends/cuda/device_facts.h"

#include <fmt/format.h>

#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::check;

Result<int> attribute(cudaDeviceAttr which, int device) {
    int value = 0;
    SLUICE_TRY(check(cudaDeviceGetAttribute(&value, which, device), "reading a device's facts"));
    return value;
}

/// Operations of a multiprocessor per clock: fp16 with fp32 sums on the matrix units, dense.
double fp16_per_clock(int major, int minor) {
    if (major == 9) return 4096;
    if (major == 8 && minor == 0) return 2048;
    if (major == 8) return 512;
    return 0;
}

}  // namespace

Result<std::string> gpu_name(int device) {
    cudaDeviceProp properties{};
    SLUICE_TRY(check(cudaGetDeviceProperties(&properties, device), "reading a device's name"));
    return fmt::format("{}, compute capability {}.{}",
                       static_cast<const char*>(properties.name),
                       properties.major,
                       properties.minor);
}

Result<Peaks> peaks_of(int device, memory::ElementType type, bool tf32) {
    const int major = SLUICE_TRY(attribute(cudaDevAttrComputeCapabilityMajor, device));
    const int minor = SLUICE_TRY(attribute(cudaDevAttrComputeCapabilityMinor, device));
    const double processors = SLUICE_TRY(attribute(cudaDevAttrMultiProcessorCount, device));
    const double kilohertz = SLUICE_TRY(attribute(cudaDevAttrClockRate, device));
    const double memory_kilohertz = SLUICE_TRY(attribute(cudaDevAttrMemoryClockRate, device));
    const double bus_bits = SLUICE_TRY(attribute(cudaDevAttrGlobalMemoryBusWidth, device));
    double per_clock = fp16_per_clock(major, minor);
    if (type == memory::ElementType::kI8) {
        per_clock *= 2;
    } else if (type != memory::ElementType::kF16) {
        per_clock = tf32 ? per_clock / 2 : 256;
    }
    return Peaks{processors * kilohertz * per_clock / 1e9,
                 2 * memory_kilohertz * bus_bits / 8 / 1e6};
}

}  // namespace sluice::infer::cuda
