#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/cudnn_library.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/kept.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

Result<void> check_present(int device) {
    SLUICE_TRY(memory::cuda::check_device(device));
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
