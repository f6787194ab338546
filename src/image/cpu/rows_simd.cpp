#include <cstring>

// Compiled once per instruction set; the calls at the end choose one at run time.
#undef HWY_TARGET_INCLUDE
// NOLINTNEXTLINE(readability-identifier-naming): Highway's name
#define HWY_TARGET_INCLUDE "sluice/image/cpu/rows_simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sluice/image/detail/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::image::rows::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Samples = hn::CappedTag<std::int16_t, detail::kRowPadding>;
using Floats = hn::CappedTag<float, detail::kRowPadding>;

/// Calls step(tag, i) for whole vectors; the last one overlaps its neighbour, and what is shorter
/// than a vector goes one by one. Exact, and not to be used in place.
template <class Tag, class Step>
HWY_INLINE void exactly(Tag tag, std::size_t count, const Step& step) {
    const std::size_t lanes = hn::Lanes(tag);
    if (count < lanes) {
        for (std::size_t i = 0; i < count; ++i)
            step(hn::CappedTag<hn::TFromD<Tag>, 1>(), i);
        return;
    }
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        step(tag, i);
    if (i < count) step(tag, count - lanes);
}

template <class D>
HWY_INLINE hn::Vec<D> blended(D d,
                              const std::uint8_t* above,
                              const std::uint8_t* below,
                              hn::Vec<D> weight) {
    const hn::Rebind<std::uint8_t, D> bytes;
    const auto top = hn::PromoteTo(d, hn::LoadU(bytes, above));
    const auto bottom = hn::PromoteTo(d, hn::LoadU(bytes, below));
    const auto step = hn::MulFixedPoint15(hn::ShiftLeft<7>(hn::Sub(bottom, top)), weight);
    return hn::Add(hn::ShiftLeft<7>(top), step);
}

void blend_simd(const std::uint8_t* above,
                const std::uint8_t* below,
                std::int16_t weight,
                std::size_t count,
                std::int16_t* out) {
    exactly(Samples(), count, [=](auto d, std::size_t i) HWY_ATTR {
        hn::StoreU(blended(d, above + i, below + i, hn::Set(d, weight)), d, out + i);
    });
}

void blend2_simd(const std::array<const std::uint8_t*, 2>& above,
                 const std::array<const std::uint8_t*, 2>& below,
                 std::int16_t weight,
                 std::size_t count,
                 std::int16_t* out) {
    exactly(Samples(), count, [&](auto d, std::size_t i) HWY_ATTR {
        const auto mix = hn::Set(d, weight);
        hn::StoreInterleaved2(blended(d, above[0] + i, below[0] + i, mix),
                              blended(d, above[1] + i, below[1] + i, mix),
                              d,
                              out + 2 * i);
    });
}

template <class D, class V>
HWY_INLINE void store_mixed(D d, V near, V far, V weight, std::int16_t* out) {
    hn::StoreU(hn::Add(near, hn::MulFixedPoint15(hn::Sub(far, near), weight)), d, out);
}

/// One 32-bit load fetches a sample and its neighbour; vectors do the rest. (Hardware gathers are
/// no faster than scalar loads on the machines at hand.)
void mix1(const std::int16_t* row,
          const detail::Axis& axis,
          std::int16_t* pairs,
          std::int16_t* out) {
    const std::size_t count = axis.index.size();
    const std::int32_t* index = axis.index.data();
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < count; ++i)
        std::memcpy(pairs + 2 * i, row + index[i], 4);
    const Samples d;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        hn::Vec<Samples> near, far;
        hn::LoadInterleaved2(d, pairs + 2 * i, near, far);
        store_mixed(d, near, far, hn::LoadU(d, axis.weight.data() + i), out + i);
    }
}

