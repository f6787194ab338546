#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"

// Heads whose outputs are lists of finished boxes.
namespace sluice::infer::heads {
namespace {

// The class of such a box is a number in the output, which may be any.
Result<std::size_t> checked_class(float value, std::size_t classes) {
    if (value >= 0 && value < static_cast<float>(classes)) return static_cast<std::size_t>(value);
    return invalid_argument(fmt::format(
        "the network reports class {}, but num-detected-classes (or the labels) says there are {}",
        value,
        classes));
}

BoxReader reader_of(const HeadLayout& layout) {
    return {layout.options.box_layout, layout.options.box_unit, layout.input};
}

class EndToEnd : public Head {
public:
    explicit EndToEnd(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          box_(reader_of(layout)) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        constexpr std::array<std::int64_t, 2> kShape{-1, 6};
        Item item = SLUICE_TRY(item_of(input, part_, kShape));
        const std::size_t before = found.size();
        for (std::int64_t i = 0; i < item.shape[0]; ++i) {
            const float* row = item.data + i * 6;
            if (!(row[4] >= input.thresholds.lowest)) continue;
            auto class_id = checked_class(row[5], classes_);
            if (!class_id) {
                found.resize(before);
                return std::move(class_id).error();
            }
            if (passes(input.thresholds, row[4], *class_id))
                add(found, box_(row[0], row[1], row[2], row[3]), row[4], *class_id);
        }
        return {};
    }

private:
    std::size_t part_;
    std::size_t classes_;
    BoxReader box_;
};

// DETR (Carion et al. 2020, section 3.1: softmax over classes and "no object", which is last) and
// its successors (a sigmoid per class). One output holding both is boxes, then scores, in each row.
class Detr : public Head {
public:
    explicit Detr(const HeadLayout& layout)
        : parts_(layout.parts),
          classes_(static_cast<std::size_t>(layout.classes())),
          activation_(layout.options.score_activation),
          box_(reader_of(layout)) {
        std::int64_t columns =
            layout.classes() + (activation_ == ScoreActivation::kSoftmax ? 1 : 0);
        score_shape_ = {-1, columns + (parts_.size() == 1 ? 4 : 0)};
    }

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        Item scores = SLUICE_TRY(item_of(input, parts_.back(), score_shape_));
        const std::array<std::int64_t, 2> box_shape{scores.shape[0],
                                                    parts_.size() == 1 ? score_shape_[1] : 4};
        Item boxes = SLUICE_TRY(item_of(input, parts_.front(), box_shape));
        const float* row = scores.data + (parts_.size() == 1 ? 4 : 0);
        const float* box = boxes.data;
        for (std::int64_t i = 0; i < scores.shape[0]; ++i) {
            std::size_t best = index_of_max(row, classes_);
            float score = score_of(row, best);
            if (passes(input.thresholds, score, best))
                add(found, box_(box[0], box[1], box[2], box[3]), score, best);
            row += score_shape_[1];
            box += box_shape[1];
        }
        return {};
    }

private:
    float score_of(const float* row, std::size_t best) const {
        if (activation_ == ScoreActivation::kNone) return row[best];
        if (activation_ == ScoreActivation::kSigmoid) return sigmoid(row[best]);
        float sum = 0;
        for (std::size_t i = 0; i <= classes_; ++i)
            sum += std::exp(row[i] - row[best]);
        return 1 / sum;
    }

    std::vector<std::size_t> parts_;
    std::size_t classes_;
    ScoreActivation activation_;
    BoxReader box_;
    std::array<std::int64_t, 2> score_shape_{};
};

class Ssd : public Head {
public:
    explicit Ssd(const HeadLayout& layout)
        : parts_(layout.parts),
          classes_(static_cast<std::size_t>(layout.classes())),
          box_(reader_of(layout)) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        constexpr std::array<std::int64_t, 2> kBoxes{-1, 4};
        Item boxes = SLUICE_TRY(item_of(input, parts_[0], kBoxes));
        const std::array<std::int64_t, 1> list{boxes.shape[0]};
        Item scores = SLUICE_TRY(item_of(input, parts_[1], list));
        Item ids = SLUICE_TRY(item_of(input, parts_[2], list));
        std::int64_t count = SLUICE_TRY(count_of(input, boxes.shape[0]));
        const std::size_t before = found.size();
        for (std::int64_t i = 0; i < count; ++i) {
            if (!(scores.data[i] >= input.thresholds.lowest)) continue;
            auto class_id = checked_class(ids.data[i], classes_);
            if (!class_id) {
                found.resize(before);
                return std::move(class_id).error();
            }
            const float* box = boxes.data + i * 4;
            if (passes(input.thresholds, scores.data[i], *class_id))
                add(found, box_(box[0], box[1], box[2], box[3]), scores.data[i], *class_id);
        }
        return {};
    }

private:
    Result<std::int64_t> count_of(const HeadInput& input, std::int64_t most) const {
        if (parts_.size() < 4) return most;
        const std::size_t part = parts_[3];
        const bool flat = part < input.outputs.size() && input.outputs[part].shape.size() == 1;
        constexpr std::array<std::int64_t, 1> kOne{1};
        Item number = SLUICE_TRY(
            item_of(input, part, flat ? std::span<const std::int64_t>() : std::span(kOne)));
        float value = number.data[0];
        if (!(value >= 0)) return std::int64_t{0};
        return value < static_cast<float>(most) ? static_cast<std::int64_t>(value) : most;
    }

    std::vector<std::size_t> parts_;
    std::size_t classes_;
    BoxReader box_;
};

// Boxes of all images of the batch in one list; a row with a negative image ends it. Engines that
// compute item by item have a list for each, in which the image is the first.
class DetectionOutput : public Head {
public:
    explicit DetectionOutput(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          box_(reader_of(layout)) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        constexpr std::array<std::int64_t, 3> kShape{1, -1, 7};
        HeadInput whole = input;
        const bool joined = part_ < input.outputs.size() && !input.outputs[part_].shape.empty() &&
                            input.outputs[part_].shape[0] == 1;
        if (joined) whole.item = 0;
        Item item = SLUICE_TRY(item_of(whole, part_, kShape));
        const auto image = joined ? static_cast<float>(input.item) : 0;
        const std::size_t before = found.size();
        for (std::int64_t i = 0; i < item.shape[1]; ++i) {
            const float* row = item.data + i * 7;
            if (row[0] < 0) break;
            if (row[0] != image || !(row[2] >= input.thresholds.lowest)) continue;
            auto class_id = checked_class(row[1], classes_);
            if (!class_id) {
                found.resize(before);
                return std::move(class_id).error();
            }
            if (passes(input.thresholds, row[2], *class_id))
                add(found, box_(row[3], row[4], row[5], row[6]), row[2], *class_id);
        }
        return {};
    }

private:
    std::size_t part_;
    std::size_t classes_;
    BoxReader box_;
};

}  // namespace

std::unique_ptr<Head> create_end_to_end(const HeadLayout& layout) {
    return std::make_unique<EndToEnd>(layout);
}
std::unique_ptr<Head> create_detr(const HeadLayout& layout) {
    return std::make_unique<Detr>(layout);
}
std::unique_ptr<Head> create_ssd(const HeadLayout& layout) {
    return std::make_unique<Ssd>(layout);
}
std::unique_ptr<Head> create_detection_output(const HeadLayout& layout) {
    return std::make_unique<DetectionOutput>(layout);
}

}  // namespace sluice::infer::heads
