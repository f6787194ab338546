#include "sluice/tuner/workbench.h"

#include <algorithm>
#include <set>

namespace sluice::tuner {
namespace {

constexpr std::size_t kBiasStages = 4;

/// Means of tensors by channel, over samples and places.
class ChannelMeans {
public:
    void add(const memory::TensorView& tensor) {
        // Dimension 1 of images, the last one of vectors and matrices.
        const std::size_t axis = tensor.shape.size() == 4 ? 1 : tensor.shape.size() - 1;
        const auto channels = static_cast<std::size_t>(tensor.shape[axis]);
        std::size_t inner = 1;
        for (std::size_t i = axis + 1; i < tensor.shape.size(); ++i)
            inner *= static_cast<std::size_t>(tensor.shape[i]);
        sums_.resize(channels);
        const std::span<const float> values = tensor.floats();
        for (std::size_t i = 0; i < values.size(); ++i)
            sums_[i / inner % channels] += values[i];
        count_ += values.size() / channels;
    }
    std::size_t size() const { return sums_.size(); }
    double mean(std::size_t channel) const { return sums_[channel] / static_cast<double>(count_); }

private:
    std::vector<double> sums_;
    std::size_t count_ = 0;
};

Result<std::vector<ChannelMeans>> channel_means(Subject& subject,
                                                const std::vector<std::string>& tensors,
                                                const infer::Calibration* calibration,
                                                const std::vector<const Sample*>& samples) {
    std::vector<ChannelMeans> means(tensors.size());
    auto engine = SLUICE_TRY(subject.observe(tensors, calibration));
    SLUICE_TRY(subject.run(*engine, samples, [&](std::size_t, auto outputs) -> Result<void> {
        const auto taps = outputs.last(tensors.size());
        for (std::size_t i = 0; i < taps.size(); ++i)
            means[i].add(taps[i]);
        return {};
    }));
    return means;
}

}  // namespace

infer::Calibration Workbench::calibration(const Recipe& recipe, Part part) const {
    infer::Calibration out;
    out.model = model_hash;
    out.method = to_text(recipe.method);
    std::set<std::string> padded;
    std::set<std::string> pixels;
    std::set<std::string> wanted;
    for (const infer::QuantizableLayer& layer : layers) {
        const auto why = recipe.floats.find(layer.name);
        if (why != recipe.floats.end()) {
            out.float_layers.push_back({layer.name, why->second});
            continue;
        }
        wanted.insert(layer.input);
        if (layer.padded) padded.insert(layer.input);
        if (layer.first) pixels.insert(layer.input);
    }
    for (std::size_t i = 0; i < activations.size(); ++i) {
        const infer::RangeCollector& seen = activations.tensor(i, part);
        if (wanted.count(seen.tensor()) == 0) continue;
        out.usual.push_back(activations.usual(i));
        const bool is_pixels = pixels.count(seen.tensor()) > 0;
        const bool symmetric = padded.count(seen.tensor()) > 0 && !(is_pixels && seen.min() >= 0);
        const auto own = recipe.of_tensors.find(seen.tensor());
        const infer::RangeMethod method = is_pixels ? infer::RangeMethod::kMax
                                          : own == recipe.of_tensors.end() ? recipe.method
                                                                           : own->second;
        out.tensors.push_back(
            seen.range(method, symmetric ? infer::Steps::kSymmetric : infer::Steps::kAsymmetric));
    }
    if (!recipe.bias) return out;
    for (const infer::BiasCorrection& correction : bias[static_cast<std::size_t>(part)]) {
        if (recipe.floats.count(correction.layer) == 0) out.bias.push_back(correction);
    }
    return out;
}

infer::Calibration Workbench::alone(const Recipe& recipe, const std::string& layer) const {
    Recipe of_all = recipe;
    of_all.floats.clear();
    of_all.bias = false;
    return only(calibration(of_all, Part::kAll), layers, layer);
}

double share_of(const infer::QuantizableLayer& layer,
                const std::vector<infer::QuantizableLayer>& layers) {
    return 1 - int8_share(layers, {{layer.name, ""}});
}

double int8_share(const std::vector<infer::QuantizableLayer>& layers, const Floats& floats) {
    double all = 0;
    double int8 = 0;
    for (const infer::QuantizableLayer& layer : layers) {
        all += static_cast<double>(layer.multiply_adds);
        if (floats.count(layer.name) == 0) int8 += static_cast<double>(layer.multiply_adds);
    }
    return all > 0 ? int8 / all : 0;
}

infer::Calibration only(infer::Calibration calibration,
                        const std::vector<infer::QuantizableLayer>& layers,
                        const std::string& layer) {
    calibration.float_layers.clear();
    for (const infer::QuantizableLayer& other : layers) {
        if (other.name != layer) calibration.float_layers.push_back({other.name, "another"});
    }
    std::erase_if(calibration.bias, [&](const auto& bias) { return bias.layer != layer; });
    return calibration;
}

Result<std::vector<Answer>> emulated(Subject& subject,
                                     const infer::Calibration& calibration,
                                     std::span<const Sample* const> samples) {
    auto engine = SLUICE_TRY(subject.observe({}, &calibration));
    return subject.answers(*engine, samples);
}

Result<std::vector<infer::BiasCorrection>> bias_corrections(
    const Workbench& bench,
    const Recipe& recipe,
    Part part,
    const std::vector<const Sample*>& samples) {
    infer::Calibration calibration = bench.calibration(recipe, part);
    calibration.bias.clear();
    std::vector<const infer::QuantizableLayer*> corrected;
    for (const infer::QuantizableLayer& layer : bench.layers) {
        if (recipe.floats.count(layer.name) == 0) corrected.push_back(&layer);
    }
    for (std::size_t stage = 0; stage < kBiasStages; ++stage) {
        const std::size_t begin = stage * corrected.size() / kBiasStages;
        const std::size_t end = (stage + 1) * corrected.size() / kBiasStages;
        std::vector<std::string> tensors;
        for (std::size_t i = begin; i < end; ++i)
            tensors.push_back(corrected[i]->output);
        if (tensors.empty()) continue;
        const auto wanted = SLUICE_TRY(channel_means(bench.subject, tensors, nullptr, samples));
        const auto got = SLUICE_TRY(channel_means(bench.subject, tensors, &calibration, samples));
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            infer::BiasCorrection correction{corrected[begin + i]->name, {}};
            for (std::size_t channel = 0; channel < wanted[i].size(); ++channel)
                correction.add.push_back(
                    static_cast<float>(wanted[i].mean(channel) - got[i].mean(channel)));
            calibration.bias.push_back(std::move(correction));
        }
    }
    return std::move(calibration.bias);
}

}  // namespace sluice::tuner
