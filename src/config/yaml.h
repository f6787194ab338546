#pragma once

#include <string>
#include <string_view>

#include "sluice/config/value.h"

namespace sluice::config {

/// Reads a YAML file. Errors name file and line.
Result<Value> read_yaml(const std::string& path);
/// The same from memory; `name` stands for the file in errors.
Result<Value> parse_yaml(std::string_view text, const std::string& name);

}  // namespace sluice::config
