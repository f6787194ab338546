#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sluice/infer/heads/head.h"

namespace sluice::infer {

/// A made-up network's outputs, for tests and benchmarks.
class TestOutputs {
public:
    /// Batch included in `shape`; values stay where they are when more outputs are added.
    std::vector<float>& add(const std::string& name, const memory::Shape& shape) {
        const auto count = static_cast<std::size_t>(memory::element_count(shape));
        std::vector<float>& data = values_.emplace_back(count);
        specs.push_back({name, memory::ElementType::kF32, shape, Layout::kOther});
        views.push_back({name, memory::ElementType::kF32, shape, data.data()});
        return data;
    }

    std::vector<TensorSpec> specs;
    std::vector<memory::TensorView> views;

private:
    std::deque<std::vector<float>> values_;
};

inline void fill_random(std::vector<float>& values, float low, float high, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> number(low, high);
    for (float& value : values)
        value = number(random);
}

/// Mostly small, now and then large: like the scores of a real picture.
inline void fill_scores(std::vector<float>& values, unsigned seed) {
    fill_random(values, 0, 1, seed);
    for (float& value : values)
        value = value * value * value * value * value * value;
}

}  // namespace sluice::infer
