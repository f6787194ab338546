#include "sluice/image/detail/check.h"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/image/detail/color.h"

namespace sluice::image::detail {

Result<void> check_view(const memory::ImageView& view) {
    if (view.size.width <= 0 || view.size.height <= 0)
        return invalid_argument(
            fmt::format("the image is {}x{}", view.size.width, view.size.height));
    const memory::FormatLayout layout = memory::layout(view.format);
    for (int i = 0; i < layout.planes; ++i) {
        const auto slot = static_cast<std::size_t>(i);
        const int row_bytes = memory::plane_size(view.format, view.size, i).width *
                              layout.plane[slot].bytes_per_pixel;
        if (!view.data[slot]) return invalid_argument(fmt::format("plane {} is missing", i));
        if (view.stride[slot] < row_bytes)
            return invalid_argument(fmt::format("plane {} has a stride of {} for rows of {} bytes",
                                                i,
                                                view.stride[slot],
                                                row_bytes));
    }
    return {};
}

Result<void> check_host_view(const memory::ImageView& view) {
    SLUICE_TRY(memory::check_host_pixels(view));
    return check_view(view);
}

Result<Rect> clip(memory::Size image, const Rect& crop) {
    const float left = std::max(crop.left, 0.0f);
    const float top = std::max(crop.top, 0.0f);
    const float right = std::min(crop.left + crop.width, static_cast<float>(image.width));
    const float bottom = std::min(crop.top + crop.height, static_cast<float>(image.height));
    if (!(right > left && bottom > top))
        return invalid_argument(fmt::format("the crop {},{} {}x{} has no pixel of the {}x{} image",
                                            crop.left,
                                            crop.top,
                                            crop.width,
                                            crop.height,
                                            image.width,
                                            image.height));
    return Rect{left, top, right - left, bottom - top};
}

Result<void> check_area(memory::PixelFormat format, memory::Size size, const PixelRect& area) {
    if (area.left < 0 || area.top < 0 || area.width <= 0 || area.height <= 0 ||
        area.width > size.width - area.left || area.height > size.height - area.top)
        return invalid_argument(fmt::format("the area {},{} {}x{} is not inside the {}x{} target",
                                            area.left,
                                            area.top,
                                            area.width,
                                            area.height,
                                            size.width,
                                            size.height));
    const bool even = area.left % 2 == 0 && area.top % 2 == 0 &&
                      (area.right() % 2 == 0 || area.right() == size.width) &&
                      (area.bottom() % 2 == 0 || area.bottom() == size.height);
    if (is_yuv(format) && !even)
        return invalid_argument(fmt::format("the area {},{} {}x{} needs even edges in {}",
                                            area.left,
                                            area.top,
                                            area.width,
                                            area.height,
                                            memory::to_string(format)));
    return {};
}

Result<void> check_plan(const PreprocessPlan& plan) {
    using memory::ElementType;
    if (plan.size.width <= 0 || plan.size.height <= 0)
        return invalid_argument(
            fmt::format("the network's input is {}x{}", plan.size.width, plan.size.height));
    if (plan.type != ElementType::kU8 && plan.type != ElementType::kF32 &&
        plan.type != ElementType::kF16 && plan.type != ElementType::kBf16)
        return unsupported("pre-processing writes u8, f32, f16 or bf16");
    return {};
}

}  // namespace sluice::image::detail