void mix2(const std::int16_t* row,
          const detail::Axis& axis,
          std::int16_t* pairs,
          const std::array<std::int16_t*, 4>& out) {
    const std::size_t count = axis.index.size();
    const std::int32_t* index = axis.index.data();
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < count; ++i)
        std::memcpy(pairs + 4 * i, row + 2 * index[i], 8);
    const Samples d;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        hn::Vec<Samples> near0, near1, far0, far1;
        hn::LoadInterleaved4(d, pairs + 4 * i, near0, near1, far0, far1);
        const auto weight = hn::LoadU(d, axis.weight.data() + i);
        store_mixed(d, near0, far0, weight, out[0] + i);
        store_mixed(d, near1, far1, weight, out[1] + i);
    }
}

/// Three channels are fetched as four; the fourth is not used.
template <int kChannels>
HWY_INLINE void mix_packed(const std::int16_t* row,
                           const detail::Axis& axis,
                           std::int16_t* pairs,
                           const std::array<std::int16_t*, 4>& out) {
    const std::size_t count = axis.index.size();
    const std::int32_t* index = axis.index.data();
    std::int16_t* nears = pairs;
    std::int16_t* fars = pairs + 4 * (count + detail::kRowPadding);
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < count; ++i) {
        const std::int16_t* at = row + kChannels * index[i];
        std::memcpy(nears + 4 * i, at, 8);
        std::memcpy(fars + 4 * i, at + kChannels, 8);
    }
    const Samples d;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        hn::Vec<Samples> near0, near1, near2, near3, far0, far1, far2, far3;
        hn::LoadInterleaved4(d, nears + 4 * i, near0, near1, near2, near3);
        hn::LoadInterleaved4(d, fars + 4 * i, far0, far1, far2, far3);
        const auto weight = hn::LoadU(d, axis.weight.data() + i);
        store_mixed(d, near0, far0, weight, out[0] + i);
        store_mixed(d, near1, far1, weight, out[1] + i);
        store_mixed(d, near2, far2, weight, out[2] + i);
    }
}

void mix_simd(const std::int16_t* row,
              int channels,
              const detail::Axis& axis,
              std::int16_t* pairs,
              const std::array<std::int16_t*, 4>& out) {
    switch (channels) {
        case 1:
            return mix1(row, axis, pairs, out[0]);
        case 2:
            return mix2(row, axis, pairs, out);
        case 3:
            return mix_packed<3>(row, axis, pairs, out);
        default:
            return mix_packed<4>(row, axis, pairs, out);
    }
}

HWY_INLINE std::int16_t fixed(double value, double one) {
    return static_cast<std::int16_t>(value * one + (value < 0 ? -0.5 : 0.5));
}

/// Six fraction bits, so that sums up to 511 fit, to 0..255 with seven.
template <class D, class V>
HWY_INLINE void store_clamped(D d, V value, std::int16_t* out) {
    const auto low = hn::Max(value, hn::Zero(d));
    const auto clamped = hn::Min(low, hn::Set(d, std::int16_t{255 * 64}));
    hn::StoreU(hn::ShiftLeft<1>(clamped), d, out);
}

/// gain (y - offset) with six fraction bits.
template <class D>
HWY_INLINE hn::Vec<D> expanded(D d, const detail::YuvToRgb& color, const std::int16_t* luma) {
    const auto half_gain = hn::Set(d, fixed(color.gain, 16384));
    const auto offset = hn::Set(d, fixed(color.offset * color.gain, 64));
    return hn::Sub(hn::MulFixedPoint15(hn::LoadU(d, luma), half_gain), offset);
}

