#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/image/detail/axis.h"
#include "sluice/image/detail/color.h"

/// The vectorised steps of sampling, each on one row. Between steps samples are int16 with seven
/// fraction bits (255 is 32640). Row buffers have kRowPadding entries to spare; only what is said
/// to be exact keeps to its length.
namespace sluice::image::rows {

/// The rows of up to four channels.
class Buffer {
public:
    void resize(int width) {
        pitch_ = static_cast<std::size_t>(width) + detail::kRowPadding;
        if (samples_.size() < pitch_ * 4) samples_.resize(pitch_ * 4);
    }
    std::int16_t* operator[](int channel) {
        return samples_.data() + pitch_ * static_cast<std::size_t>(channel);
    }

private:
    std::size_t pitch_ = 0;
    std::vector<std::int16_t> samples_;
};

/// out = above + (below - above) * weight / 32768. Reads exactly `count` bytes.
void blend(const std::uint8_t* above,
           const std::uint8_t* below,
           std::int16_t weight,
           std::size_t count,
           std::int16_t* out);

/// The same for two planes at once, interleaved: U V U V ...
void blend2(const std::array<const std::uint8_t*, 2>& above,
            const std::array<const std::uint8_t*, 2>& below,
            std::int16_t weight,
            std::size_t count,
            std::int16_t* out);

/// Mixes neighbours along a row of 1..4 interleaved channels, and separates the channels.
/// `pairs` is working space for 8 int16 per output.
void mix(const std::int16_t* row,
         int channels,
         const detail::Axis& axis,
         std::int16_t* pairs,
         const std::array<std::int16_t*, 4>& out);

/// In place: Y, U, V become R, G, B in 0..255.
void yuv_to_rgb(const detail::YuvToRgb& color,
                std::size_t count,
                std::int16_t* y_red,
                std::int16_t* u_green,
                std::int16_t* v_blue);
/// In place: luma becomes full range.
void expand_luma(const detail::YuvToRgb& color, std::size_t count, std::int16_t* luma);

/// out = offset + weights . RGB, in 0..255. The offset is in samples. `out` may be one of the
/// inputs.
struct Dot {
    double offset;
    const double* weights;
};
void dot(const Dot& factors,
         std::size_t count,
         const std::array<const std::int16_t*, 3>& rgb,
         std::int16_t* out);

// These write exactly `count` elements: sample * scale + offset. bfloat16 and float16 as bits.
void to_u8(const std::int16_t* row, std::size_t count, std::uint8_t* out);
struct Affine {
    float scale = 1;
    float offset = 0;
};
void to_u8(const std::int16_t* row, std::size_t count, Affine map, std::uint8_t* out);
void to_f32(const std::int16_t* row, std::size_t count, Affine map, float* out);
void to_f16(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out);
void to_bf16(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out);

// These write exactly `count` groups.
void interleave2(const std::array<const std::uint8_t*, 2>& in,
                 std::size_t count,
                 std::uint8_t* out);
void interleave3(const std::array<const std::uint8_t*, 3>& in,
                 std::size_t count,
                 std::uint8_t* out);
void interleave3(const std::array<const std::uint16_t*, 3>& in,
                 std::size_t count,
                 std::uint16_t* out);
void interleave3(const std::array<const float*, 3>& in, std::size_t count, float* out);
/// Three channels and an opaque fourth.
void interleave4(const std::array<const std::uint8_t*, 3>& in,
                 std::size_t count,
                 std::uint8_t* out);

}  // namespace sluice::image::rows
