#pragma once

#include <memory>

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// Does the model `many` give for each item of its batch what `one` gives for that item alone?
/// Tried on made-up numbers in fp32. May throw what OpenVINO throws.
bool items_agree(const std::shared_ptr<const ov::Model>& one,
                 const std::shared_ptr<const ov::Model>& many);

}  // namespace sluice::infer
