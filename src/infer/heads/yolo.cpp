#include <array>
#include <cmath>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"

namespace sluice::infer::heads {
namespace {

// YOLOX (Ge et al. 2021, section 2.1: anchor-free) and the YOLOv5 exports: one row per cell, of
// box, objectness and class probabilities. Few rows have an objectness worth looking at, and a
// score never exceeds it, so that all other rows cost one comparison.
class YoloRows : public Head {
public:
    explicit YoloRows(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          shape_{-1, layout.classes() + 5} {
        if (layout.kind() != HeadKind::kYolox) return;
        points_ = grid_points(layout.input, layout.options.strides);
        shape_[0] = static_cast<std::int64_t>(points_.size());
    }

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        Item item = SLUICE_TRY(item_of(input, part_, shape_));
        const auto rows = static_cast<std::size_t>(item.shape[0]);
        const std::size_t width = classes_ + 5;
        const float* row = item.data;
        for (std::size_t i = 0; i < rows; ++i, row += width) {
            if (!(row[4] >= input.thresholds.lowest)) continue;
            std::size_t best = index_of_max(row + 5, classes_);
            float score = row[4] * row[5 + best];
            if (passes(input.thresholds, score, best)) add(found, box(row, i), score, best);
        }
        return {};
    }

private:
    meta::PixelBox box(const float* row, std::size_t i) const {
        if (points_.empty()) return centered(row[0], row[1], row[2], row[3]);
        const GridPoint& point = points_[i];
        return centered(row[0] * point.stride + point.x,
                        row[1] * point.stride + point.y,
                        std::exp(row[2]) * point.stride,
                        std::exp(row[3]) * point.stride);
    }

    std::size_t part_;
    std::size_t classes_;
    std::array<std::int64_t, 2> shape_;
    std::vector<GridPoint> points_;  // empty: boxes are decoded already
};

// YOLOv8 and later: no objectness, one column per cell, so that all class maps are read in streams.
class YoloColumns : public Head {
public:
    explicit YoloColumns(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          shape_{layout.classes() + 4, -1} {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        Item item = SLUICE_TRY(item_of(input, part_, shape_));
        const auto count = static_cast<std::size_t>(item.shape[1]);
        const float* scores = item.data + 4 * count;
        best_.resize(count);
        max_over_rows(scores, classes_, count, count, best_.data());
        for (std::size_t i = 0; i < count; ++i) {
            if (!(best_[i] >= input.thresholds.lowest)) continue;
            std::size_t best = index_of_max(scores + i, classes_, count);
            float score = scores[best * count + i];
            if (!passes(input.thresholds, score, best)) continue;
            const float* box = item.data + i;
            add(found, centered(box[0], box[count], box[2 * count], box[3 * count]), score, best);
        }
        return {};
    }

private:
    std::size_t part_;
    std::size_t classes_;
    std::array<std::int64_t, 2> shape_;
    std::vector<float> best_;  // scratch
};

// The same, one row per cell.
class YoloBoxScoreRows : public Head {
public:
    explicit YoloBoxScoreRows(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          shape_{-1, layout.classes() + 4} {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        Item item = SLUICE_TRY(item_of(input, part_, shape_));
        const auto rows = static_cast<std::size_t>(item.shape[0]);
        const float* row = item.data;
        for (std::size_t i = 0; i < rows; ++i, row += classes_ + 4) {
            if (!(max_value(row + 4, classes_) >= input.thresholds.lowest)) continue;
            std::size_t best = index_of_max(row + 4, classes_);
            if (!passes(input.thresholds, row[4 + best], best)) continue;
            add(found, centered(row[0], row[1], row[2], row[3]), row[4 + best], best);
        }
        return {};
    }

private:
    std::size_t part_;
    std::size_t classes_;
    std::array<std::int64_t, 2> shape_;
};

}  // namespace

std::unique_ptr<Head> create_yolo_rows(const HeadLayout& layout) {
    return std::make_unique<YoloRows>(layout);
}

std::unique_ptr<Head> create_yolov8(const HeadLayout& layout) {
    if (layout.order == CellOrder::kRows) return std::make_unique<YoloBoxScoreRows>(layout);
    return std::make_unique<YoloColumns>(layout);
}

}  // namespace sluice::infer::heads
