#include "sluice/memory/cuda/copy.h"

#include "sluice/memory/cuda/device.h"

namespace sluice::memory::cuda {

Result<void> copy_picture(const ImageView& from, const MutableImageView& to) {
    if (from.format != to.format || from.size != to.size) {
        return invalid_argument("a picture is copied into one of another format or size");
    }
    const FormatLayout planes = layout(from.format);
    for (int i = 0; i < planes.planes; ++i) {
        const auto slot = static_cast<std::size_t>(i);
        const Size extent = plane_size(from.format, from.size, i);
        const auto row =
            static_cast<std::size_t>(extent.width * planes.plane[slot].bytes_per_pixel);
        SLUICE_TRY(check(cudaMemcpy2DAsync(to.data[slot],
                                           static_cast<std::size_t>(to.stride[slot]),
                                           from.data[slot],
                                           static_cast<std::size_t>(from.stride[slot]),
                                           row,
                                           static_cast<std::size_t>(extent.height),
                                           cudaMemcpyDefault,
                                           cudaStreamPerThread),
                         "copying a picture"));
    }
    return check(cudaStreamSynchronize(cudaStreamPerThread), "copying a picture");
}

}  // namespace sluice::memory::cuda
