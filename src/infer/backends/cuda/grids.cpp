#include "sluice/infer/backends/cuda/grids.h"

#include <algorithm>

namespace sluice::infer::cuda {
namespace {

using Grids = std::vector<std::optional<Grid>>;

std::size_t at(ValueId id) {
    return static_cast<std::size_t>(id);
}

/// Every number that it gives is one that it was given.
bool only_moves(const Node& node) {
    const auto* pool = std::get_if<Pool>(&node.op);
    const auto* resize = std::get_if<Resize>(&node.op);
    return (pool != nullptr && pool->is_max) || (resize != nullptr && !resize->linear) ||
           node.is<Concat>() || node.is<Reshape>() || node.is<Transpose>() || node.is<Slice>();
}

std::optional<Grid> grid_of(const Node& node, const Grids& grids) {
    if (node.is<Conv>() || node.is<Pointwise>()) {
        if (node.steps.empty() || node.steps.back().op != PointOp::kRound8) return {};
        return Grid{node.steps.back().a, node.steps.back().b};
    }
    if (!only_moves(node)) return {};
    const auto first = grids[at(node.inputs[0])];
    const bool same = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
        return grids[at(input)] == first;
    });
    return same ? first : std::nullopt;
}

}  // namespace

bool computes_in_int8(const Conv& conv, const Grid& input) {
    const Window& window = conv.window;
    const bool padded = window.pad_begin != Pair{0, 0} || window.pad_end != Pair{0, 0};
    return !conv.weight_steps.empty() && conv.groups == 1 && (!padded || input.zero == 0);
}

std::vector<std::optional<Grid>> find_grids(const Graph& graph) {
    Grids grids(graph.values.size());
    for (const Node& node : graph.nodes) {
        if (graph.value(node.output).shape.size() == 4)
            grids[at(node.output)] = grid_of(node, grids);
    }
    std::vector<bool> wanted(graph.values.size(), false);
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
        if (only_moves(*node) && wanted[at(node->output)]) {
            for (ValueId input : node->inputs)
                wanted[at(input)] = true;
        }
        const auto* conv = std::get_if<Conv>(&node->op);
        const auto& input = grids[at(node->inputs[0])];
        if (conv != nullptr && input && computes_in_int8(*conv, *input))
            wanted[at(node->inputs[0])] = true;
    }
    for (std::size_t i = 0; i < grids.size(); ++i) {
        if (!wanted[i]) grids[i].reset();
    }
    return grids;
}

}  // namespace sluice::infer::cuda
