#pragma once

#include <string>
#include <string_view>

#include "sluice/base/result.h"

namespace sluice {

/// Added to a file's name, with six letters more, until it is whole.
inline constexpr const char* kPartEnding = ".part-";

/// Writes a file whole or not at all, by way of one of its own: readers see the old one or the new
/// one, never a part, whoever else writes it at the same time. kIo, where `what` says what the file
/// is: "the engine file".
Result<void> replace_file(const std::string& path, std::string_view text, std::string_view what);

/// Could replace_file() write there now? To be asked before long work whose result goes there. kIo.
Result<void> check_replaceable(const std::string& path, std::string_view what);

}  // namespace sluice
