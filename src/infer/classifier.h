#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/base/fields.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/labels.h"
#include "sluice/meta/object.h"

namespace sluice::infer {

struct ClassifierOptions {
    float classifier_threshold = 0;
};

/// From a classifier's outputs to labels: one attribute per output. Reentrant.
class Classifier {
public:
    /// Each output is one vector of class probabilities. With labels, there must be as many
    /// attributes as outputs, and as many values as the output has numbers.
    static Result<Classifier> create(std::span<const TensorSpec> outputs,
                                     const ClassifierOptions& options,
                                     const Labels& labels,
                                     std::uint32_t component_id);

    /// Appends, per output, the best class when its score is above the threshold.
    Result<void> classify(std::span<const memory::TensorView> outputs,
                          std::size_t item,
                          std::vector<meta::Label>& labels) const;

private:
    Classifier() = default;
    float threshold_ = 0;
    std::uint32_t component_id_ = 0;
    std::vector<Labels::Attribute> attributes_;
};

}  // namespace sluice::infer

namespace sluice {

template <>
inline constexpr auto fields<infer::ClassifierOptions> =
    field_table(field("classifier-threshold",
                      &infer::ClassifierOptions::classifier_threshold,
                      range(0.f, 1.f),
                      "lowest probability of a label that is attached",
                      Tunable::kYes));

}  // namespace sluice
