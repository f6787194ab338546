#include "sluice/infer/backends/cuda/cudnn_library.h"

#include <cstdlib>
#include <filesystem>

#include <dlfcn.h>
#include <fmt/format.h>

namespace sluice::infer::cuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libcudnn.so.9";

Result<void*> open_first() {
    for (const std::string& place : cudnn_places()) {
        if (void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL)) return library;
    }
    const char* named = std::getenv("SLUICE_CUDNN");
    if (named != nullptr)
        return unsupported(fmt::format("cuDNN 9 is not where SLUICE_CUDNN says ({})", named));
    return unsupported(
        "cuDNN 9 (libcudnn.so.9) is not found: install NVIDIA's package cudnn9-cuda-13, or "
        "`pip install nvidia-cudnn-cu13` in an active virtual environment; SLUICE_CUDNN may name "
        "the library's folder");
}

}  // namespace

std::vector<std::string> cudnn_places() {
    std::error_code ignored;
    if (const char* named = std::getenv("SLUICE_CUDNN")) {
        const fs::path path(named);
        return {fs::is_directory(path, ignored) ? path / kLibrary : path};
    }
    std::vector<std::string> places{kLibrary};
    if (const char* environment = std::getenv("VIRTUAL_ENV")) {
        for (const auto& python : fs::directory_iterator(fs::path(environment) / "lib", ignored)) {
            const fs::path wheel = python.path() / "site-packages/nvidia/cudnn/lib" / kLibrary;
            if (fs::exists(wheel, ignored)) places.push_back(wheel);
        }
    }
    places.push_back(std::string(SLUICE_CUDNN_OF_BUILD) + "/" + kLibrary);
    return places;
}

Result<void*> open_cudnn() {
    static const Result<void*> library = open_first();
    return library;
}

}  // namespace sluice::infer::cuda
