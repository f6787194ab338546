#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "sluice/base/clock.h"

namespace sluice::meta {

/// Where a frame has been. The time between two neighbours is what the later one's stage cost,
/// waiting included.
enum class Stage { kArrived, kBatched, kInferred, kTracked, kDrawn, kDelivered };
inline constexpr std::size_t kStageCount = 6;
inline constexpr std::array<std::string_view, kStageCount> kStageWords{
    "arrived", "batched", "inferred", "tracked", "drawn", "delivered"};

/// Times at which a frame left each stage; the zero TimePoint where it has not been.
struct StageTimes {
    std::array<TimePoint, kStageCount> at{};
    TimePoint& operator[](Stage stage) { return at[static_cast<std::size_t>(stage)]; }
    TimePoint operator[](Stage stage) const { return at[static_cast<std::size_t>(stage)]; }
};

}  // namespace sluice::meta
