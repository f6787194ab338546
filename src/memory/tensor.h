#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sluice::memory {

enum class ElementType { kF32, kF16, kBf16, kU8, kI8, kI32, kI64 };

constexpr std::size_t element_size(ElementType type) {
    switch (type) {
        case ElementType::kF32:
        case ElementType::kI32:
            return 4;
        case ElementType::kF16:
        case ElementType::kBf16:
            return 2;
        case ElementType::kU8:
        case ElementType::kI8:
            return 1;
        case ElementType::kI64:
            return 8;
    }
    return 0;
}

/// Extents, outermost first; dimension 0 is the batch.
using Shape = std::vector<std::int64_t>;

inline std::int64_t element_count(const Shape& shape) {
    std::int64_t count = 1;
    for (std::int64_t extent : shape)
        count *= extent;
    return count;
}

/// Dense row-major data that somebody else owns; valid for the call it is passed to.
struct TensorView {
    std::string name;
    ElementType type = ElementType::kF32;
    Shape shape;
    const void* data = nullptr;

    /// For type kF32 only.
    std::span<const float> floats() const {
        return {static_cast<const float*>(data), static_cast<std::size_t>(element_count(shape))};
    }
};

}  // namespace sluice::memory
