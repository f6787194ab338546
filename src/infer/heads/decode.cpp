#include "sluice/infer/heads/decode.h"

#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::infer::heads {
namespace {

bool has_item(const HeadInput& input, std::size_t part) {
    if (part >= input.outputs.size()) return false;
    const memory::TensorView& view = input.outputs[part];
    return view.type == memory::ElementType::kF32 && view.data != nullptr && !view.shape.empty() &&
           static_cast<std::int64_t>(input.item) < view.shape[0];
}

std::size_t item_size(const memory::TensorView& view) {
    std::size_t count = 1;
    for (std::size_t i = 1; i < view.shape.size(); ++i)
        count *= static_cast<std::size_t>(view.shape[i]);
    return count;
}

const float* item_data(const memory::TensorView& view, std::size_t item) {
    return static_cast<const float*>(view.data) + item_size(view) * item;
}

bool fits(std::span<const std::int64_t> actual, std::span<const std::int64_t> wanted) {
    if (actual.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        if (wanted[i] >= 0 && wanted[i] != actual[i]) return false;
    }
    return true;
}

Error mismatch(const HeadInput& input, std::size_t part, std::span<const std::int64_t> shape) {
    if (part >= input.outputs.size())
        return corrupt(fmt::format("output {} is missing from the network's results", part));
    const memory::TensorView& view = input.outputs[part];
    return corrupt(
        fmt::format("output '{}' has shape {}, not N x {} of 32-bit floats with an item "
                    "{}",
                    view.name,
                    fmt::join(view.shape, " x "),
                    fmt::join(shape, " x "),
                    input.item));
}

}  // namespace

Result<Item> item_of(const HeadInput& input,
                     std::size_t part,
                     std::span<const std::int64_t> shape) {
    if (!has_item(input, part)) return mismatch(input, part, shape);
    const memory::TensorView& view = input.outputs[part];
    std::span<const std::int64_t> extents{view.shape.data() + 1, view.shape.size() - 1};
    if (!fits(extents, shape)) return mismatch(input, part, shape);
    return Item{item_data(view, input.item), extents};
}

Result<const float*> item_vector(const HeadInput& input, std::size_t part, std::size_t count) {
    const std::array<std::int64_t, 1> shape{static_cast<std::int64_t>(count)};
    if (!has_item(input, part)) return mismatch(input, part, shape);
    const memory::TensorView& view = input.outputs[part];
    if (item_size(view) != count) return mismatch(input, part, shape);
    return item_data(view, input.item);
}

std::vector<GridPoint> grid_points(memory::Size input, std::span<const int> strides, float offset) {
    std::vector<GridPoint> points;
    for (int stride : strides) {
        auto step = static_cast<float>(stride);
        for (int y = 0; y * stride < input.height; ++y) {
            for (int x = 0; x * stride < input.width; ++x)
                points.push_back({(static_cast<float>(x) + offset) * step,
                                  (static_cast<float>(y) + offset) * step,
                                  step});
        }
    }
    return points;
}

std::int64_t grid_size(memory::Size input, std::span<const int> strides) {
    std::int64_t count = 0;
    for (int stride : strides) {
        std::int64_t columns = (input.width + stride - 1) / stride;
        std::int64_t rows = (input.height + stride - 1) / stride;
        count += columns * rows;
    }
    return count;
}

float sigmoid(float x) {
    return 1 / (1 + std::exp(-x));
}

float logit(float p) {
    return std::log(p / (1 - p));
}

BoxReader::BoxReader(BoxLayout layout, BoxUnit unit, memory::Size input) : layout_(layout) {
    if (unit != BoxUnit::kNormalized) return;
    scale_x_ = static_cast<float>(input.width);
    scale_y_ = static_cast<float>(input.height);
}

meta::PixelBox BoxReader::operator()(float a, float b, float c, float d) const {
    meta::PixelBox box;
    if (layout_ == BoxLayout::kCxcywh) {
        box = centered(a, b, c, d);
    } else if (layout_ == BoxLayout::kYxyx) {
        box = from_edges(b, a, d, c);
    } else {
        box = from_edges(a, b, c, d);
    }
    return {box.left * scale_x_, box.top * scale_y_, box.width * scale_x_, box.height * scale_y_};
}

void add(std::vector<meta::Detection>& found,
         const meta::PixelBox& box,
         float score,
         std::size_t class_id) {
    // Sums of finite numbers; a NaN or an infinity anywhere shows here.
    if (!std::isfinite(box.right()) || !std::isfinite(box.bottom())) return;
    if (!std::isfinite(score) || box.width < 0 || box.height < 0) return;
    found.push_back({box, score, meta::ClassId(static_cast<std::int32_t>(class_id)), Name()});
}

}  // namespace sluice::infer::heads
