#include "sluice/infer/backends/cuda/head_match.h"

#include <algorithm>

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

bool is_of_single_places(const Conv& conv) {
    const Window& window = conv.window;
    const Pair none{0, 0};
    return conv.groups == 1 && window.kernel == Pair{1, 1} && window.stride == Pair{1, 1} &&
           window.pad_begin == none && window.pad_end == none;
}

/// At most a sigmoid follows.
bool fits(const Node& node) {
    const auto* conv = std::get_if<Conv>(&node.op);
    if (conv == nullptr || !is_of_single_places(*conv) || node.inputs.size() != 1) return false;
    return node.steps.empty() || (node.steps.size() == 1 && node.steps[0].input < 0 &&
                                  node.steps[0].op == PointOp::kSigmoid);
}

/// Does one row of places follow the other?
bool is_regular(const View& view) {
    return view.extents[2] == 1 || view.extents[3] == 1 ||
           view.strides[2] == view.strides[3] * view.extents[3];
}

/// From one place to the next, where one row follows the other.
int place_stride(const View& view) {
    return static_cast<int>(view.extents[3] > 1 ? view.strides[3] : view.strides[2]);
}

/// The only step that reads the storage of the view; 0 where there are more, or none.
std::size_t only_reader(const Program& program, const View& view) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        for (const View& input : program.steps[i].inputs) {
            if (input.storage != view.storage) continue;
            if (found != 0 || input != view) return 0;
            found = i;
        }
    }
    return found;
}

/// Copies, and into an output of the graph: unlike the arena it is nobody else's before.
bool copies_out(const Program& program, const Step& step) {
    const Node& node = program.node(step);
    const View& to = step.output;
    const Storage& storage = program.storage(to);
    return node.is<Pointwise>() && node.steps.empty() && step.inputs.size() == 1 &&
           storage.place == Storage::Place::kOutput && storage.type == ElementType::kF32 &&
           to.extents == step.inputs[0].extents && (to.extents[1] == 1 || to.strides[1] == 1) &&
           is_regular(to);
}

}  // namespace

std::optional<CopiedHead> head_of(const Program& program, std::size_t index) {
    const Step& step = program.steps[index];
    if (program.type != ElementType::kF16 || !fits(program.node(step))) return {};
    const View& x = step.inputs[0];
    if (!fits_matrix_units(program, x) || program.storage(x).type != ElementType::kF16 ||
        !is_regular(x) || program.storage(step.output).place != Storage::Place::kArena)
        return {};
    const std::size_t copy = only_reader(program, step.output);
    if (copy <= index || !copies_out(program, program.steps[copy])) return {};
    const View& y = program.steps[copy].output;

    HeadConv conv;
    conv.images = static_cast<int>(x.extents[0]);
    conv.places = static_cast<int>(x.extents[2] * x.extents[3]);
    conv.channels = static_cast<int>(padded_channels(x.extents[1], ElementType::kF16));
    conv.outputs = static_cast<int>(y.extents[1]);
    conv.sigmoid = !program.node(step).steps.empty();
    if (conv.channels % 32 != 0 || conv.channels > kMostHeadChannels ||
        conv.outputs > kMostHeadOutputs)
        return {};
    conv.x_place = place_stride(x);
    conv.x_image = static_cast<int>(x.strides[0]);
    conv.y_place = place_stride(y);
    conv.y_image = static_cast<int>(y.strides[0]);
    return CopiedHead{conv, copy};
}

}  // namespace sluice::infer::cuda
