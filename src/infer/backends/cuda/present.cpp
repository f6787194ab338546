#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/cudnn_library.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/kept.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

Result<void> check_present(int device) {
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return unsupported("CUDA needs an NVIDIA driver (libcuda.so.1), and there is none");
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver) {
        return unsupported(fmt::format("the NVIDIA driver is too old: it is made for CUDA {}.{}",
                                       driver / 1000,
                                       driver % 1000 / 10));
    }
    if (status != cudaSuccess || count == 0) return unsupported("there is no CUDA device");
    if (device >= count)
        return invalid_argument(
            fmt::format("there is no CUDA device {}; there are {} from 0 on", device, count));
    SLUICE_TRY(open_cudnn());
    return {};
}

EngineHost this_host() {
    EngineHost host;
    for (int device = 0; device < memory::cuda::device_count(); ++device) {
        if (auto name = gpu_name(device)) host.gpus.push_back(std::move(*name));
    }
    if (!host.gpus.empty() && Cudnn::load()) host.cudnn = std::to_string(Cudnn::version());
    return host;
}

}  // namespace sluice::infer::cuda
