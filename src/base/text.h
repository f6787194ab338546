#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/result.h"

namespace sluice {

std::string_view trim(std::string_view text);
/// Pieces between `separator`s, each trimmed; an empty text gives no piece.
std::vector<std::string_view> split(std::string_view text, char separator);
/// "gpu NVIDIA H100" -> {"gpu", "NVIDIA H100"}; the rest is as it stands, "" without a space.
std::pair<std::string_view, std::string_view> first_word(std::string_view text);
std::string to_lower(std::string_view text);

/// The known name that is nearest to `name` (edit distance, case and -_ ignored), or empty when
/// none is near enough to be what was meant.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

/// "no option 'batchsize'; did you mean 'batch-size'?" or the list of known names when none is
/// near.
std::string unknown_name(std::string_view kind,
                         std::string_view name,
                         std::span<const std::string_view> known);

Result<double> parse_number(std::string_view text);
Result<long long> parse_integer(std::string_view text);
/// true/false, yes/no, on/off, 1/0
Result<bool> parse_bool(std::string_view text);

}  // namespace sluice
