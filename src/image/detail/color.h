#pragma once

#include <array>
#include <cstdint>

#include "sluice/image/scale.h"
#include "sluice/memory/image.h"

namespace sluice::image::detail {

/// Parts of red, green and blue in luma; they add to 1.
struct LumaWeights {
    double red;
    double green;
    double blue;
};
LumaWeights luma_weights(memory::ColorMatrix matrix);

/// ITU-R BT.601 / BT.709 as factors on plain samples:
///   gain (Y - offset) + red_v (V - 128), ... - green_u (U - 128) - green_v (V - 128), ... + blue_u
struct YuvToRgb {
    double gain;
    double offset;
    double red_v;
    double green_u;
    double green_v;
    double blue_u;
};
YuvToRgb yuv_to_rgb(memory::ColorMatrix matrix, memory::ColorRange range);

/// Y = offset + luma . RGB; U = 128 + u . RGB; V = 128 + v . RGB.
struct RgbToYuv {
    double offset;
    double luma[3];
    double u[3];
    double v[3];
};
RgbToYuv rgb_to_yuv(memory::ColorMatrix matrix, memory::ColorRange range);

bool is_yuv(memory::PixelFormat format);

/// Index of red, green, blue within a packed pixel.
struct PackedOrder {
    int red;
    int green;
    int blue;
};
PackedOrder packed_order(memory::PixelFormat format);

/// One colour as the bytes of a sample of each plane; alpha is opaque.
std::array<std::array<std::uint8_t, 4>, 3> sample_bytes(const memory::MutableImageView& target,
                                                        Rgb color);

}  // namespace sluice::image::detail
