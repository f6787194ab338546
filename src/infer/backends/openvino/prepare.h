#pragma once

#include <memory>
#include <string>

#include <openvino/core/model.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer {

struct PreparedModel {
    std::shared_ptr<ov::Model> model;
    int batch = 1;  ///< 1 where the model does not allow the one asked for
    int stems = 0;  ///< focus stems made one convolution
};

/// A copy of the model as every device gets it: open extents closed, the batch set, the adaptation
/// in the graph, shapes fixed, constants folded; quantisation that the model brings is
/// FakeQuantize, whatever it was. `path` is for messages. May throw what OpenVINO throws.
Result<PreparedModel> prepare(const std::string& path,
                              const ov::Model& model,
                              const InputAdaptation& adaptation,
                              int batch);

}  // namespace sluice::infer
