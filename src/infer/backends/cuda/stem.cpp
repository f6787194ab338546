#include "sluice/infer/backends/cuda/stem.h"

#include <algorithm>

#include "sluice/infer/backends/cuda/fold.h"

namespace sluice::infer::cuda {
namespace {

/// The steps before the blocks as one scale and shift for each channel.
bool fold_steps(const Graph& graph, const Node& node, StemArgs& args) {
    using enum PointOp;
    const auto channels = static_cast<std::size_t>(args.channels);
    std::fill(args.scale, args.scale + channels, 1.0f);
    for (const PointStep& step : node.steps) {
        const auto y = per_channel(graph, node.inputs, step, channels);
        if (y.empty()) return false;
        for (std::size_t c = 0; c < channels; ++c) {
            float factor = 1;
            float summand = 0;
            switch (step.op) {
                case kAdd:
                    summand = y[c];
                    break;
                case kSub:
                    summand = -y[c];
                    break;
                case kSubFrom:
                    factor = -1;
                    summand = y[c];
                    break;
                case kMul:
                    factor = y[c];
                    break;
                case kDiv:
                    factor = 1 / y[c];
                    break;
                default:
                    return false;
            }
            args.scale[c] *= factor;
            args.shift[c] = args.shift[c] * factor + summand;
        }
    }
    return true;
}

/// `steps` of the node's are to be done.
bool fits(const Conv& conv, const Node& node, std::size_t steps) {
    const Window& window = conv.window;
    const bool activated =
        steps == 0 || (steps == 1 && node.steps[0].input < 0 &&
                       stem_activates(static_cast<std::uint8_t>(node.steps[0].op)));
    return conv.groups == 1 && window.stride == Pair{1, 1} && window.dilation == Pair{1, 1} &&
           window.kernel[0] == window.kernel[1] && window.kernel[0] >= kLeastStemKernel &&
           window.kernel[0] <= kMostStemKernel &&
           conv.bias.size() <= static_cast<std::size_t>(kMostStemOutputs) && activated &&
           node.inputs.size() == 1;
}

bool is_read_once(const Program& program, const View& view) {
    int reads = 0;
    for (const Step& step : program.steps) {
        reads += static_cast<int>(
            std::count_if(step.inputs.begin(), step.inputs.end(), [&](const View& input) {
                return input.storage == view.storage;
            }));
    }
    return reads == 1;
}

void copy_four(const std::vector<std::int64_t>& from, int* to) {
    std::transform(
        from.begin(), from.end(), to, [](std::int64_t number) { return static_cast<int>(number); });
}

}  // namespace

std::optional<StemArgs> stem_of(const Program& program, std::size_t index) {
    const Step& step = program.steps[index];
    const Node& node = program.node(step);
    const auto* conv = std::get_if<Conv>(&node.op);
    if (conv == nullptr || index == 0 || program.type != memory::ElementType::kF16) return {};
    const Step& before = program.steps[index - 1];
    if (!program.node(before).is<SpaceToDepth>() || before.output != step.inputs[0] ||
        !is_read_once(program, before.output))
        return {};
    const View& pixels = before.inputs[0];
    const std::int64_t channels = pixels.extents[1];
    // Other places in memory may be given to others by the time that the convolution runs.
    if (program.storage(pixels).place != Storage::Place::kInput) return {};
    if ((channels != 3 && channels != 4) || !fits(*conv, node, step_count(program, step)))
        return {};
    if (!fits_matrix_units(program, step.output)) return {};

    StemArgs args;
    args.channels = static_cast<int>(channels);
    if (!fold_steps(program.graph, program.node(before), args)) return {};
    args.input.type = type_of(program.storage(pixels).type);
    copy_four(pixels.strides, args.input.strides);
    args.blocks[0] = static_cast<int>(before.output.extents[2]);
    args.blocks[1] = static_cast<int>(before.output.extents[3]);
    args.kernel = conv->window.kernel[0];
    std::copy(conv->window.pad_begin.begin(), conv->window.pad_begin.end(), args.pad_begin);
    if (step_count(program, step) > 0) {
        args.activates = true;
        args.activation = {
            static_cast<std::uint8_t>(node.steps[0].op), -1, node.steps[0].a, node.steps[0].b};
    }
    copy_four(step.output.extents, args.output.extents);
    copy_four(step.output.strides, args.output.strides);
    const Storage& output = program.storage(step.output);
    args.output.extents[1] = static_cast<int>(padded_channels(step.output.extents[1], output.type));
    args.output.type = type_of(output.type);
    args.output.grid = output.grid;
    return args;
}

}  // namespace sluice::infer::cuda