void yuv_to_rgb_simd(const detail::YuvToRgb& color,
                     std::size_t count,
                     std::int16_t* y_red,
                     std::int16_t* u_green,
                     std::int16_t* v_blue) {
    const Samples d;
    // Chroma is taken with eight fraction bits and factors as quarters, which gives six.
    const auto red_v = hn::Set(d, fixed(color.red_v, 8192));
    const auto green_u = hn::Set(d, fixed(-color.green_u, 8192));
    const auto green_v = hn::Set(d, fixed(-color.green_v, 8192));
    const auto blue_u = hn::Set(d, fixed(color.blue_u, 8192));
    const auto middle = hn::Set(d, std::int16_t{128 * 128});
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        const auto y = expanded(d, color, y_red + i);
        const auto u = hn::ShiftLeft<1>(hn::Sub(hn::LoadU(d, u_green + i), middle));
        const auto v = hn::ShiftLeft<1>(hn::Sub(hn::LoadU(d, v_blue + i), middle));
        const auto green =
            hn::Add(hn::MulFixedPoint15(u, green_u), hn::MulFixedPoint15(v, green_v));
        store_clamped(d, hn::SaturatedAdd(y, hn::MulFixedPoint15(v, red_v)), y_red + i);
        store_clamped(d, hn::SaturatedAdd(y, green), u_green + i);
        store_clamped(d, hn::SaturatedAdd(y, hn::MulFixedPoint15(u, blue_u)), v_blue + i);
    }
}

void expand_luma_simd(const detail::YuvToRgb& color, std::size_t count, std::int16_t* luma) {
    const Samples d;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d))
        store_clamped(d, expanded(d, color, luma + i), luma + i);
}

void dot_simd(const Dot& factors,
              std::size_t count,
              const std::array<const std::int16_t*, 3>& rgb,
              std::int16_t* out) {
    const Samples d;
    const auto red = hn::Set(d, fixed(factors.weights[0], 32768));
    const auto green = hn::Set(d, fixed(factors.weights[1], 32768));
    const auto blue = hn::Set(d, fixed(factors.weights[2], 32768));
    const auto offset = hn::Set(d, fixed(factors.offset, 128));
    const auto most = hn::Set(d, std::int16_t{255 * 128});
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        auto sum = hn::Add(hn::MulFixedPoint15(hn::LoadU(d, rgb[0] + i), red),
                           hn::MulFixedPoint15(hn::LoadU(d, rgb[1] + i), green));
        sum = hn::Add(sum, hn::MulFixedPoint15(hn::LoadU(d, rgb[2] + i), blue));
        sum = hn::SaturatedAdd(sum, offset);
        hn::StoreU(hn::Min(hn::Max(sum, hn::Zero(d)), most), d, out + i);
    }
}

void to_u8_simd(const std::int16_t* row, std::size_t count, std::uint8_t* out) {
    exactly(Samples(), count, [=](auto d, std::size_t i) HWY_ATTR {
        const hn::Rebind<std::uint8_t, decltype(d)> bytes;
        const auto rounded = hn::Add(hn::LoadU(d, row + i), hn::Set(d, std::int16_t{64}));
        hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<7>(rounded)), bytes, out + i);
    });
}

template <class D>
HWY_INLINE hn::Vec<D> mapped(D d, const std::int16_t* row, Affine map) {
    const hn::Rebind<std::int16_t, D> narrow;
    const hn::Rebind<std::int32_t, D> wide;
    const auto value = hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(narrow, row)));
    return hn::MulAdd(value, hn::Set(d, map.scale / 128), hn::Set(d, map.offset));
}

void to_u8_affine_simd(const std::int16_t* row, std::size_t count, Affine map, std::uint8_t* out) {
    exactly(Floats(), count, [=](auto d, std::size_t i) HWY_ATTR {
        const hn::Rebind<std::uint8_t, decltype(d)> bytes;
        // Clamped before the conversion, so that no number overflows an integer.
        const auto value =
            hn::Min(hn::Max(mapped(d, row + i, map), hn::Zero(d)), hn::Set(d, 255.0f));
        hn::StoreU(hn::DemoteTo(bytes, hn::NearestInt(value)), bytes, out + i);
    });
}

