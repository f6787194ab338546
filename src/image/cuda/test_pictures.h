#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "sluice/image/detail/test_images.h"
#include "sluice/memory/cuda/device.h"

/// Pictures as the kernels' tests need them.
namespace sluice::image::cuda {

/// A picture that only the device reads may differ from the one that the reference does.
struct Twins {
    memory::Image picture;
    memory::Image for_reference;
};

/// Random samples; kP010 gets those of its NV12 twin in the upper byte.
inline Twins noisy_twins(memory::PixelFormat format, memory::Size size, unsigned seed = 1) {
    if (format != memory::PixelFormat::kP010) {
        const memory::Image image = detail::noise(format, size, seed);
        return {image, image};
    }
    memory::Image narrow = detail::noise(memory::PixelFormat::kNv12, size, seed);
    memory::Image wide(format, size);
    for (std::size_t plane = 0; plane < 2; ++plane) {
        const memory::MutableImageView from = narrow.view();
        const memory::MutableImageView to = wide.view();
        const int rows =
            memory::plane_size(memory::PixelFormat::kNv12, size, static_cast<int>(plane)).height;
        for (std::ptrdiff_t i = 0; i < rows * from.stride[plane]; ++i)
            to.data[plane][2 * i + 1] = from.data[plane][i];
    }
    return {std::move(wide), std::move(narrow)};
}

inline std::vector<memory::PixelFormat> device_formats() {
    std::vector<memory::PixelFormat> formats(std::begin(detail::kAllFormats),
                                             std::end(detail::kAllFormats));
    formats.push_back(memory::PixelFormat::kP010);
    return formats;
}

/// A picture in the memory of device 0, each plane with a pitch of its own.
class OnDevice {
public:
    explicit OnDevice(const memory::ImageView& host) : view_{host.format, host.size} {
        view_.matrix = host.matrix;
        view_.range = host.range;
        view_.device = 0;
        const memory::FormatLayout layout = memory::layout(host.format);
        for (int i = 0; i < layout.planes; ++i) {
            const auto plane = static_cast<std::size_t>(i);
            const memory::Size size = memory::plane_size(host.format, host.size, i);
            const int sample = layout.plane[plane].bytes_per_pixel;
            const auto row_bytes = static_cast<std::size_t>(size.width * sample);
            const std::size_t pitch = row_bytes + static_cast<std::size_t>(sample * (5 + 2 * i));
            const auto rows = static_cast<std::size_t>(size.height);
            planes_[plane] =
                memory::cuda::Buffer::create(memory::cuda::Buffer::Kind::kDevice, pitch * rows)
                    .value();
            view_.data[plane] = reinterpret_cast<std::uint8_t*>(planes_[plane].data());
            view_.stride[plane] = static_cast<std::ptrdiff_t>(pitch);
            copy(plane, host.data[plane], host.stride[plane], true);
        }
    }

    memory::MutableImageView view() const { return view_; }
    memory::ImageView seen() const { return memory::as_const(view_); }

    /// What is there now.
    memory::Image downloaded() const {
        memory::Image image(view_.format, view_.size);
        const memory::MutableImageView to = image.view();
        for (int i = 0; i < memory::layout(view_.format).planes; ++i) {
            const auto plane = static_cast<std::size_t>(i);
            copy(plane, to.data[plane], to.stride[plane], false);
        }
        return image;
    }

private:
    void copy(std::size_t plane, const std::uint8_t* host, std::ptrdiff_t stride, bool up) const {
        const memory::Size size =
            memory::plane_size(view_.format, view_.size, static_cast<int>(plane));
        const auto row_bytes = static_cast<std::size_t>(
            size.width * memory::layout(view_.format).plane[plane].bytes_per_pixel);
        auto* there = const_cast<std::uint8_t*>(host);
        cudaMemcpy2D(up ? view_.data[plane] : there,
                     static_cast<std::size_t>(up ? view_.stride[plane] : stride),
                     up ? there : view_.data[plane],
                     static_cast<std::size_t>(up ? stride : view_.stride[plane]),
                     row_bytes,
                     static_cast<std::size_t>(size.height),
                     cudaMemcpyDefault);
        cudaDeviceSynchronize();  // streams do not wait for what may still be on its way
    }

    memory::MutableImageView view_;
    std::array<memory::cuda::Buffer, 3> planes_;
};

}  // namespace sluice::image::cuda
