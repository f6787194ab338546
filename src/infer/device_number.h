#pragma once

#include <optional>
#include <string>

namespace sluice::infer {

/// The number in the device words "cuda" (0) and "cuda:2"; nothing where they mean another device.
std::optional<int> device_number(const std::string& device);

}  // namespace sluice::infer
