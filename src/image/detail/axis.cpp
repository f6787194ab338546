#include "sluice/image/detail/axis.h"

#include <algorithm>
#include <cmath>

namespace sluice::image::detail {

void build_axis(const AxisPlan& plan, Axis& axis) {
    const double source_scale = 1.0 / (1 << plan.source_shift);
    const double origin = plan.start * source_scale;
    const double step = plan.extent / plan.outputs * (1 << plan.output_shift) * source_scale;
    const int count = (plan.outputs + (1 << plan.output_shift) - 1) >> plan.output_shift;
    const int plane_size = (plan.source_size + (1 << plan.source_shift) - 1) >> plan.source_shift;
    const int low = std::clamp(static_cast<int>(std::floor(origin)), 0, plane_size - 1);
    const int end = static_cast<int>(std::ceil((plan.start + plan.extent) * source_scale));
    axis.last = std::clamp(end - 1, low, plane_size - 1);

    axis.index.resize(static_cast<std::size_t>(count));
    axis.weight.resize(static_cast<std::size_t>(count + kRowPadding));
    bool direct = true;
    for (int i = 0; i < count; ++i) {
        const double at = std::clamp(origin + (i + 0.5) * step - 0.5,
                                     static_cast<double>(low),
                                     static_cast<double>(axis.last));
        const int before = static_cast<int>(at);
        const int weight = std::min(static_cast<int>((at - before) * 32768.0 + 0.5), 32767);
        const auto slot = static_cast<std::size_t>(i);
        axis.index[slot] = before;
        axis.weight[slot] = static_cast<std::int16_t>(weight);
        direct = direct && weight == 0 && before == axis.index[0] + i;
    }
    axis.direct = direct;
    axis.first = axis.index.front();
    for (std::int32_t& index : axis.index)
        index -= axis.first;
    axis.span = std::min(axis.index.back() + 2, axis.last - axis.first + 1);
}

}  // namespace sluice::image::detail
