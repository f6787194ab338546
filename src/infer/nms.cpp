#include "sluice/infer/nms.h"

#include <algorithm>
#include <cstddef>

#include "sluice/infer/heads/kernels.h"

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

bool Nms::suppressed(const meta::PixelBox& box, float threshold) const {
    return heads::overlaps_any({kept_.left.data(),
                                kept_.top.data(),
                                kept_.right.data(),
                                kept_.bottom.data(),
                                kept_.area.data(),
                                kept_.left.size()},
                               {box.left, box.top, box.right(), box.bottom(), box.area()},
                               threshold);
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
