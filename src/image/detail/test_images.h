#pragma once

#include <cstdint>
#include <random>

#include "sluice/memory/image.h"

/// Pictures for tests and benchmarks.
namespace sluice::image::detail {

inline constexpr memory::PixelFormat kAllFormats[] = {memory::PixelFormat::kI420,
                                                      memory::PixelFormat::kNv12,
                                                      memory::PixelFormat::kRgb,
                                                      memory::PixelFormat::kBgr,
                                                      memory::PixelFormat::kRgba,
                                                      memory::PixelFormat::kBgra,
                                                      memory::PixelFormat::kRgbx,
                                                      memory::PixelFormat::kBgrx,
                                                      memory::PixelFormat::kGray8};

/// Every byte from `next()`.
template <class Next>
memory::Image painted(memory::PixelFormat format, memory::Size size, Next next) {
    memory::Image image(format, size);
    const memory::MutableImageView view = image.view();
    for (int plane = 0; plane < memory::layout(format).planes; ++plane) {
        const auto slot = static_cast<std::size_t>(plane);
        const int rows = memory::plane_size(format, size, plane).height;
        for (std::ptrdiff_t i = 0; i < rows * view.stride[slot]; ++i)
            view.data[slot][i] = static_cast<std::uint8_t>(next());
    }
    return image;
}

inline memory::Image noise(memory::PixelFormat format, memory::Size size, unsigned seed = 1) {
    return painted(format, size, std::mt19937(seed));
}

/// Nothing but 0 and 255: the largest steps and sums there are.
inline memory::Image extremes(memory::PixelFormat format, memory::Size size, unsigned seed = 1) {
    return painted(format, size, [random = std::mt19937(seed)]() mutable {
        return random() % 2 == 0 ? 0 : 255;
    });
}

}  // namespace sluice::image::detail
