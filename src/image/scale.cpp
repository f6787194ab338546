#include "sluice/image/scale.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "sluice/image/detail/check.h"
#include "sluice/image/detail/sampler.h"

namespace sluice::image {
namespace {

using memory::PixelFormat;

int nearest_even(double extent, int limit) {
    if (extent > limit - 1) return limit;
    return std::min(std::max(2, 2 * static_cast<int>(std::lround(extent / 2))), limit);
}

void fill_area(const memory::MutableImageView& target, const PixelRect& area, Rgb color) {
    if (area.width <= 0 || area.height <= 0) return;
    const memory::FormatLayout layout = memory::layout(target.format);
    const auto bytes = detail::sample_bytes(target, color);
    for (int plane = 0; plane < layout.planes; ++plane) {
        const auto slot = static_cast<std::size_t>(plane);
        const memory::PlaneLayout part = layout.plane[slot];
        const auto size = static_cast<std::size_t>(part.bytes_per_pixel);
        const int left = area.left >> part.shift_x;
        const int top = area.top >> part.shift_y;
        const auto columns =
            static_cast<std::size_t>(((area.right() + part.shift_x) >> part.shift_x) - left);
        std::uint8_t* first =
            target.data[slot] + top * target.stride[slot] + left * part.bytes_per_pixel;
        for (std::size_t i = 0; i < columns; ++i)
            std::memcpy(first + i * size, bytes[slot].data(), size);
        const int rows = ((area.bottom() + part.shift_y) >> part.shift_y) - top;
        for (int y = 1; y < rows; ++y)
            std::memcpy(first + y * target.stride[slot], first, columns * size);
    }
}

}  // namespace

PixelRect fit_inside(memory::Size source, memory::Size target, Anchor anchor) {
    if (source.width <= 0 || source.height <= 0 || target.width <= 0 || target.height <= 0)
        return {};
    const double ratio = std::min(static_cast<double>(target.width) / source.width,
                                  static_cast<double>(target.height) / source.height);
    PixelRect area{0,
                   0,
                   nearest_even(source.width * ratio, target.width),
                   nearest_even(source.height * ratio, target.height)};
    if (anchor == Anchor::kCenter) {
        area.left = (target.width - area.width) / 2 & ~1;
        area.top = (target.height - area.height) / 2 & ~1;
    }
    return area;
}

Result<void> fill(const memory::MutableImageView& target, Rgb color) {
    SLUICE_TRY(detail::check_host_view(memory::as_const(target)));
    fill_area(target, {0, 0, target.size.width, target.size.height}, color);
    return {};
}

Result<void> fill_around(const memory::MutableImageView& target,
                         const PixelRect& content,
                         Rgb color) {
    SLUICE_TRY(detail::check_host_view(memory::as_const(target)));
    const memory::Size size = target.size;
    fill_area(target, {0, 0, size.width, content.top}, color);
    fill_area(target, {0, content.bottom(), size.width, size.height - content.bottom()}, color);
    fill_area(target, {0, content.top, content.left, content.height}, color);
    fill_area(target,
              {content.right(), content.top, size.width - content.right(), content.height},
              color);
    return {};
}

struct Scaler::State {
    detail::Sampler full;    ///< at the target's resolution
    detail::Sampler halved;  ///< at that of its chroma
    rows::Buffer row;
    std::array<std::vector<std::uint8_t>, 3> staged;

