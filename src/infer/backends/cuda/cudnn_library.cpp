#include "sluice/infer/backends/cuda/cudnn_library.h"

#include "sluice/base/shared_library.h"

namespace sluice::infer::cuda {
namespace {

SharedLibrary cudnn() {
    return {{"libcudnn.so.9"},
            "SLUICE_CUDNN",
            "nvidia/cudnn/lib",
            SLUICE_CUDNN_OF_BUILD,
            "cuDNN 9 (libcudnn.so.9) is not found: install NVIDIA's package cudnn9-cuda-13, or "
            "`pip install nvidia-cudnn-cu13` in an active virtual environment; SLUICE_CUDNN may "
            "name the library's folder"};
}

}  // namespace

std::vector<std::string> cudnn_places() {
    return places_of(cudnn());
}

Result<void*> open_cudnn() {
    static const Result<void*> library = open_library(cudnn());
    return library;
}

}  // namespace sluice::infer::cuda
