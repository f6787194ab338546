#pragma once

#include <cstdint>
#include <limits>

#include "sluice/base/strong_id.h"

namespace sluice::meta {

/// The mux's pad number: unique among live sources, reused only after the source has left.
using SourceId = StrongId<struct SourceIdTag, std::uint32_t>;
/// Unique per source and run; kUntracked when no tracker has seen the object.
using TrackId = StrongId<struct TrackIdTag, std::uint64_t>;
using ClassId = StrongId<struct ClassIdTag, std::int32_t>;

inline constexpr TrackId kUntracked{std::numeric_limits<std::uint64_t>::max()};

}  // namespace sluice::meta
