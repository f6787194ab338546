#include <algorithm>
#include <cmath>
#include <optional>

#include <openvino/op/constant.hpp>
#include <openvino/op/fake_quantize.hpp>

#include "sluice/infer/backends/cuda/grid.h"
#include "sluice/infer/backends/cuda/import_detail.h"
#include "sluice/infer/backends/cuda/reference_detail.h"

namespace sluice::infer::cuda {
namespace {

using ov::op::v0::FakeQuantize;

/// Rounds to `levels` numbers from `in_low` to `in_high`, which then lie from `low` to `high`.
struct Rounding {
    float in_low = 0;
    float in_high = 0;
    float low = 0;
    float high = 0;
    float levels = 256;

    float step() const { return (in_high - in_low) / (levels - 1); }
    float operator()(float x) const {
        const float q = std::nearbyint((std::clamp(x, in_low, in_high) - in_low) / step());
        return q / (levels - 1) * (high - low) + low;
    }
    bool keeps_range() const { return in_low == low && in_high == high; }

    /// The grid that it rounds to, where that is one of 8 bits.
    std::optional<Grid> grid() const {
        if (levels != 256 || !keeps_range() || step() <= 0) return {};
        const float zero = -128 - low / step();
        const float whole = std::nearbyint(zero);
        if (std::fabs(zero - whole) > 0.02f || std::fabs(whole) > 128) return {};
        return Grid{step(), whole};
    }
};

std::vector<PointStep> steps_of(const Rounding& rounding) {
    using enum PointOp;
    if (const auto grid = rounding.grid()) return {{kRound8, -1, grid->step, grid->zero}};
    return {{kClamp, -1, rounding.in_low, rounding.in_high},
            {kSub, -1, rounding.in_low},
            {kDiv, -1, rounding.step()},
            {kRound},
            {kMul, -1, (rounding.high - rounding.low) / (rounding.levels - 1)},
            {kAdd, -1, rounding.low}};
}

/// One of the four range inputs, for every number of `data`.
class Bound {
public:
    Bound(const Value& value, const Shape& data)
        : numbers_(*value.data), strides_(reference::strides_of(value.shape, data.size())) {}

    float at(const std::vector<reference::Index>& place) const {
        return numbers_[reference::at(reference::offset(place, strides_))];
    }

private:
    const std::vector<float>& numbers_;
    std::vector<reference::Index> strides_;
};

/// The step of each output channel, where all rounded weights are multiples of it of 8 bits.
std::vector<float> weight_steps(const Value& low,
                                const Value& high,
                                const Shape& data,
                                float levels) {
    std::int64_t channels = 1;
    for (std::size_t i = 0; channels < memory::element_count(high.shape) && i < data.size(); ++i)
        channels *= data[i];
    // One range for each of the first numbers, so that they are the output channels.
    if (low.data->size() != high.data->size() || channels != memory::element_count(high.shape))
        return {};
    std::vector<float> steps;
    for (std::size_t k = 0; k < high.data->size(); ++k) {
        const float step = ((*high.data)[k] - (*low.data)[k]) / (levels - 1);
        const float least = (*low.data)[k] / step;
        if (std::fabs(least - std::nearbyint(least)) > 0.02f || least < -128.5f ||
            least + levels - 1 > 127.5f)
            return {};
        steps.push_back(step);
    }
    return steps;
}

Result<void> round_constant(Importer& in, const ov::Node& node, float levels) {
    const Value data = in.value(in.input(node, 0));
    std::vector<Value> ranges;
    for (std::size_t i = 1; i < 5; ++i)
        ranges.push_back(in.value(in.input(node, i)));
    const Bound in_low(ranges[0], data.shape), in_high(ranges[1], data.shape);
    const Bound low(ranges[2], data.shape), high(ranges[3], data.shape);
    std::vector<float> rounded;
    rounded.reserve(data.data->size());
    reference::for_each_place(data.shape, [&](const std::vector<reference::Index>& place) {
        const Rounding round{
            in_low.at(place), in_high.at(place), low.at(place), high.at(place), levels};
        rounded.push_back(round((*data.data)[rounded.size()]));
    });
    in.add_constant(
        node, std::move(rounded), weight_steps(ranges[2], ranges[3], data.shape, levels));
    return {};
}

Result<void> fake_quantise(Importer& in, const ov::Node& node) {
    const auto levels = static_cast<float>(static_cast<const FakeQuantize&>(node).get_levels());
    for (std::size_t i = 1; i < 5; ++i) {
        if (!in.value(in.input(node, i)).data)
            return Importer::refuse(node, "a computed range is not supported");
    }
    if (in.value(in.input(node, 0)).data) return round_constant(in, node, levels);
    Rounding round;
    round.levels = levels;
    float* const bounds[] = {&round.in_low, &round.in_high, &round.low, &round.high};
    for (std::size_t i = 0; i < 4; ++i) {
        const Value& value = in.value(in.input(node, i + 1));
        const auto& numbers = *value.data;
        if (std::any_of(
                numbers.begin(), numbers.end(), [&](float x) { return x != numbers.front(); }))
            return Importer::refuse(node, "a range for each channel is not supported here");
        *bounds[i] = numbers.front();
    }
    in.add(node, Pointwise{}, {in.input(node, 0)}, steps_of(round));
    return {};
}

}  // namespace

Handler find_quantise_handler(std::string_view type) {
    return type == "FakeQuantize" ? fake_quantise : nullptr;
}

}  // namespace sluice::infer::cuda
