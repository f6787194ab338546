#include "sluice/osd/cuda/cuda_renderer.h"

namespace sluice::osd::cuda {

Result<void> check_available() {
    return unsupported("this build cannot draw on a GPU");
}

Result<std::unique_ptr<Renderer>> create_renderer(const OsdOptions&, int) {
    return check_available().error();
}

}  // namespace sluice::osd::cuda
