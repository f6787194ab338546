#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::track::detail {

/// How a value written under another name becomes ours.
enum class Conversion {
    kNone,
    kFromCost,  ///< 1 - value: a highest cost becomes a lowest score
};

struct Alias {
    std::string_view name;
    std::string_view option;
    Conversion conversion = Conversion::kNone;
};

/// Names from the trackers' own implementations.
std::span<const Alias> aliases();

/// Groups of an nvtracker YAML file whose keys we look at, and those that mean nothing to us.
std::span<const std::string_view> walked_groups();
std::span<const std::string_view> ignored_groups();
/// Keys that nvtracker knows in the walked groups, whatever we make of them.
std::span<const std::string_view> deepstream_keys();

/// "maxShadowTrackingAge", "max_shadow_tracking_age" and "max-shadow-tracking-age" are one word.
std::string canonical(std::string_view key);

}  // namespace sluice::track::detail
