#pragma once

#include <string>

#include "sluice/base/result.h"

namespace sluice::infer {

/// SHA-256 of the model's file, and of the .bin beside an OpenVINO .xml; what ONNX keeps in files
/// of their own is not looked at. kIo; kUnsupported for a model that is a folder.
Result<std::string> model_hash(const std::string& path);

}  // namespace sluice::infer
