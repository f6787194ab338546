#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sluice/image/preprocess.h"
#include "sluice/memory/tensor.h"

/// Plans for tests, and what came of them as numbers.
namespace sluice::image::detail {

inline PreprocessPlan plan_of(memory::Size size,
                              memory::ElementType type = memory::ElementType::kU8,
                              TensorLayout layout = TensorLayout::kNchw) {
    PreprocessPlan plan;
    plan.size = size;
    plan.type = type;
    plan.layout = layout;
    return plan;
}

inline Rect whole(memory::Size size) {
    return {0, 0, static_cast<float>(size.width), static_cast<float>(size.height)};
}

inline double from_f16(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const int significand = bits & 1023;
    const double value = exponent == 0 ? std::ldexp(significand, -24)
                                       : std::ldexp(1024 + significand, exponent - 25);
    return bits >> 15 ? -value : value;
}

inline std::vector<double> elements(const std::vector<std::uint8_t>& tensor,
                                    memory::ElementType type) {
    const std::size_t size = memory::element_size(type);
    std::vector<double> out;
    for (std::size_t i = 0; i < tensor.size(); i += size) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, tensor.data() + i, size);
        if (type == memory::ElementType::kBf16) bits <<= 16;
        float single = 0;
        std::memcpy(&single, &bits, sizeof single);
        if (type == memory::ElementType::kU8)
            out.push_back(bits);
        else
            out.push_back(type == memory::ElementType::kF16
                              ? from_f16(static_cast<std::uint16_t>(bits))
                              : static_cast<double>(single));
    }
    return out;
}

/// What preprocess.h promises: part of a level, and the type's own precision.
inline double allowed(double value, memory::ElementType type, float scale) {
    const double levels = std::fabs(scale) / 8;
    switch (type) {
        case memory::ElementType::kU8:
            return std::max(1.0, 1.0 + std::floor(levels));
        case memory::ElementType::kF16:
            return levels + std::fabs(value) / 1024;
        case memory::ElementType::kBf16:
            return levels + std::fabs(value) / 128;
        default:
            return levels;
    }
}

}  // namespace sluice::image::detail
