#include <algorithm>
#include <map>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"
#include "sluice/infer/backends/cuda/lower.h"

namespace sluice::infer::cuda {
namespace {

template <class Convolution>
Window window_of(const Convolution& op) {
    Window window;
    window.stride = pair_of(op.get_strides());
    window.dilation = pair_of(op.get_dilations());
    window.pad_begin = pair_of(op.get_pads_begin());
    window.pad_end = pair_of(op.get_pads_end());
    return window;
}

/// Groups of channels that are no multiple of 8 are more than the matrix units can tell apart:
/// neighbours become one group, with zeros between them.
void join_groups(Conv& conv) {
    if (conv.groups == 1 || is_depthwise(conv)) return;
    const std::size_t area = static_cast<std::size_t>(conv.window.kernel[0]) *
                             static_cast<std::size_t>(conv.window.kernel[1]);
    const std::size_t outputs = conv.bias.size() / static_cast<std::size_t>(conv.groups);
    const std::size_t inputs = conv.weights.size() / conv.bias.size() / area;
    const auto groups = static_cast<std::size_t>(conv.groups);
    std::size_t joined = 1;
    while (joined < groups &&
           (groups % joined != 0 || outputs * joined % 8 != 0 || inputs * joined % 8 != 0))
        ++joined;
    if (joined == 1) return;
    std::vector<float> weights(conv.weights.size() * joined, 0.0f);
    for (std::size_t k = 0; k < conv.bias.size(); ++k) {
        const std::size_t first = k / outputs % joined * inputs;
        std::copy_n(
            conv.weights.begin() + static_cast<std::ptrdiff_t>(k * inputs * area),
            inputs * area,
            weights.begin() + static_cast<std::ptrdiff_t>((k * inputs * joined + first) * area));
    }
    conv.weights = std::move(weights);
    conv.groups /= static_cast<int>(joined);
}

/// Weights are [output, input, rows, columns], or with the group in front.
Result<void> import_conv(Importer& in, const ov::Node& node, Window window, bool grouped) {
    const ValueId weights = in.input(node, 1);
    const Value& value = in.value(weights);
    if (!value.data) return Importer::refuse(node, "computed weights are not supported");
    if (in.shape(in.input(node, 0)).size() != 4)
        return Importer::refuse(node, "only convolutions over two dimensions are supported");
    Conv conv;
    const std::size_t lead = grouped ? 1 : 0;
    if (grouped) conv.groups = static_cast<int>(value.shape[0]);
    window.kernel = {static_cast<int>(value.shape[lead + 2]),
                     static_cast<int>(value.shape[lead + 3])};
    conv.window = window;
    conv.weights = *value.data;
    conv.bias.assign(static_cast<std::size_t>(conv.groups * value.shape[lead]), 0.0f);
    if (value.steps.size() == conv.bias.size()) {
        conv.weight_steps = value.steps;
    } else if (value.steps.size() == 1) {
        conv.weight_steps.assign(conv.bias.size(), value.steps[0]);
    }
    join_groups(conv);
    in.add(node, std::move(conv), {in.input(node, 0)});
    return {};
}

Result<void> convolution(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v1::Convolution&>(node);
    if (op.get_strides().size() != 2)
        return Importer::refuse(node, "only convolutions over two dimensions are supported");
    return import_conv(in, node, window_of(op), false);
}

Result<void> group_convolution(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v1::GroupConvolution&>(node);
    if (op.get_strides().size() != 2)
        return Importer::refuse(node, "only convolutions over two dimensions are supported");
    return import_conv(in, node, window_of(op), true);
}

/// One of the convolutions that a transposed one is made of: it makes the outputs whose place
/// leaves `rest` over the stride, from the weights [input][output of the group][row][column] that
/// fall on them.
struct Phases {
    Window window;  ///< of the transposed convolution
    int groups = 1;
    std::size_t inputs = 0;   ///< of a group
    std::size_t outputs = 0;  ///< of a group
    Shape from;
    std::array<std::int64_t, 2> counts{};  ///< rows and columns that each phase makes

