#pragma once

#include <map>
#include <string>
#include <vector>

#include "sluice/infer/calibration.h"
#include "sluice/infer/calibration/ranges.h"
#include "sluice/tuner/activations.h"
#include "sluice/tuner/subject.h"

namespace sluice::tuner {

/// Layers that stay in float, and why.
using Floats = std::map<std::string, std::string>;

/// How a network is to be quantised, but for the numbers.
struct Recipe {
    infer::RangeMethod method = infer::RangeMethod::kMax;
    std::map<std::string, infer::RangeMethod> of_tensors;  ///< where it is another
    Floats floats;
    bool bias = false;
};

/// A network, what was seen of it, and the numbers that turn recipes into calibrations.
struct Workbench {
    Subject& subject;
    std::string model_hash;
    std::vector<infer::QuantizableLayer> layers;
    Activations activations;
    std::array<std::vector<infer::BiasCorrection>, kParts> bias{};  ///< where it was worked out

    /// The numbers taught by that part of the samples. Tensors that a layer reads with zeros around
    /// them get symmetric ranges, where that layer is not in float: devices pad with step 0.
    /// Pixels, which first layers read, keep all their range, and from 0 on their own 256 steps:
    /// CPUs can pad these, and CUDA computes such layers in fp16.
    infer::Calibration calibration(const Recipe& recipe, Part part) const;
    /// Nothing but this layer in int8.
    infer::Calibration alone(const Recipe& recipe, const std::string& layer) const;
};

/// The layer's multiply-adds as a share of all.
double share_of(const infer::QuantizableLayer& layer,
                const std::vector<infer::QuantizableLayer>& layers);

/// Multiply-adds that are left to int8, as a share of all.
double int8_share(const std::vector<infer::QuantizableLayer>& layers, const Floats& floats);

/// What int8 would answer, in emulation.
Result<std::vector<Answer>> emulated(Subject& subject,
                                     const infer::Calibration& calibration,
                                     std::span<const Sample* const> samples);

/// Everything but one layer in float.
infer::Calibration only(infer::Calibration calibration,
                        const std::vector<infer::QuantizableLayer>& layers,
                        const std::string& layer);

/// What each layer's output channels lose on average in int8, to be added to their biases
/// (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
/// 2019, 4.2, with the user's images in place of the analytic means). A few layers at a time in the
/// order in which they run, as each correction changes what comes after it.
Result<std::vector<infer::BiasCorrection>> bias_corrections(
    const Workbench& bench,
    const Recipe& recipe,
    Part part,
    const std::vector<const Sample*>& samples);

}  // namespace sluice::tuner