void to_f32_simd(const std::int16_t* row, std::size_t count, Affine map, float* out) {
    exactly(Floats(), count, [=](auto d, std::size_t i) HWY_ATTR {
        hn::StoreU(mapped(d, row + i, map), d, out + i);
    });
}

void to_f16_simd(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out) {
    auto* halves = reinterpret_cast<hwy::float16_t*>(out);
    exactly(Floats(), count, [=](auto d, std::size_t i) HWY_ATTR {
        const hn::Rebind<hwy::float16_t, decltype(d)> narrow;
        hn::StoreU(hn::DemoteTo(narrow, mapped(d, row + i, map)), narrow, halves + i);
    });
}

/// Rounds to nearest even by itself: older Highway truncates.
void to_bf16_simd(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out) {
    exactly(Floats(), count, [=](auto d, std::size_t i) HWY_ATTR {
        const hn::Rebind<std::uint32_t, decltype(d)> wide;
        const hn::Rebind<std::int32_t, decltype(d)> wide_signed;
        const hn::Rebind<std::uint16_t, decltype(d)> narrow;
        const auto bits = hn::BitCast(wide, mapped(d, row + i, map));
        const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1u));
        const auto rounded =
            hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(wide, 0x7FFFu))));
        hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(wide_signed, rounded)), narrow, out + i);
    });
}

void interleave2_simd(const std::array<const std::uint8_t*, 2>& in,
                      std::size_t count,
                      std::uint8_t* out) {
    exactly(hn::ScalableTag<std::uint8_t>(), count, [&](auto d, std::size_t i) HWY_ATTR {
        hn::StoreInterleaved2(hn::LoadU(d, in[0] + i), hn::LoadU(d, in[1] + i), d, out + 2 * i);
    });
}

template <class T>
HWY_INLINE void interleave3_any(const std::array<const T*, 3>& in, std::size_t count, T* out) {
    exactly(hn::ScalableTag<T>(), count, [&](auto d, std::size_t i) HWY_ATTR {
        hn::StoreInterleaved3(hn::LoadU(d, in[0] + i),
                              hn::LoadU(d, in[1] + i),
                              hn::LoadU(d, in[2] + i),
                              d,
                              out + 3 * i);
    });
}

void interleave3_u8_simd(const std::array<const std::uint8_t*, 3>& in,
                         std::size_t count,
                         std::uint8_t* out) {
    interleave3_any(in, count, out);
}

void interleave3_u16_simd(const std::array<const std::uint16_t*, 3>& in,
                          std::size_t count,
                          std::uint16_t* out) {
    interleave3_any(in, count, out);
}

void interleave3_f32_simd(const std::array<const float*, 3>& in, std::size_t count, float* out) {
    interleave3_any(in, count, out);
}

void interleave4_simd(const std::array<const std::uint8_t*, 3>& in,
                      std::size_t count,
                      std::uint8_t* out) {
    exactly(hn::ScalableTag<std::uint8_t>(), count, [&](auto d, std::size_t i) HWY_ATTR {
        hn::StoreInterleaved4(hn::LoadU(d, in[0] + i),
                              hn::LoadU(d, in[1] + i),
                              hn::LoadU(d, in[2] + i),
                              hn::Set(d, std::uint8_t{255}),
                              d,
                              out + 4 * i);
    });
}

}  // namespace sluice::image::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::image::rows {

HWY_EXPORT(blend_simd);
HWY_EXPORT(blend2_simd);
HWY_EXPORT(mix_simd);
HWY_EXPORT(yuv_to_rgb_simd);
HWY_EXPORT(expand_luma_simd);
HWY_EXPORT(dot_simd);
HWY_EXPORT(to_u8_simd);
HWY_EXPORT(to_u8_affine_simd);
HWY_EXPORT(to_f32_simd);
HWY_EXPORT(to_f16_simd);
HWY_EXPORT(to_bf16_simd);
HWY_EXPORT(interleave2_simd);
HWY_EXPORT(interleave3_u8_simd);
HWY_EXPORT(interleave3_u16_simd);
HWY_EXPORT(interleave3_f32_simd);
HWY_EXPORT(interleave4_simd);