    Conv phase(const std::vector<float>& weights, const Pair& rest) const;
};

Conv Phases::phase(const std::vector<float>& weights, const Pair& rest) const {
    Conv conv;
    conv.groups = groups;
    for (std::size_t i = 0; i < 2; ++i) {
        conv.window.kernel[i] =
            std::max(1, (window.kernel[i] - rest[i] + window.stride[i] - 1) / window.stride[i]);
        conv.window.pad_begin[i] = conv.window.kernel[i] - 1;
        conv.window.pad_end[i] = static_cast<int>(counts[i] - from[2 + i]);
    }
    const auto [rows, columns] = conv.window.kernel;
    const std::size_t all = outputs * static_cast<std::size_t>(groups);
    conv.bias.assign(all, 0.0f);
    conv.weights.assign(all * inputs * static_cast<std::size_t>(rows * columns), 0.0f);
    std::size_t next = 0;
    for (std::size_t k = 0; k < all; ++k) {
        for (std::size_t c = 0; c < inputs; ++c) {
            const std::size_t kernel = (k / outputs * inputs + c) * outputs + k % outputs;
            for (int i = 0; i < rows * columns; ++i, ++next) {
                const int y = rest[0] + (rows - 1 - i / columns) * window.stride[0];
                const int x = rest[1] + (columns - 1 - i % columns) * window.stride[1];
                if (y >= window.kernel[0] || x >= window.kernel[1]) continue;
                conv.weights[next] = weights[(kernel * static_cast<std::size_t>(window.kernel[0]) +
                                              static_cast<std::size_t>(y)) *
                                                 static_cast<std::size_t>(window.kernel[1]) +
                                             static_cast<std::size_t>(x)];
            }
        }
    }
    if (!is_depthwise(conv)) join_groups(conv);
    return conv;
}

/// Convolutions side by side, each of which makes every stride-th row and column.
void add_phases(Importer& in, const ov::Node& node, const Phases& phases, const Value& weights) {
    const std::string& name = node.get_friendly_name();
    const Shape to = shape_of(node.output(0));
    const auto [rows, columns] = phases.counts;
    const auto [down, right] = phases.window.stride;
    std::vector<ValueId> lines;
    for (int y = 0; y < down; ++y) {
        std::vector<ValueId> places;
        for (int x = 0; x < right; ++x) {
            const ValueId part = in.emit(name,
                                         phases.phase(*weights.data, {y, x}),
                                         {in.input(node, 0)},
                                         {to[0], to[1], rows, columns});
            places.push_back(in.emit(name, Reshape{}, {part}, {to[0], to[1], rows, 1, columns, 1}));
        }
        lines.push_back(
            in.emit(name, Concat{5}, std::move(places), {to[0], to[1], rows, 1, columns, right}));
    }
    ValueId all =
        in.emit(name, Concat{3}, std::move(lines), {to[0], to[1], rows, down, columns, right});
    all = in.emit(name, Reshape{}, {all}, {to[0], to[1], rows * down, columns * right});
    Slice inner = everything(4);
    inner.begin[2] = phases.window.pad_begin[0];
    inner.begin[3] = phases.window.pad_begin[1];
    in.add(node, std::move(inner), {all});
}

/// Weights are [input, output, rows, columns], or with the group in front.
template <class Convolution, bool grouped>
Result<void> transposed_convolution(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const Convolution&>(node);
    if (op.get_strides().size() != 2)
        return Importer::refuse(node, "only convolutions over two dimensions are supported");
    if (node.get_input_size() > 2)
        return Importer::refuse(node, "a wanted shape is not supported, paddings are");
    if (op.get_dilations() != ov::Strides{1, 1})
        return Importer::refuse(node, "dilation is not supported here");
    const Value weights = in.value(in.input(node, 1));
    if (!weights.data) return Importer::refuse(node, "computed weights are not supported");
    const std::size_t lead = grouped ? 1 : 0;
    Phases phases;
    phases.window = window_of(op);
    phases.window.kernel = {static_cast<int>(weights.shape[lead + 2]),
                            static_cast<int>(weights.shape[lead + 3])};
    phases.groups = grouped ? static_cast<int>(weights.shape[0]) : 1;
    phases.inputs = static_cast<std::size_t>(weights.shape[lead]);
    phases.outputs = static_cast<std::size_t>(weights.shape[lead + 1]);
    phases.from = in.shape(in.input(node, 0));
    const Shape to = shape_of(node.output(0));
    for (std::size_t i = 0; i < 2; ++i) {
        const std::int64_t stride = phases.window.stride[i];
        if (phases.window.pad_begin[i] < 0)
            return Importer::refuse(node, "negative padding is not supported");
        const std::int64_t wanted = to[2 + i] + phases.window.pad_begin[i];
        phases.counts[i] = std::max((wanted + stride - 1) / stride, phases.from[2 + i]);
    }
    add_phases(in, node, phases, weights);
    return {};
}

/// Cut into blocks, turned, put together again. `order` is of the cut dimensions.
void turn_blocks(Importer& in, const ov::Node& node, const Shape& cut, std::vector<int> order) {
    Shape turned;
    for (int dimension : order)
        turned.push_back(cut[static_cast<std::size_t>(dimension)]);
    const std::string& name = node.get_friendly_name();
    ValueId x = in.emit(name, Reshape{}, {in.input(node, 0)}, cut);
    x = in.emit(name, Transpose{std::move(order)}, {x}, turned);
    in.add(node, Reshape{}, {x});
}

Result<void> depth_to_space(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::DepthToSpace&>(node);
    const Shape from = in.shape(in.input(node, 0));
    if (from.size() != 4) return Importer::refuse(node, "only images are supported");
    const auto block = static_cast<std::int64_t>(op.get_block_size());
    const std::int64_t channels = from[1] / block / block;
    if (op.get_mode() == ov::op::v0::DepthToSpace::DepthToSpaceMode::BLOCKS_FIRST) {
        turn_blocks(
            in, node, {from[0], block, block, channels, from[2], from[3]}, {0, 3, 4, 1, 5, 2});
    } else {
        turn_blocks(
            in, node, {from[0], channels, block, block, from[2], from[3]}, {0, 1, 4, 2, 5, 3});
    }
    return {};
}

Result<void> space_to_depth(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::SpaceToDepth&>(node);
    const Shape from = in.shape(in.input(node, 0));
    if (from.size() != 4) return Importer::refuse(node, "only images are supported");
    const auto block = static_cast<std::int64_t>(op.get_block_size());
    const Shape cut{from[0], from[1], from[2] / block, block, from[3] / block, block};
    if (op.get_mode() == ov::op::v0::SpaceToDepth::SpaceToDepthMode::BLOCKS_FIRST) {
        turn_blocks(in, node, cut, {0, 3, 5, 1, 2, 4});
    } else {
        turn_blocks(in, node, cut, {0, 1, 3, 5, 2, 4});
    }
    return {};
}

}  // namespace

Handler find_conv_handler(std::string_view type) {
    using ov::op::v1::ConvolutionBackpropData;
    using ov::op::v1::GroupConvolutionBackpropData;
    static const std::map<std::string_view, Handler> table{
        {"Convolution", convolution},
        {"GroupConvolution", group_convolution},
        {"ConvolutionBackpropData", transposed_convolution<ConvolutionBackpropData, false>},
        {"GroupConvolutionBackpropData",
         transposed_convolution<GroupConvolutionBackpropData, true>},
        {"DepthToSpace", depth_to_space},
        {"SpaceToDepth", space_to_depth},
    };
    auto found = table.find(type);
    return found == table.end() ? nullptr : found->second;
}

}  // namespace sluice::infer::cuda
