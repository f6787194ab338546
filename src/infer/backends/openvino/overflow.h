#pragma once

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// Does this CPU add pairs of 8-bit products in 16 bits, as x86 without VNNI does? Two large
/// weights then come to less than they are, without a word. Tried on a small network, at the first
/// call. Thread-safe. May throw what OpenVINO throws.
bool int8_overflows();

/// Makes the steps of weights that are rounded to 8 bits as much larger as it takes, channel by
/// channel, that no pair overflows whatever the inputs: at the most twice, which is 7 bits.
void widen_weights(ov::Model& model);

}  // namespace sluice::infer