void blend(const std::uint8_t* above,
           const std::uint8_t* below,
           std::int16_t weight,
           std::size_t count,
           std::int16_t* out) {
    HWY_DYNAMIC_DISPATCH(blend_simd)(above, below, weight, count, out);
}

void blend2(const std::array<const std::uint8_t*, 2>& above,
            const std::array<const std::uint8_t*, 2>& below,
            std::int16_t weight,
            std::size_t count,
            std::int16_t* out) {
    HWY_DYNAMIC_DISPATCH(blend2_simd)(above, below, weight, count, out);
}

void mix(const std::int16_t* row,
         int channels,
         const detail::Axis& axis,
         std::int16_t* pairs,
         const std::array<std::int16_t*, 4>& out) {
    HWY_DYNAMIC_DISPATCH(mix_simd)(row, channels, axis, pairs, out);
}

void yuv_to_rgb(const detail::YuvToRgb& color,
                std::size_t count,
                std::int16_t* y_red,
                std::int16_t* u_green,
                std::int16_t* v_blue) {
    HWY_DYNAMIC_DISPATCH(yuv_to_rgb_simd)(color, count, y_red, u_green, v_blue);
}

void expand_luma(const detail::YuvToRgb& color, std::size_t count, std::int16_t* luma) {
    HWY_DYNAMIC_DISPATCH(expand_luma_simd)(color, count, luma);
}

void dot(const Dot& factors,
         std::size_t count,
         const std::array<const std::int16_t*, 3>& rgb,
         std::int16_t* out) {
    HWY_DYNAMIC_DISPATCH(dot_simd)(factors, count, rgb, out);
}

void to_u8(const std::int16_t* row, std::size_t count, std::uint8_t* out) {
    HWY_DYNAMIC_DISPATCH(to_u8_simd)(row, count, out);
}

void to_u8(const std::int16_t* row, std::size_t count, Affine map, std::uint8_t* out) {
    HWY_DYNAMIC_DISPATCH(to_u8_affine_simd)(row, count, map, out);
}

void to_f32(const std::int16_t* row, std::size_t count, Affine map, float* out) {
    HWY_DYNAMIC_DISPATCH(to_f32_simd)(row, count, map, out);
}

void to_f16(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out) {
    HWY_DYNAMIC_DISPATCH(to_f16_simd)(row, count, map, out);
}

void to_bf16(const std::int16_t* row, std::size_t count, Affine map, std::uint16_t* out) {
    HWY_DYNAMIC_DISPATCH(to_bf16_simd)(row, count, map, out);
}

void interleave2(const std::array<const std::uint8_t*, 2>& in,
                 std::size_t count,
                 std::uint8_t* out) {
    HWY_DYNAMIC_DISPATCH(interleave2_simd)(in, count, out);
}

void interleave3(const std::array<const std::uint8_t*, 3>& in,
                 std::size_t count,
                 std::uint8_t* out) {
    HWY_DYNAMIC_DISPATCH(interleave3_u8_simd)(in, count, out);
}

void interleave3(const std::array<const std::uint16_t*, 3>& in,
                 std::size_t count,
                 std::uint16_t* out) {
    HWY_DYNAMIC_DISPATCH(interleave3_u16_simd)(in, count, out);
}

void interleave3(const std::array<const float*, 3>& in, std::size_t count, float* out) {
    HWY_DYNAMIC_DISPATCH(interleave3_f32_simd)(in, count, out);
}

void interleave4(const std::array<const std::uint8_t*, 3>& in,
                 std::size_t count,
                 std::uint8_t* out) {
    HWY_DYNAMIC_DISPATCH(interleave4_simd)(in, count, out);
}

}  // namespace sluice::image::rows
#endif
