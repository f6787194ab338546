#pragma once

#include <memory>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/test_graphs.h"

/// Models that suppress boxes by themselves, of 64 cells and three classes, made up. Boxes follow
/// the pixels, any which way.
namespace sluice::infer {

constexpr std::size_t kSuppressingSide = 64;

namespace detail {

inline constexpr std::int64_t kCells = 64;
inline constexpr std::int64_t kLabels = 3;

inline cuda::Port rows(const cuda::Port& pixels, std::int64_t columns, unsigned seed) {
    const cuda::Port cells =
        cuda::convolve(pixels, static_cast<std::size_t>(columns), 8, 8, 0, seed);
    return cuda::reshape(cuda::transpose(cells, {0, 2, 3, 1}), {1, kCells, columns});
}

inline cuda::Port floats(const cuda::Port& pixels) {
    return cuda::make<ov::op::v1::Multiply>(pixels, cuda::number(1.0f / 255));
}

}  // namespace detail

/// An SSD: decoding and suppression are one operator, which sees a whole batch.
inline std::shared_ptr<ov::Model> ssd_model() {
    using namespace cuda;
    using namespace detail;
    return graph_of("ssd",
                    {1, 3, kSuppressingSide, kSuppressingSide},
                    [](const Port& pixels) -> ov::OutputVector {
                        std::vector<float> priors;
                        for (std::int64_t cell = 0; cell < kCells; ++cell) {
                            const std::int64_t row = cell / 8;
                            const auto x = static_cast<float>(cell % 8) / 8;
                            const auto y = static_cast<float>(row) / 8;
                            priors.insert(priors.end(), {x, y, x + 0.2f, y + 0.2f});
                        }
                        for (std::int64_t i = 0; i < 4 * kCells; ++i)
                            priors.push_back(0.1f);
                        ov::op::v8::DetectionOutput::Attributes attributes;
                        attributes.keep_top_k = {20};
                        attributes.top_k = 50;
                        attributes.nms_threshold = 0.45f;
                        attributes.confidence_threshold = 0.2f;
                        attributes.share_location = true;
                        attributes.normalized = true;
                        attributes.code_type = "caffe.PriorBoxParameter.CENTER_SIZE";
                        const Port x = floats(pixels);
                        const Port scores =
                            make<ov::op::v8::Softmax>(rows(x, kLabels, 2), std::int64_t{2});
                        return {make<ov::op::v8::DetectionOutput>(
                            reshape(rows(x, 4, 1), {1, -1}),
                            reshape(scores, {1, -1}),
                            ov::op::v0::Constant::create(
                                ov::element::f32, {1, 2, priors.size() / 2}, priors),
                            attributes)};
                    })
        .make();
}

/// What exporters make of a picture's own suppression: the batch is gone before it, the scores of
/// suppressed boxes are 0, and the best box's place is an integer.
inline std::shared_ptr<ov::Model> nms_model() {
    using namespace cuda;
    using namespace detail;
    auto model =
        graph_of("nms",
                 {1, 3, kSuppressingSide, kSuppressingSide},
                 [](const Port& pixels) -> ov::OutputVector {
                     const Port x = floats(pixels);
                     const Port corners = rows(x, 2, 1);
                     const Port all = make<ov::op::v0::Concat>(
                         ov::OutputVector{corners, make<ov::op::v1::Add>(corners, number(0.5f))},
                         std::int64_t{2});
                     const Port boxes = make<ov::op::v0::Squeeze>(all, numbers({0}));
                     const Port scores =
                         make<ov::op::v0::Sigmoid>(transpose(rows(x, kLabels, 2), {0, 2, 1}));
                     auto kept = std::make_shared<ov::op::v9::NonMaxSuppression>(
                         make<ov::op::v0::Unsqueeze>(boxes, numbers({0})),
                         scores,
                         numbers({10}),
                         number(0.4f),
                         number(0.3f));
                     const Port places = kept->output(0);
                     const Port left = make<ov::op::v3::ScatterNDUpdate>(
                         random_constant({1, kLabels, kCells}, 1, 0, 0),
                         places,
                         make<ov::op::v8::GatherND>(scores, places));
                     auto best = std::make_shared<ov::op::v11::TopK>(
                         left,
                         ov::op::v0::Constant::create(ov::element::i64, {}, {1}),
                         2,
                         "max",
                         "value",
                         ov::element::i64);
                     return {left, best->output(1), scores};
                 })
            .make();
    const std::vector<std::string> names{"left", "best", "raw"};
    for (std::size_t i = 0; i < names.size(); ++i)
        model->output(i).set_names({names[i]});
    return model;
}

}  // namespace sluice::infer
