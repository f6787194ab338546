#pragma once

#include <string>
#include <vector>

#include "sluice/gst/infer_settings.h"
#include "sluice/meta/frame.h"

namespace sluice::app {

struct ModelTensor {
    std::string name;
    std::string type;
    std::string shape;  ///< "1x3x416x416"; ? where open
};

/// What a model is taken for, and what it finds in one picture.
struct ModelProbe {
    std::vector<ModelTensor> inputs;
    std::vector<ModelTensor> outputs;
    std::string summary;      ///< head, why, where labels and options came from
    std::string description;  ///< the file beside the model; "" where there is none
    std::string engine;
    std::vector<std::string> labels;
    std::vector<std::pair<std::string, std::string>> options;  ///< as they are in force
    std::string image;                                         ///< "" when it was made up
    memory::Size image_size;
    std::vector<meta::Object> objects;
    double load_ms = 0;
    double first_ms = 0;  ///< first run: pre-processing to objects
    double best_ms = 0;   ///< fastest of the next ones
};

/// Loads the model and runs it on an image file (JPEG, PNG, ..), or on a made-up picture where
/// `image` is empty. initialise() was called.
Result<ModelProbe> probe_model(const gst::InferSettings& settings, const std::string& image);

}  // namespace sluice::app
