#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sluice/app/pictures.h"
#include "sluice/eval/detections.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/infer/calibration.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/model_file.h"
#include "sluice/infer/postprocess.h"

namespace sluice::tuner {

/// A picture as the network gets it, and where it came from.
struct Sample {
    std::string name;
    memory::Size size;  ///< of the picture
    image::Placement placement;
    std::vector<std::byte> input;  ///< as the pre-processing wrote it
    int half = 0;                  ///< of its source, 0 or 1: one half judges what the other taught
    float spread = 0;              ///< of its values, 0..255; of the channel with the most
};

/// What a network says of a sample.
struct Answer {
    /// A detector: boxes from kLowestScore on, in pixels of the picture; all of image 0.
    std::vector<eval::DetectedBox> boxes;
    std::vector<std::vector<float>> vectors;  ///< another network: its outputs
};

/// A model with all that stands around it at run time, ready to be run on samples in one
/// arithmetic after the other. Thread-bound.
class Subject {
public:
    /// Boxes that users may never see, but mean average precision does.
    static constexpr float kLowestScore = 0.01f;
    /// Scores below are for nobody, whatever the model's options say.
    static constexpr float kLeastThreshold = 0.25f;

    /// Errors: what loading gives; kUnsupported for a model without an image input.
    static Result<std::unique_ptr<Subject>> open(const gst::InferSettings& settings);

    const infer::ModelDescription& description() const { return description_; }
    bool detects() const { return description_.head.detects(); }
    bool classifies() const { return description_.head.kind() == infer::HeadKind::kClassifier; }
    /// Above what scores users see boxes, by class.
    std::span<const float> thresholds() const { return thresholds_; }
    Result<std::vector<infer::QuantizableLayer>> layers() {
        return model_->quantizable(adaptation_);
    }

    /// Runs the pre-processing.
    Result<Sample> prepare(const app::Picture& picture);
    /// The picture in a sample, as RGB in the size of the network's input.
    memory::Image picture(const Sample& sample) const;

    /// Model::observe(): fp32, or what int8 would compute on the device of the settings.
    Result<std::unique_ptr<infer::Engine>> observe(const std::vector<std::string>& tensors,
                                                   const infer::Calibration* calibration);
    /// As a run would have it, on the device of the settings.
    Result<std::unique_ptr<infer::Engine>> compile(
        infer::Precision precision,
        std::shared_ptr<const infer::Calibration> calibration,
        int batch = 1);

    using Visit = std::function<Result<void>(std::size_t sample,
                                             std::span<const memory::TensorView> outputs)>;
    /// Runs the samples and visits what comes out, in their order.
    Result<void> run(infer::Engine& engine,
                     std::span<const Sample* const> samples,
                     const Visit& visit);
    /// Runs the samples and reads the outputs.
    Result<std::vector<Answer>> answers(infer::Engine& engine,
                                        std::span<const Sample* const> samples);
    /// An output that held NaN in the last answers(), or an infinity, of which heads of detectors
    /// may make something; "" where none did.
    const std::string& broken_output() const { return broken_output_; }

private:
    Subject() = default;
    /// Outputs (the model's own come first) of a sample that ran alone.
    Result<Answer> answer(const Sample& sample, std::span<const memory::TensorView> outputs);
    void look_for_broken(std::span<const memory::TensorView> outputs);

    infer::RunnerOptions options_;
    int device_ = memory::kHostMemory;
    infer::ModelDescription description_;
    infer::InputAdaptation adaptation_;
    std::unique_ptr<infer::Model> model_;
    std::optional<image::Preprocessor> preprocessor_;
    std::unique_ptr<infer::Postprocessor> postprocessor_;  ///< of a detector, at kLowestScore
    std::vector<float> thresholds_;
    std::vector<meta::Detection> found_;  ///< scratch
    std::string broken_output_;
};

/// The address of each.
std::vector<const Sample*> pointers(std::span<const Sample> samples);

}  // namespace sluice::tuner
