#include "sluice/infer/heads/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sluice/infer/heads/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::infer::heads::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float max_value(const float* values, std::size_t count) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    float best = values[0];
    std::size_t i = 0;
    if (count >= 4 * lanes) {
        auto a = hn::LoadU(d, values);
        auto b = a;
        auto c = a;
        auto e = a;
        for (; i + 4 * lanes <= count; i += 4 * lanes) {
            a = hn::Max(a, hn::LoadU(d, values + i));
            b = hn::Max(b, hn::LoadU(d, values + i + lanes));
            c = hn::Max(c, hn::LoadU(d, values + i + 2 * lanes));
            e = hn::Max(e, hn::LoadU(d, values + i + 3 * lanes));
        }
        best = hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
    }
    for (; i < count; ++i)
        best = values[i] > best ? values[i] : best;
    return best;
}

// Four vectors of columns at a time walk down all rows in registers: each input value is read once,
// and the rows of one block are whole cache lines.
void max_over_rows(
    const float* values, std::size_t rows, std::size_t stride, std::size_t count, float* best) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
        const float* column = values + i;
        auto a = hn::LoadU(d, column);
        auto b = hn::LoadU(d, column + lanes);
        auto c = hn::LoadU(d, column + 2 * lanes);
        auto e = hn::LoadU(d, column + 3 * lanes);
        for (std::size_t row = 1; row < rows; ++row) {
            column += stride;
            a = hn::Max(a, hn::LoadU(d, column));
            b = hn::Max(b, hn::LoadU(d, column + lanes));
            c = hn::Max(c, hn::LoadU(d, column + 2 * lanes));
            e = hn::Max(e, hn::LoadU(d, column + 3 * lanes));
        }
        hn::StoreU(a, d, best + i);
        hn::StoreU(b, d, best + i + lanes);
        hn::StoreU(c, d, best + i + 2 * lanes);
        hn::StoreU(e, d, best + i + 3 * lanes);
    }
    for (; i < count; ++i) {
        best[i] = values[i];
        for (std::size_t row = 1; row < rows; ++row) {
            float value = values[row * stride + i];
            best[i] = value > best[i] ? value : best[i];
        }
    }
}

// shared > threshold * union needs no division.
bool overlaps_any(const BoxColumns& boxes, const Edges& box, float threshold) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    const auto left = hn::Set(d, box.left);
    const auto top = hn::Set(d, box.top);
    const auto right = hn::Set(d, box.right);
    const auto bottom = hn::Set(d, box.bottom);
    const auto area = hn::Set(d, box.area);
    const auto limit = hn::Set(d, threshold);
    const auto zero = hn::Zero(d);
    std::size_t i = 0;
    for (; i + lanes <= boxes.count; i += lanes) {
        auto width = hn::Sub(hn::Min(right, hn::LoadU(d, boxes.right + i)),
                             hn::Max(left, hn::LoadU(d, boxes.left + i)));
        auto height = hn::Sub(hn::Min(bottom, hn::LoadU(d, boxes.bottom + i)),
                              hn::Max(top, hn::LoadU(d, boxes.top + i)));
        auto shared = hn::Mul(hn::Max(width, zero), hn::Max(height, zero));
        auto both = hn::Sub(hn::Add(area, hn::LoadU(d, boxes.area + i)), shared);
        if (!hn::AllFalse(d, hn::Gt(shared, hn::Mul(limit, both)))) return true;
    }
    for (; i < boxes.count; ++i) {
        float width = HWY_MIN(box.right, boxes.right[i]) - HWY_MAX(box.left, boxes.left[i]);
        float height = HWY_MIN(box.bottom, boxes.bottom[i]) - HWY_MAX(box.top, boxes.top[i]);
        float shared = HWY_MAX(width, 0.f) * HWY_MAX(height, 0.f);
        if (shared > threshold * (box.area + boxes.area[i] - shared)) return true;
    }
    return false;
}

}  // namespace sluice::infer::heads::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::infer::heads {

HWY_EXPORT(max_value);
HWY_EXPORT(max_over_rows);
HWY_EXPORT(overlaps_any);

float max_value(const float* values, std::size_t count) {
    return HWY_DYNAMIC_DISPATCH(max_value)(values, count);
}

void max_over_rows(
    const float* values, std::size_t rows, std::size_t stride, std::size_t count, float* best) {
    HWY_DYNAMIC_DISPATCH(max_over_rows)(values, rows, stride, count, best);
}

bool overlaps_any(const BoxColumns& boxes, const Edges& box, float threshold) {
    return HWY_DYNAMIC_DISPATCH(overlaps_any)(boxes, box, threshold);
}

std::size_t index_of_max(const float* values, std::size_t count) {
    const float best = max_value(values, count);
    std::size_t i = 0;
    while (i + 1 < count && values[i] != best)
        ++i;
    return i;
}

std::size_t index_of_max(const float* values, std::size_t count, std::size_t stride) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < count; ++i) {
        if (values[i * stride] > values[best * stride]) best = i;
    }
    return best;
}

}  // namespace sluice::infer::heads
#endif
