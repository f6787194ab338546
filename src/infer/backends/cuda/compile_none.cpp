#include <fmt/format.h>

#include "sluice/infer/backends/cuda/compile.h"

namespace sluice::infer::cuda {

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

}  // namespace sluice::infer::cuda
