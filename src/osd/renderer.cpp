#include "sluice/osd/renderer.h"

#include "sluice/osd/cpu/cpu_renderer.h"

namespace sluice::osd {

Result<std::unique_ptr<Renderer>> Renderer::create(const OsdOptions& options) {
    if (options.process_mode == ProcessMode::kGpu) {
        return unsupported(
            "option 'process-mode': this build cannot draw on a GPU; use cpu (0) or auto");
    }
    return CpuRenderer::create(options);
}

}  // namespace sluice::osd
