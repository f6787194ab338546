#include <algorithm>
#include <array>
#include <cmath>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"

// Heads whose outputs are maps over the picture.
namespace sluice::infer::heads {
namespace {

// Objects as Points (Zhou et al. 2019, section 3 and 4): an object is a local maximum of its
// class's heat map. Two size maps are width and height in cells (with an offset map for the
// centre), four are the distances to left, top, right and bottom in pixels (TTFNet, Liu et al.
// 2020, section 3).
class Centernet : public Head {
public:
    Centernet(std::span<const TensorSpec> outputs, const HeadLayout& layout)
        : parts_(layout.parts),
          classes_(layout.classes()),
          sizes_(outputs[layout.parts[1]].shape[1]),
          logits_(layout.options.score_activation == ScoreActivation::kSigmoid),
          input_(layout.input) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        const std::array<std::int64_t, 3> heat_shape{classes_, -1, -1};
        Item heat = SLUICE_TRY(item_of(input, parts_[0], heat_shape));
        Maps maps;
        maps.height = heat.shape[1];
        maps.width = heat.shape[2];
        const std::array<std::int64_t, 3> size_shape{sizes_, maps.height, maps.width};
        maps.size = SLUICE_TRY(item_of(input, parts_[1], size_shape)).data;
        if (parts_.size() > 2) {
            const std::array<std::int64_t, 3> offset_shape{2, maps.height, maps.width};
            maps.offset = SLUICE_TRY(item_of(input, parts_[2], offset_shape)).data;
        }
        for (std::int64_t c = 0; c < classes_; ++c) {
            maps.heat = heat.data + c * maps.height * maps.width;
            find_peaks(maps, static_cast<std::size_t>(c), input.thresholds, found);
        }
        return {};
    }

private:
    struct Maps {
        const float* heat = nullptr;  // of one class
        const float* size = nullptr;
        const float* offset = nullptr;  // may be absent
        std::int64_t width = 0;
        std::int64_t height = 0;
    };

    void find_peaks(const Maps& maps,
                    std::size_t class_id,
                    const ScoreThresholds& thresholds,
                    std::vector<meta::Detection>& found) const {
        const float wanted = thresholds.by_class[class_id];
        const float threshold = logits_ ? logit(std::min(wanted, 1.f)) : wanted;
        for (std::int64_t y = 0; y < maps.height; ++y) {
            const float* row = maps.heat + y * maps.width;
            if (!(max_value(row, static_cast<std::size_t>(maps.width)) >= threshold)) continue;
            for (std::int64_t x = 0; x < maps.width; ++x) {
                if (!(row[x] >= threshold) || !is_peak(maps, x, y)) continue;
                float score = logits_ ? sigmoid(row[x]) : row[x];
                add(found, box(maps, x, y), score, class_id);
            }
        }
    }

    static bool is_peak(const Maps& maps, std::int64_t x, std::int64_t y) {
        const float value = maps.heat[y * maps.width + x];
        const std::int64_t last_y = std::min(y + 1, maps.height - 1);
        const std::int64_t last_x = std::min(x + 1, maps.width - 1);
        for (std::int64_t v = std::max<std::int64_t>(y - 1, 0); v <= last_y; ++v) {
            for (std::int64_t u = std::max<std::int64_t>(x - 1, 0); u <= last_x; ++u) {
                if (maps.heat[v * maps.width + u] > value) return false;
            }
        }
        return true;
    }

    meta::PixelBox box(const Maps& maps, std::int64_t x, std::int64_t y) const {
        const std::int64_t plane = maps.width * maps.height;
        const std::int64_t at = y * maps.width + x;
        const float step_x = static_cast<float>(input_.width) / static_cast<float>(maps.width);
        const float step_y = static_cast<float>(input_.height) / static_cast<float>(maps.height);
        float cx = static_cast<float>(x);
        float cy = static_cast<float>(y);
        if (maps.offset != nullptr) {
            cx += maps.offset[at];
            cy += maps.offset[plane + at];
        }
        cx *= step_x;
        cy *= step_y;
        const float* size = maps.size + at;
        if (sizes_ == 2) return centered(cx, cy, size[0] * step_x, size[plane] * step_y);
        return from_edges(
            cx - size[0], cy - size[plane], cx + size[2 * plane], cy + size[3 * plane]);
    }

    std::vector<std::size_t> parts_;
    std::int64_t classes_;
    std::int64_t sizes_;
    bool logits_;
    memory::Size input_;
};

// FastestDet (github.com/dog-qiuqiu/FastestDet): one grid; centre by tanh from the cell, size by
// sigmoid as a fraction of the picture; score = objectness^0.6 * class^0.4.
class Fastestdet : public Head {
public:
    explicit Fastestdet(const HeadLayout& layout)
        : part_(layout.parts[0]),
          classes_(static_cast<std::size_t>(layout.classes())),
          shape_{layout.classes() + 5, -1, -1},
          input_(layout.input) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        Item item = SLUICE_TRY(item_of(input, part_, shape_));
        const auto width = static_cast<std::size_t>(item.shape[2]);
        const std::size_t cells = static_cast<std::size_t>(item.shape[1]) * width;
        const float step_x = static_cast<float>(input_.width) / static_cast<float>(width);
        const float step_y = static_cast<float>(input_.height) / static_cast<float>(item.shape[1]);
        // A class probability is at most 1, so that this bounds the objectness from below. The
        // hair's breadth keeps rounding from deciding.
        const float lowest = 0.9999f * std::pow(input.thresholds.lowest, 1 / 0.6f);
        for (std::size_t i = 0; i < cells; ++i) {
            const float* cell = item.data + i;
            if (!(cell[0] >= lowest)) continue;
            std::size_t best = index_of_max(cell + 5 * cells, classes_, cells);
            float score = std::pow(cell[0], 0.6f) * std::pow(cell[(5 + best) * cells], 0.4f);
            if (!passes(input.thresholds, score, best)) continue;
            std::size_t row = i / width;
            float cx = (static_cast<float>(i % width) + std::tanh(cell[cells])) * step_x;
            float cy = (static_cast<float>(row) + std::tanh(cell[2 * cells])) * step_y;
            add(found,
                centered(cx,
                         cy,
                         sigmoid(cell[3 * cells]) * static_cast<float>(input_.width),
                         sigmoid(cell[4 * cells]) * static_cast<float>(input_.height)),
                score,
                best);
        }
        return {};
    }

private:
    std::size_t part_;
    std::size_t classes_;
    std::array<std::int64_t, 3> shape_;
    memory::Size input_;
};

}  // namespace

std::unique_ptr<Head> create_centernet(std::span<const TensorSpec> outputs,
                                       const HeadLayout& layout) {
    return std::make_unique<Centernet>(outputs, layout);
}
std::unique_ptr<Head> create_fastestdet(const HeadLayout& layout) {
    return std::make_unique<Fastestdet>(layout);
}

}  // namespace sluice::infer::heads
