#include <algorithm>
#include <array>
#include <cmath>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"

namespace sluice::infer::heads {
namespace {

// NanoDet: a box's edges are expectations of distributions over 0..R strides (Generalized Focal
// Loss, Li et al. 2020, section 3.2, "General").
class Nanodet : public Head {
public:
    explicit Nanodet(const HeadLayout& layout)
        : parts_(layout.parts),
          classes_(static_cast<std::size_t>(layout.classes())),
          logits_(layout.options.score_activation == ScoreActivation::kSigmoid),
          strides_(layout.options.strides),
          input_(layout.input) {
        // NanoDet-Plus has a fourth stride and measures from the cell's corner, the first version
        // from its centre.
        points_ = grid_points(input_, strides_, strides_.size() == 4 ? 0.f : 0.5f);
    }

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        const std::size_t before = found.size();
        auto outcome =
            parts_.size() == 1 ? decode_concatenated(input, found) : decode_levels(input, found);
        if (!outcome) found.resize(before);
        return outcome;
    }

private:
    /// Cells first .. first + count of all, their scores and distances in rows.
    struct Level {
        std::size_t first;
        std::size_t count;
        const float* scores;
        std::size_t score_stride;
        const float* distances;
        std::size_t distance_stride;
        std::size_t bins;
    };

    Result<void> decode_concatenated(const HeadInput& input,
                                     std::vector<meta::Detection>& found) const {
        const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(points_.size()), -1};
        Item item = SLUICE_TRY(item_of(input, parts_[0], shape));
        const auto width = static_cast<std::size_t>(item.shape[1]);
        if (width < classes_ + 8) return corrupt("the network's rows have become too short");
        decode_level({0,
                      points_.size(),
                      item.data,
                      width,
                      item.data + classes_,
                      width,
                      (width - classes_) / 4},
                     input.thresholds,
                     found);
        return {};
    }

    Result<void> decode_levels(const HeadInput& input, std::vector<meta::Detection>& found) const {
        std::size_t first = 0;
        for (std::size_t i = 0; i < strides_.size(); ++i) {
            const std::int64_t count = grid_size(input_, std::span(&strides_[i], 1));
            const std::array<std::int64_t, 2> scores_shape{count,
                                                           static_cast<std::int64_t>(classes_)};
            const std::array<std::int64_t, 2> distances_shape{count, -1};
            Item scores = SLUICE_TRY(item_of(input, parts_[2 * i], scores_shape));
            Item distances = SLUICE_TRY(item_of(input, parts_[2 * i + 1], distances_shape));
            const auto width = static_cast<std::size_t>(distances.shape[1]);
            const auto cells = static_cast<std::size_t>(count);
            decode_level({first, cells, scores.data, classes_, distances.data, width, width / 4},
                         input.thresholds,
                         found);
            first += cells;
        }
        return {};
    }

    void decode_level(const Level& level,
                      const ScoreThresholds& thresholds,
                      std::vector<meta::Detection>& found) const {
        const float lowest = logits_ ? logit(std::min(thresholds.lowest, 1.f)) : thresholds.lowest;
        for (std::size_t i = 0; i < level.count; ++i) {
            const float* scores = level.scores + i * level.score_stride;
            if (!(max_value(scores, classes_) >= lowest)) continue;
            std::size_t best = index_of_max(scores, classes_);
            float score = logits_ ? sigmoid(scores[best]) : scores[best];
            if (!passes(thresholds, score, best)) continue;
            const GridPoint& point = points_[level.first + i];
            const float* distances = level.distances + i * level.distance_stride;
            std::array<float, 4> edge{};
            for (std::size_t k = 0; k < 4; ++k)
                edge[k] = expectation(distances + k * level.bins, level.bins) * point.stride;
            add(found,
                from_edges(
                    point.x - edge[0], point.y - edge[1], point.x + edge[2], point.y + edge[3]),
                score,
                best);
        }
    }

    static float expectation(const float* logits, std::size_t bins) {
        const float highest = max_value(logits, bins);
        float sum = 0;
        float weighted = 0;
        for (std::size_t i = 0; i < bins; ++i) {
            float weight = std::exp(logits[i] - highest);
            sum += weight;
            weighted += weight * static_cast<float>(i);
        }
        return weighted / sum;
    }

    std::vector<std::size_t> parts_;
    std::size_t classes_;
    bool logits_;
    std::vector<int> strides_;
    memory::Size input_;
    std::vector<GridPoint> points_;
};

}  // namespace

std::unique_ptr<Head> create_nanodet(const HeadLayout& layout) {
    return std::make_unique<Nanodet>(layout);
}

}  // namespace sluice::infer::heads
