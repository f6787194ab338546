#pragma once

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// Turns each "focus" stem (four slices that take every second row and column, concatenated, then
/// a 3x3 convolution of stride 1; YOLOX and early YOLOv5) into the one 6x6 convolution of stride 2
/// that it equals. Returns how many were found.
int fold_focus(ov::Model& model);

}  // namespace sluice::infer
