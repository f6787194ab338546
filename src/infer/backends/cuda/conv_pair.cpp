#include "sluice/infer/backends/cuda/conv_pair.h"

#include <algorithm>

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

/// The step's convolution where it reads 8 bits and is none of a pair yet; else null.
const Conv* int8_conv(const Program& program, const Step& step) {
    const Conv* conv = matrix_conv(program.node(step));
    if (conv == nullptr || conv->second) return nullptr;
    return program.storage(step.inputs[0]).type == ElementType::kI8 ? conv : nullptr;
}

/// Of single places, so that it can be the second.
bool is_of_places(const Conv& conv) {
    const Window& window = conv.window;
    const Pair none{0, 0};
    return window.kernel == Pair{1, 1} && window.pad_begin == none && window.pad_end == none;
}

int stride_of(const Conv& conv) {
    return conv.window.stride[0] * conv.window.stride[1];
}

/// How many steps read or write something of the storage.
int users_of(const Program& program, int storage) {
    auto uses = [&](const Step& step) {
        return step.output.storage == storage ||
               std::ranges::any_of(step.inputs,
                                   [&](const View& view) { return view.storage == storage; });
    };
    return static_cast<int>(std::ranges::count_if(program.steps, uses));
}

}  // namespace

std::optional<ConvPair> pair_of(const Program& program, std::size_t index) {
    const Step& joining = program.steps[index];
    const std::vector<PointStep>& steps = program.node(joining).steps;
    const Conv* conv = int8_conv(program, joining);
    auto reads = [](const PointStep& step) { return step.input >= 0; };
    if (conv == nullptr || joining.inputs.size() != 2 || steps.empty() || !reads(steps[0]) ||
        steps[0].op != PointOp::kAdd || std::ranges::count_if(steps, reads) != 1)
        return {};
    const View& sum = joining.inputs[1];
    const auto maker = std::ranges::find(program.steps, sum, &Step::output);
    if (maker == program.steps.end() || program.storage(sum).place != Storage::Place::kArena ||
        users_of(program, sum.storage) != 2)
        return {};
    // Its sum is neither activated nor rounded to 8 bits, which would be steps.
    const Conv* other = int8_conv(program, *maker);
    if (other == nullptr || !program.node(*maker).steps.empty() ||
        sum.extents != joining.output.extents)
        return {};
    ConvPair pair{index, static_cast<std::size_t>(maker - program.steps.begin())};
    // The first may be of any window; a shortcut's stride is then the second's.
    pair.swapped =
        !is_of_places(*other) || (is_of_places(*conv) && stride_of(*conv) > stride_of(*other));
    if (!is_of_places(pair.swapped ? *conv : *other)) return {};
    return pair;
}

void join(Program& program, const ConvPair& pair) {
    auto node_of = [&](std::size_t step) -> Node& {
        return program.graph.nodes[static_cast<std::size_t>(program.steps[step].node)];
    };
    Node& first = node_of(pair.first());
    Node& second = node_of(pair.second());
    const std::vector<PointStep> steps = node_of(pair.joining).steps;
    first.name += " + " + second.name;
    first.inputs = {first.inputs[0], second.inputs[0]};
    first.output = node_of(pair.joining).output;
    first.steps = {steps.begin() + 1, steps.end()};
    std::get<Conv>(first.op).second =
        std::make_shared<const Conv>(std::move(std::get<Conv>(second.op)));

    const Step both{program.steps[pair.first()].node,
                    {program.steps[pair.first()].inputs[0], program.steps[pair.second()].inputs[0]},
                    program.steps[pair.joining].output};
    const View& sum = program.steps[pair.summand].output;
    program.storages[static_cast<std::size_t>(sum.storage)].elements = 0;
    program.steps[pair.joining] = both;
    program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(pair.summand));
}

}  // namespace sluice::infer::cuda
