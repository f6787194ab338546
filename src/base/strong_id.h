#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace sluice {

/// An integer of its own kind: ids of different tags do not convert into each other.
template <class Tag, class Integer>
struct StrongId {
    Integer value = 0;

    constexpr StrongId() = default;
    constexpr explicit StrongId(Integer v) : value(v) {}
    friend constexpr auto operator<=>(StrongId, StrongId) = default;
};

}  // namespace sluice

template <class Tag, class Integer>
struct std::hash<sluice::StrongId<Tag, Integer>> {
    std::size_t operator()(sluice::StrongId<Tag, Integer> id) const {
        return std::hash<Integer>{}(id.value);
    }
};
