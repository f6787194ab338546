#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"

namespace sluice::memory {

/// kP010 is NV12 with 10 bits in the high bits of 16, little endian.
enum class PixelFormat { kI420, kNv12, kP010, kRgb, kBgr, kRgba, kBgra, kRgbx, kBgrx, kGray8 };

std::string_view to_string(PixelFormat format);

struct Size {
    int width = 0;
    int height = 0;
    friend bool operator==(Size, Size) = default;
};

/// How YUV becomes RGB. Limited range is luma 16..235.
enum class ColorMatrix { kBt601, kBt709 };
enum class ColorRange { kLimited, kFull };

/// One plane of a format: bytes per sample column and subsampling as shifts.
struct PlaneLayout {
    int bytes_per_pixel;
    int shift_x;
    int shift_y;
};
/// The planes of a format, in memory order (I420: Y U V; NV12: Y UV; packed formats: one).
struct FormatLayout {
    int planes;
    std::array<PlaneLayout, 3> plane;
};
FormatLayout layout(PixelFormat format);

/// Extent of a plane in samples (rounded up for odd sizes).
Size plane_size(PixelFormat format, Size size, int plane);

/// Where pixels lie: here, or (from 0 on) in the memory of the CUDA device of that number.
inline constexpr int kHostMemory = -1;

/// What a kernel receives: pointers into somebody's memory, never owned. Strides in bytes.
template <class Byte>
struct BasicImageView {
    PixelFormat format = PixelFormat::kI420;
    Size size;
    ColorMatrix matrix = ColorMatrix::kBt601;
    ColorRange range = ColorRange::kLimited;
    std::array<Byte*, 3> data{};
    std::array<std::ptrdiff_t, 3> stride{};
    int device = kHostMemory;
};
using ImageView = BasicImageView<const std::uint8_t>;
using MutableImageView = BasicImageView<std::uint8_t>;

ImageView as_const(const MutableImageView& view);

/// kUnsupported for pixels that CPU code cannot read: a device's, and kP010.
Result<void> check_host_pixels(const ImageView& view);

/// Pixels of our own, rows packed without padding.
class Image {
public:
    Image(PixelFormat format, Size size);
    MutableImageView view();
    ImageView view() const;

private:
    PixelFormat format_;
    Size size_;
    std::vector<std::uint8_t> bytes_;
};

}  // namespace sluice::memory
