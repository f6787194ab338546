#include "sluice/infer/backends/cuda/graph.h"

#include <algorithm>

namespace sluice::infer::cuda {

Shape spread(const Shape& a, const Shape& b) {
    Shape result(std::max(a.size(), b.size()), 1);
    for (const Shape* shape : {&a, &b}) {
        const std::size_t lead = result.size() - shape->size();
        for (std::size_t i = 0; i < shape->size(); ++i)
            result[lead + i] = std::max(result[lead + i], (*shape)[i]);
    }
    return result;
}

std::vector<int> use_counts(const Graph& graph) {
    std::vector<int> counts(graph.values.size(), 0);
    for (const Node& node : graph.nodes) {
        for (ValueId input : node.inputs)
            ++counts[static_cast<std::size_t>(input)];
    }
    for (ValueId output : graph.outputs)
        ++counts[static_cast<std::size_t>(output)];
    return counts;
}

std::vector<int> producers(const Graph& graph) {
    std::vector<int> makers(graph.values.size(), -1);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
        makers[static_cast<std::size_t>(graph.nodes[i].output)] = static_cast<int>(i);
    return makers;
}

void drop_unused(Graph& graph) {
    std::vector<bool> wanted(graph.values.size(), false);
    for (ValueId output : graph.outputs)
        wanted[static_cast<std::size_t>(output)] = true;
    std::vector<Node> kept;
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
        if (!wanted[static_cast<std::size_t>(node->output)]) continue;
        for (ValueId input : node->inputs)
            wanted[static_cast<std::size_t>(input)] = true;
        kept.push_back(std::move(*node));
    }
    std::reverse(kept.begin(), kept.end());
    graph.nodes = std::move(kept);
}

const char* kind_name(const Node& node) {
    static constexpr std::array<const char*, std::variant_size_v<Op>> kNames{"Conv",
                                                                             "Pointwise",
                                                                             "Pool",
                                                                             "Resize",
                                                                             "Concat",
                                                                             "Reshape",
                                                                             "Transpose",
                                                                             "Slice",
                                                                             "MatMul",
                                                                             "Softmax",
                                                                             "Reduce",
                                                                             "SpaceToDepth",
                                                                             "Normalize",
                                                                             "TopK",
                                                                             "Gather",
                                                                             "GridSample"};
    return kNames[node.op.index()];
}

}  // namespace sluice::infer::cuda
