#pragma once

#include <cstdint>
#include <string>

namespace sluice::app::detail {

/// How many bytes a video file lacks of what its own head declares (AVI, MP4, Matroska); 0 where it
/// is whole, of another kind, or no readable file.
std::uint64_t missing_bytes(const std::string& path);

}  // namespace sluice::app::detail