    void yuv_rows(const memory::MutableImageView& target, const PixelRect& where, bool direct);
    void luma_row(const memory::MutableImageView& target, int y, bool direct, std::uint8_t* out);
    void chroma_rows(const memory::MutableImageView& target, int y, bool direct);
    void packed_row(PixelFormat format, int y, std::uint8_t* out);
};

void Scaler::State::luma_row(const memory::MutableImageView& target,
                             int y,
                             bool direct,
                             std::uint8_t* out) {
    const auto count = static_cast<std::size_t>(full.width());
    if (direct) {
        full.luma(y, row[0]);
    } else {
        const detail::RgbToYuv color = detail::rgb_to_yuv(target.matrix, target.range);
        full.rgb(y, row);
        rows::dot({color.offset, color.luma}, count, {row[0], row[1], row[2]}, row[0]);
    }
    rows::to_u8(row[0], count, out);
}

/// U into channel 3, V into channel 0.
void Scaler::State::chroma_rows(const memory::MutableImageView& target, int y, bool direct) {
    if (direct) return halved.chroma(y, row[3], row[0]);
    const auto count = static_cast<std::size_t>(halved.width());
    const detail::RgbToYuv color = detail::rgb_to_yuv(target.matrix, target.range);
    halved.rgb(y, row);
    rows::dot({128, color.u}, count, {row[0], row[1], row[2]}, row[3]);
    rows::dot({128, color.v}, count, {row[0], row[1], row[2]}, row[0]);
}

void Scaler::State::yuv_rows(const memory::MutableImageView& target,
                             const PixelRect& where,
                             bool direct) {
    for (int y = 0; y < where.height; ++y)
        luma_row(
            target, y, direct, target.data[0] + (where.top + y) * target.stride[0] + where.left);
    const auto count = static_cast<std::size_t>(halved.width());
    for (int y = 0; y < (where.height + 1) / 2; ++y) {
        chroma_rows(target, y, direct);
        const int line = where.top / 2 + y;
        if (target.format == PixelFormat::kI420) {
            rows::to_u8(row[3], count, target.data[1] + line * target.stride[1] + where.left / 2);
            rows::to_u8(row[0], count, target.data[2] + line * target.stride[2] + where.left / 2);
        } else {
            rows::to_u8(row[3], count, staged[0].data());
            rows::to_u8(row[0], count, staged[1].data());
            rows::interleave2({staged[0].data(), staged[1].data()},
                              count,
                              target.data[1] + line * target.stride[1] + where.left);
        }
    }
}

void Scaler::State::packed_row(PixelFormat format, int y, std::uint8_t* out) {
    const auto count = static_cast<std::size_t>(full.width());
    if (format == PixelFormat::kGray8) {
        full.gray(y, row);
        return rows::to_u8(row[0], count, out);
    }
    full.rgb(y, row);
    const detail::PackedOrder order = detail::packed_order(format);
    const std::array<int, 3> place{order.red, order.green, order.blue};
    for (int i = 0; i < 3; ++i)
        rows::to_u8(row[i],
                    count,
                    staged[static_cast<std::size_t>(place[static_cast<std::size_t>(i)])].data());
    const std::array<const std::uint8_t*, 3> in{
        staged[0].data(), staged[1].data(), staged[2].data()};
    if (memory::layout(format).plane[0].bytes_per_pixel == 3)
        rows::interleave3(in, count, out);
    else
        rows::interleave4(in, count, out);
}

Scaler::Scaler() : state_(std::make_unique<State>()) {}
Scaler::Scaler(Scaler&&) noexcept = default;
Scaler& Scaler::operator=(Scaler&&) noexcept = default;
Scaler::~Scaler() = default;

Result<void> Scaler::run(const memory::ImageView& source,
                         const Rect& crop,
                         const memory::MutableImageView& target,
                         const PixelRect& where) {
    SLUICE_TRY(detail::check_host_view(source).context("source"));
    SLUICE_TRY(detail::check_host_view(memory::as_const(target)).context("target"));
    SLUICE_TRY(detail::check_area(target.format, target.size, where));
    const Rect part = SLUICE_TRY(detail::clip(source.size, crop));

    const memory::Size size{where.width, where.height};
    state_->row.resize(where.width);
    for (std::vector<std::uint8_t>& staged : state_->staged)
        if (staged.size() < static_cast<std::size_t>(where.width))
            staged.resize(static_cast<std::size_t>(where.width));
    state_->full.aim(source, part, size);
    if (detail::is_yuv(target.format)) {
        const bool direct = detail::is_yuv(source.format) && source.matrix == target.matrix &&
                            source.range == target.range;
        state_->halved.aim(source, part, size, 1);
        state_->yuv_rows(target, where, direct);
        return {};
    }
    const int pixel = memory::layout(target.format).plane[0].bytes_per_pixel;
    for (int y = 0; y < where.height; ++y)
        state_->packed_row(
            target.format,
            y,
            target.data[0] + (where.top + y) * target.stride[0] + where.left * pixel);
    return {};
}

Result<void> Scaler::run(const memory::ImageView& source, const memory::MutableImageView& target) {
    return run(
        source,
        {0, 0, static_cast<float>(source.size.width), static_cast<float>(source.size.height)},
        target,
        {0, 0, target.size.width, target.size.height});
}

}  // namespace sluice::image
