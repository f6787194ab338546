#include <fmt/format.h>

#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/kept.h"

namespace sluice::infer::cuda {

Result<void> check_present(int) {
    return unsupported("this build was made without CUDA");
}

Result<std::string> gpu_name(int) {
    return unsupported("this build was made without CUDA");
}

Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model&,
                                        const EngineOptions& options,
                                        const InputAdaptation&,
                                        int) {
    return unsupported(
        fmt::format("option 'device': '{}' is not in this build, which was made without CUDA",
                    options.device),
        path);
}

Result<EngineBuild> build(const std::string&,
                          const ov::Model&,
                          const EngineOptions&,
                          const InputAdaptation&,
                          const BuildOptions&,
                          int device) {
    SLUICE_TRY(check_present(device));
    return EngineBuild{};
}

EngineHost this_host() {
    return {};
}

}  // namespace sluice::infer::cuda
