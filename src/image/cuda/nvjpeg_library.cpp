#include "sluice/image/cuda/nvjpeg_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "sluice/base/shared_library.h"

namespace sluice::image::cuda {
namespace {

Result<NvJpeg> load() {
    void* library = SLUICE_TRY(open_library(
        {{"libnvjpeg.so.13", "libnvjpeg.so.12"},
         "SLUICE_NVJPEG",
         "nvidia/cu13/lib",
         SLUICE_NVJPEG_OF_BUILD,
         "nvJPEG (libnvjpeg.so.13) is not found: install NVIDIA's package libnvjpeg-13-0, or "
         "`pip install nvidia-nvjpeg` in an active virtual environment; SLUICE_NVJPEG may name the "
         "library's folder"}));
    const char* missing = nullptr;
    auto find = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
        if (!function) missing = name;
    };
    NvJpeg found{};
    find(found.create, "nvjpegCreateEx");
    find(found.destroy, "nvjpegDestroy");
    find(found.hardware_info, "nvjpegGetHardwareDecoderInfo");
    find(found.state_create, "nvjpegJpegStateCreate");
    find(found.state_destroy, "nvjpegJpegStateDestroy");
    find(found.decode, "nvjpegDecode");
    find(found.batched_initialize, "nvjpegDecodeBatchedInitialize");
    find(found.decode_batched, "nvjpegDecodeBatched");
    find(found.batched_supported, "nvjpegDecodeBatchedSupported");
    find(found.stream_create, "nvjpegJpegStreamCreate");
    find(found.stream_destroy, "nvjpegJpegStreamDestroy");
    find(found.stream_parse_header, "nvjpegJpegStreamParseHeader");
    if (missing) return unsupported(fmt::format("this nvJPEG is too old: it has no {}", missing));
    return found;
}

}  // namespace

Result<const NvJpeg*> nvjpeg() {
    static const Result<NvJpeg> library = load();
    if (!library) return library.error();
    return &library.value();
}

}  // namespace sluice::image::cuda
