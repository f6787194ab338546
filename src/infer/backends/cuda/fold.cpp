#include "sluice/infer/backends/cuda/fold.h"

#include <algorithm>

namespace sluice::infer::cuda {
namespace {

/// Multiplies channel by channel.
void scale(Conv& conv, const std::vector<float>& factors) {
    const std::size_t length = conv.weights.size() / conv.bias.size();
    for (std::size_t k = 0; k < conv.bias.size(); ++k) {
        conv.bias[k] *= factors[k];
        if (!conv.weight_steps.empty()) conv.weight_steps[k] *= factors[k];
        for (std::size_t i = 0; i < length; ++i)
            conv.weights[k * length + i] *= factors[k];
    }
}

bool fold_step(Conv& conv, PointOp op, std::vector<float> y) {
    using enum PointOp;
    switch (op) {
        case kMul:
            scale(conv, y);
            return true;
        case kDiv:
            std::transform(y.begin(), y.end(), y.begin(), [](float v) { return 1.0f / v; });
            scale(conv, y);
            return true;
        case kSubFrom:
            scale(conv, std::vector<float>(y.size(), -1.0f));
            [[fallthrough]];
        case kAdd:
            for (std::size_t k = 0; k < y.size(); ++k)
                conv.bias[k] += y[k];
            return true;
        case kSub:
            for (std::size_t k = 0; k < y.size(); ++k)
                conv.bias[k] -= y[k];
            return true;
        default:
            return false;
    }
}

/// One axis of a window of stride 2 over pixels as a window of stride 1 over blocks of two.
struct Blocks {
    int kernel = 0;
    int pad_begin = 0;
    int pad_end = 0;

    static Blocks of(const Window& window, std::size_t axis, std::int64_t in, std::int64_t out) {
        const int pad = window.pad_begin[axis];
        Blocks blocks;
        blocks.pad_begin = (pad + 1) / 2;
        blocks.kernel = (window.kernel[axis] - 1 - pad + 2 * blocks.pad_begin) / 2 + 1;
        blocks.pad_end = static_cast<int>(out - 1 + blocks.kernel - in / 2 - blocks.pad_begin);
        return blocks;
    }
};

bool fits(const Conv& conv, const Shape& in) {
    const Window& window = conv.window;
    return conv.groups == 1 && window.stride == Pair{2, 2} && window.dilation == Pair{1, 1} &&
           in[1] <= 4 && in[2] % 2 == 0 && in[3] % 2 == 0;
}

Conv widened(const Conv& conv, std::int64_t channels, const Blocks& rows, const Blocks& columns) {
    Conv wide;
    wide.window.kernel = {rows.kernel, columns.kernel};
    wide.window.pad_begin = {rows.pad_begin, columns.pad_begin};
    wide.window.pad_end = {rows.pad_end, columns.pad_end};
    wide.bias = conv.bias;
    const auto [height, width] = conv.window.kernel;
    const auto outputs = static_cast<int>(conv.bias.size());
    const auto inputs = static_cast<int>(channels);
    wide.weights.assign(
        static_cast<std::size_t>(outputs * 4 * inputs * rows.kernel * columns.kernel), 0.0f);
    const int row_shift = 2 * rows.pad_begin - conv.window.pad_begin[0];
    const int column_shift = 2 * columns.pad_begin - conv.window.pad_begin[1];
    auto place = [&](int k, int c, int y, int x) {
        const int row = y + row_shift;
        const int column = x + column_shift;
        const int channel = (row % 2 * 2 + column % 2) * inputs + c;
        return ((k * 4 * inputs + channel) * rows.kernel + row / 2) * columns.kernel + column / 2;
    };
    for (int i = 0; i < static_cast<int>(conv.weights.size()); ++i) {
        const int x = i % width;
        const int y = i / width % height;
        const int c = i / width / height % inputs;
        const int k = i / width / height / inputs;
        wide.weights[static_cast<std::size_t>(place(k, c, y, x))] =
            conv.weights[static_cast<std::size_t>(i)];
    }
    return wide;
}

/// The pointwise node whose steps the SpaceToDepth can do on the way; -1 where there is none.
int steps_before(const Graph& graph, ValueId input) {
    const int maker = producers(graph)[static_cast<std::size_t>(input)];
    if (maker < 0 || use_counts(graph)[static_cast<std::size_t>(input)] != 1) return -1;
    const Node& node = graph.nodes[static_cast<std::size_t>(maker)];
    if (!node.is<Pointwise>() ||
        graph.value(node.inputs[0]).shape != graph.value(node.output).shape)
        return -1;
    auto fixed = [&](const PointStep& step) {
        const auto channels = static_cast<std::size_t>(graph.value(input).shape[1]);
        return step.input < 0 || !per_channel(graph, node.inputs, step, channels).empty();
    };
    return std::all_of(node.steps.begin(), node.steps.end(), fixed) ? maker : -1;
}

bool widen(Graph& graph, std::size_t index) {
    const Node& node = graph.nodes[index];
    const auto* conv = std::get_if<Conv>(&node.op);
    const ValueId input = node.inputs[0];
    const Shape in = graph.value(input).shape;
    if (conv == nullptr || !fits(*conv, in)) return false;
    const Shape out = graph.value(node.output).shape;
    const Blocks rows = Blocks::of(conv->window, 0, in[2], out[2]);
    const Blocks columns = Blocks::of(conv->window, 1, in[3], out[3]);
    if (rows.pad_end < 0 || columns.pad_end < 0) return false;

    Node blocks{node.name, SpaceToDepth{}, {input}, -1, {}};
    if (const int before = steps_before(graph, input); before >= 0) {
        blocks.inputs = graph.nodes[static_cast<std::size_t>(before)].inputs;
        blocks.steps = graph.nodes[static_cast<std::size_t>(before)].steps;
        // The kernels for first layers read pixels and compute in fp16, which costs them nothing.
        std::erase_if(blocks.steps, [](const PointStep& s) { return s.op == PointOp::kRound8; });
    }
    Conv wide = widened(*conv, in[1], rows, columns);
    blocks.output = graph.add({node.name, {in[0], 4 * in[1], in[2] / 2, in[3] / 2}});
    graph.nodes[index].op = std::move(wide);
    graph.nodes[index].inputs[0] = blocks.output;
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(index), std::move(blocks));
    return true;
}

}  // namespace

std::vector<float> per_channel(const Graph& graph,
                               std::span<const ValueId> inputs,
                               const PointStep& step,
                               std::size_t channels) {
    if (step.input < 0) return std::vector<float>(channels, step.a);
    const Value& value = graph.value(inputs[static_cast<std::size_t>(step.input)]);
    if (!value.data) return {};
    if (value.data->size() == 1) return std::vector<float>(channels, value.data->front());
    // [channels, 1, 1], or with a batch of 1 in front
    const std::size_t rank = value.shape.size();
    if (value.data->size() != channels || rank < 3 ||
        value.shape[rank - 3] != static_cast<std::int64_t>(channels))
        return {};
    return *value.data;
}

std::size_t fold_into(Conv& conv,
                      const Graph& graph,
                      std::span<const ValueId> inputs,
                      std::span<const PointStep> steps) {
    std::size_t folded = 0;
    for (const PointStep& step : steps) {
        std::vector<float> y = per_channel(graph, inputs, step, conv.bias.size());
        if (y.empty() || !fold_step(conv, step.op, std::move(y))) break;
        ++folded;
    }
    return folded;
}

void widen_first_layers(Graph& graph) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (widen(graph, i)) ++i;
    }
}

}  // namespace sluice::infer::cuda
