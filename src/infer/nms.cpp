#include "sluice/infer/nms.h"

#include <algorithm>
#include <cstddef>

namespace sluice::infer {
void Nms::Columns::clear() {
    for (std::vector<float>* column : {&left, &top, &right, &bottom, &area})
        column->clear();
}

void Nms::Columns::add(const meta::PixelBox& box) {
    left.push_back(box.left);
    top.push_back(box.top);
    right.push_back(box.right());
    bottom.push_back(box.bottom());
    area.push_back(box.area());
}

// The kept boxes are compared in blocks of one pass without a branch, which the compiler turns into
// SIMD; shared > threshold * union needs no division.
bool Nms::suppressed(const meta::PixelBox& box, float threshold) const {
    constexpr std::size_t kBlock = 16;
    const float box_right = box.right();
    const float box_bottom = box.bottom();
    const float box_area = box.area();
    const std::size_t count = kept_.left.size();
    for (std::size_t start = 0; start < count; start += kBlock) {
        int hits = 0;
        const std::size_t end = std::min(start + kBlock, count);
        for (std::size_t i = start; i < end; ++i) {
            float width = std::min(box_right, kept_.right[i]) - std::max(box.left, kept_.left[i]);
            float height = std::min(box_bottom, kept_.bottom[i]) - std::max(box.top, kept_.top[i]);
            float shared = std::max(width, 0.f) * std::max(height, 0.f);
            hits += shared > threshold * (box_area + kept_.area[i] - shared) ? 1 : 0;
        }
        if (hits > 0) return true;
    }
    return false;
}

void Nms::order_all(std::size_t count) {
    order_.resize(count);
    for (std::uint32_t i = 0; i < order_.size(); ++i)
        order_[i] = i;
}

void Nms::run(std::vector<meta::Detection>& boxes,
              std::span<const float> iou_thresholds,
              Scope scope) {
    // Class by class, so that the columns hold the kept boxes of one class at a time.
    order_all(boxes.size());
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
        const meta::Detection& one = boxes[a];
        const meta::Detection& other = boxes[b];
        if (scope == Scope::kPerClass && one.class_id != other.class_id)
            return one.class_id < other.class_id;
        if (one.score != other.score) return one.score > other.score;
        return a < b;
    });

    kept_.clear();
    meta::ClassId current{-1};
    std::size_t survivors = 0;
    for (std::uint32_t index : order_) {
        const meta::Detection& box = boxes[index];
        if (scope == Scope::kPerClass && box.class_id != current) {
            kept_.clear();
            current = box.class_id;
        }
        float threshold = iou_thresholds[static_cast<std::size_t>(box.class_id.value)];
        if (suppressed(box.box, threshold)) continue;
        kept_.add(box.box);
        order_[survivors++] = index;
    }
    // In the order given, which sort() keeps among equal scores.
    order_.resize(survivors);
    std::sort(order_.begin(), order_.end());
    for (std::size_t i = 0; i < survivors; ++i)
        boxes[i] = boxes[order_[i]];
    boxes.resize(survivors);
    sort(boxes);
}

void Nms::sort(std::vector<meta::Detection>& boxes) {
    order_all(boxes.size());
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
        if (boxes[a].score != boxes[b].score) return boxes[a].score > boxes[b].score;
        return a < b;
    });
    sorted_.clear();
    for (std::uint32_t index : order_)
        sorted_.push_back(boxes[index]);
    boxes.swap(sorted_);
}

}  // namespace sluice::infer
