#pragma once

#include "sluice/infer/backends/cuda/detect.h"

/// What candidates are compared by, as Nms does it.
namespace sluice::infer::cuda {

inline __device__ float overlap(const Edges& a, const Edges& b) {
    const float width = fminf(b.right, a.right) - fmaxf(b.left, a.left);
    const float height = fminf(b.bottom, a.bottom) - fmaxf(b.top, a.top);
    return fmaxf(width, 0.0f) * fmaxf(height, 0.0f);
}

/// Would the better one of area `a_area` suppress `b`, sharing so much with it?
inline __device__ bool is_too_much(float shared, float a_area, float b_area, float threshold) {
    return shared > threshold * (b_area + a_area - shared);
}

}  // namespace sluice::infer::cuda
