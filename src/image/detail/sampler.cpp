#include "sluice/image/detail/sampler.h"

#include <algorithm>

namespace sluice::image::detail {

using memory::PixelFormat;

namespace {

/// The source lines around an output line, and how much of the lower one.
struct RowPair {
    int above;
    int below;
    std::int16_t weight;
};

RowPair row_pair(const Axis& axis, int y) {
    const auto slot = static_cast<std::size_t>(y);
    const int above = axis.first + axis.index[slot];
    return {above, std::min(above + 1, axis.last), axis.weight[slot]};
}

}  // namespace

void Sampler::aim(const memory::ImageView& view, const Rect& crop, memory::Size output, int shift) {
    view_ = view;
    color_ = yuv_to_rgb(view.matrix, view.range);
    const auto build = [&](int source_shift, Grid& grid) {
        build_axis({crop.left, crop.width, output.width, view.size.width, source_shift, shift},
                   grid.x);
        build_axis({crop.top, crop.height, output.height, view.size.height, source_shift, shift},
                   grid.y);
    };
    build(0, luma_);
    if (is_yuv(view.format)) build(1, chroma_);
    const auto span = (static_cast<std::size_t>(luma_.x.span) + 2) * 4;
    const auto outputs = (static_cast<std::size_t>(width()) + kRowPadding) * 8;
    if (blended_.size() < span + kRowPadding) blended_.resize(span + kRowPadding);
    if (pairs_.size() < outputs) pairs_.resize(outputs);
}

void Sampler::mix(int channels, const Axis& axis, const std::array<std::int16_t*, 4>& out) {
    // The last sample is its own neighbour.
    std::int16_t* end = blended_.data() + axis.span * channels;
    std::copy_n(end - channels, channels, end);
    rows::mix(blended_.data(), channels, axis, pairs_.data(), out);
}

void Sampler::plane(int index, const Grid& grid, int y, const std::array<std::int16_t*, 4>& out) {
    const auto slot = static_cast<std::size_t>(index);
    const int channels = memory::layout(view_.format).plane[slot].bytes_per_pixel;
    const bool direct = grid.x.direct && channels == 1;
    const RowPair rows = row_pair(grid.y, y);
    const std::uint8_t* base = view_.data[slot] + grid.x.first * channels;
    rows::blend(base + rows.above * view_.stride[slot],
                base + rows.below * view_.stride[slot],
                rows.weight,
                static_cast<std::size_t>(grid.x.span) * static_cast<std::size_t>(channels),
                direct ? out[0] : blended_.data());
    if (!direct) mix(channels, grid.x, out);
}

void Sampler::luma(int y, std::int16_t* out) {
    plane(0, luma_, y, {out});
}

void Sampler::chroma(int y, std::int16_t* u, std::int16_t* v) {
    if (view_.format == PixelFormat::kNv12) return plane(1, chroma_, y, {u, v});
    if (chroma_.x.direct) {
        plane(1, chroma_, y, {u});
        plane(2, chroma_, y, {v});
        return;
    }
    // Interleaved as NV12 has it, both are fetched by one load per output.
    const RowPair rows = row_pair(chroma_.y, y);
    const auto row = [&](std::size_t slot, int line) {
        return view_.data[slot] + line * view_.stride[slot] + chroma_.x.first;
    };
    const auto count = static_cast<std::size_t>(chroma_.x.span);
    rows::blend2({row(1, rows.above), row(2, rows.above)},
                 {row(1, rows.below), row(2, rows.below)},
                 rows.weight,
                 count,
                 blended_.data());
    mix(2, chroma_.x, {u, v});
}

void Sampler::rgb(int y, rows::Buffer& out) {
    const auto count = static_cast<std::size_t>(width());
    if (is_yuv(view_.format)) {
        luma(y, out[0]);
        chroma(y, out[1], out[2]);
        rows::yuv_to_rgb(color_, count, out[0], out[1], out[2]);
    } else if (view_.format == PixelFormat::kGray8) {
        plane(0, luma_, y, {out[0]});
        std::copy_n(out[0], count, out[1]);
        std::copy_n(out[0], count, out[2]);
    } else {
        const PackedOrder order = packed_order(view_.format);
        std::array<std::int16_t*, 4> channels{out[3], out[3], out[3], out[3]};
        channels[static_cast<std::size_t>(order.red)] = out[0];
        channels[static_cast<std::size_t>(order.green)] = out[1];
        channels[static_cast<std::size_t>(order.blue)] = out[2];
        plane(0, luma_, y, channels);
    }
}

void Sampler::gray(int y, rows::Buffer& out) {
    const auto count = static_cast<std::size_t>(width());
    if (is_yuv(view_.format)) {
        luma(y, out[0]);
        rows::expand_luma(color_, count, out[0]);
        return;
    }
    rgb(y, out);
    if (view_.format == PixelFormat::kGray8) return;
    const LumaWeights k = luma_weights(memory::ColorMatrix::kBt601);
    const std::array<double, 3> weights{k.red, k.green, k.blue};
    rows::dot({0, weights.data()}, count, {out[0], out[1], out[2]}, out[0]);
}

}  // namespace sluice::image::detail
