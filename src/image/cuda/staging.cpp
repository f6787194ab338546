#include "sluice/image/cuda/staging.h"

namespace sluice::image::cuda {
namespace {

/// Rows of staged pictures begin at a sector of the device's memory.
constexpr std::size_t kStagedAlignment = 32;

/// The samples of one plane that a grid touches, as bytes.
struct Touched {
    std::ptrdiff_t first;  ///< from the plane's first
    std::size_t row_bytes;
    std::size_t rows;
    std::size_t pitch;  ///< once staged
};

Touched touched(const memory::ImageView& view, std::size_t plane, const Grid& grid) {
    const int sample = memory::layout(view.format).plane[plane].bytes_per_pixel;
    const auto row_bytes = static_cast<std::size_t>((grid.x.last - grid.x.low + 1) * sample);
    return {grid.y.low * view.stride[plane] + grid.x.low * sample,
            row_bytes,
            static_cast<std::size_t>(grid.y.last - grid.y.low + 1),
            (row_bytes + kStagedAlignment - 1) / kStagedAlignment * kStagedAlignment};
}

/// Counts samples from `low` on.
void rebase(Line& line) {
    line.at -= static_cast<long long>(line.low) * (1LL << 32);
    line.last -= line.low;
    line.low = 0;
}

}  // namespace

Result<void> Staging::bring(std::size_t slot,
                            const memory::ImageView& view,
                            Picture& picture,
                            const memory::cuda::Stream& stream) {
    if (view.device != memory::kHostMemory) return {};
    const auto planes = static_cast<std::size_t>(memory::layout(view.format).planes);
    std::size_t needed = 0;
    for (std::size_t plane = 0; plane < planes; ++plane) {
        const Touched part = touched(view, plane, plane == 0 ? picture.luma : picture.chroma);
        needed += part.pitch * part.rows;
    }
    if (buffers_.size() <= slot) buffers_.resize(slot + 1);
    if (buffers_[slot].bytes() < needed)
        buffers_[slot] =
            SLUICE_TRY(memory::cuda::Buffer::create(memory::cuda::Buffer::Kind::kDevice, needed));

    std::byte* to = buffers_[slot].data();
    for (std::size_t plane = 0; plane < planes; ++plane) {
        const Touched part = touched(view, plane, plane == 0 ? picture.luma : picture.chroma);
        SLUICE_TRY(
            memory::cuda::check(cudaMemcpy2DAsync(to,
                                                  part.pitch,
                                                  view.data[plane] + part.first,
                                                  static_cast<std::size_t>(view.stride[plane]),
                                                  part.row_bytes,
                                                  part.rows,
                                                  cudaMemcpyHostToDevice,
                                                  stream.get()),
                                "copying a picture to the device"));
        picture.plane[plane] = reinterpret_cast<const unsigned char*>(to);
        picture.pitch[plane] = static_cast<int>(part.pitch);
        to += part.pitch * part.rows;
        bytes_ += part.row_bytes * part.rows;
    }
    for (Grid* grid : {&picture.luma, &picture.chroma}) {
        rebase(grid->x);
        rebase(grid->y);
    }
    return {};
}

}  // namespace sluice::image::cuda
