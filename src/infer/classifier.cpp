#include "sluice/infer/classifier.h"

#include <cstddef>

#include <fmt/format.h>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"

namespace sluice::infer {
namespace {

/// Numbers of one item; 0 when open.
std::size_t length(const TensorSpec& output) {
    std::int64_t count = 1;
    for (std::size_t i = 1; i < output.shape.size(); ++i)
        count *= output.shape[i];
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

Result<Classifier> Classifier::create(std::span<const TensorSpec> outputs,
                                      const ClassifierOptions& options,
                                      const Labels& labels,
                                      std::uint32_t component_id) {
    if (!labels.attributes.empty() && labels.attributes.size() != outputs.size())
        return invalid_argument(
            fmt::format("labels for {} attribute(s), but the network has {} "
                        "output(s)",
                        labels.attributes.size(),
                        outputs.size()));
    Classifier out;
    out.threshold_ = options.classifier_threshold;
    out.component_id_ = component_id;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::size_t count = length(outputs[i]);
        if (count == 0)
            return unsupported(
                fmt::format("output '{}' of the classifier has no fixed length", outputs[i].name));
        Labels::Attribute attribute;
        if (i < labels.attributes.size()) attribute = labels.attributes[i];
        if (attribute.name.empty()) attribute.name = Name(outputs[i].name);
        if (attribute.values.empty()) attribute.values = default_labels(static_cast<int>(count));
        if (attribute.values.size() != count)
            return invalid_argument(fmt::format("{} labels for output '{}', which has {} numbers",
                                                attribute.values.size(),
                                                outputs[i].name,
                                                count));
        out.attributes_.push_back(std::move(attribute));
    }
    return out;
}

Result<void> Classifier::classify(std::span<const memory::TensorView> outputs,
                                  std::size_t item,
                                  std::vector<meta::Label>& labels) const {
    const std::size_t before = labels.size();
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
        const Labels::Attribute& attribute = attributes_[i];
        auto scores = heads::item_vector({outputs, item, {}}, i, attribute.values.size());
        if (!scores) {
            labels.resize(before);
            return std::move(scores).error();
        }
        const std::size_t best = heads::index_of_max(*scores, attribute.values.size());
        const float score = (*scores)[best];
        if (!(score > threshold_)) continue;
        labels.push_back({attribute.name,
                          attribute.values[best],
                          meta::ClassId(static_cast<std::int32_t>(best)),
                          score,
                          component_id_});
    }
    return {};
}

}  // namespace sluice::infer
