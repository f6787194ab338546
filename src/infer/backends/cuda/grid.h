#pragma once

namespace sluice::infer::cuda {

/// What a number of 8 bits stands for: the whole number q, from -128 to 127, is (q - zero) * step.
struct Grid {
    float step = 1;
    float zero = 0;
    friend bool operator==(const Grid&, const Grid&) = default;
};

}  // namespace sluice::infer::cuda
