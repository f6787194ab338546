#include "sluice/image/detail/axis.h"

#include <algorithm>
#include <cmath>

namespace sluice::image::detail {
namespace {

/// Exact to a thousandth of a sample even after 65,536 steps.
constexpr int kFraction = 32;

std::int64_t fixed(double value) {
    return std::llround(std::ldexp(value, kFraction));
}

}  // namespace

AxisLine axis_line(const AxisPlan& plan) {
    const double source_scale = 1.0 / (1 << plan.source_shift);
    const double origin = plan.start * source_scale;
    const double step = plan.extent / plan.outputs * (1 << plan.output_shift) * source_scale;
    const int plane_size = (plan.source_size + (1 << plan.source_shift) - 1) >> plan.source_shift;
    const int low = std::clamp(static_cast<int>(std::floor(origin)), 0, plane_size - 1);
    const int end = static_cast<int>(std::ceil((plan.start + plan.extent) * source_scale));
    return {fixed(origin + 0.5 * step - 0.5),
            fixed(step),
            low,
            std::clamp(end - 1, low, plane_size - 1)};
}

void build_axis(const AxisPlan& plan, Axis& axis) {
    const AxisLine line = axis_line(plan);
    const int count = (plan.outputs + (1 << plan.output_shift) - 1) >> plan.output_shift;
    axis.last = line.last;
    axis.index.resize(static_cast<std::size_t>(count));
    axis.weight.resize(static_cast<std::size_t>(count) + kRowPadding);
    const std::int64_t half_weight = 1 << (kFraction - 16);  // so that weights are rounded
    std::int64_t at = line.at + half_weight;
    bool direct = true;
    for (std::size_t i = 0; i < axis.index.size(); ++i, at += line.step) {
        const std::int64_t sample = std::clamp(at,
                                               static_cast<std::int64_t>(line.low) << kFraction,
                                               static_cast<std::int64_t>(line.last) << kFraction);
        axis.index[i] = static_cast<std::int32_t>(sample >> kFraction);
        axis.weight[i] = static_cast<std::int16_t>(sample >> (kFraction - 15) & 0x7FFF);
        direct = direct && axis.weight[i] == 0 &&
                 axis.index[i] == axis.index[0] + static_cast<std::int32_t>(i);
    }
    axis.direct = direct;
    axis.first = axis.index.front();
    for (std::int32_t& index : axis.index)
        index -= axis.first;
    axis.span = std::min(axis.index.back() + 2, axis.last - axis.first + 1);
}

}  // namespace sluice::image::detail
