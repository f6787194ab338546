#include "sluice/infer/backends/cuda/regroup.h"

#include <algorithm>
#include <map>

namespace sluice::infer::cuda {
namespace {

/// What the matrix units take at once; slices of fewer would have to be copied.
constexpr std::size_t kChannelUnit = 8;

/// Of stride 1, and as large at the output as at the input.
bool slides(const Node& node) {
    const auto* pool = std::get_if<Pool>(&node.op);
    if (pool == nullptr || !pool->is_max) return false;
    const Window& window = pool->window;
    for (std::size_t i = 0; i < 2; ++i) {
        const int pad = window.kernel[i] / 2;
        if (window.kernel[i] % 2 == 0 || window.stride[i] != 1 || window.dilation[i] != 1 ||
            window.pad_begin[i] != pad || window.pad_end[i] != pad)
            return false;
    }
    return true;
}

Window& window_of(Node& node) {
    return std::get<Pool>(node.op).window;
}

bool is_smaller(const Node& a, const Node& b) {
    return std::get<Pool>(a.op).window.kernel < std::get<Pool>(b.op).window.kernel;
}

void shrink(Window& window, const Window& inner) {
    for (std::size_t i = 0; i < 2; ++i) {
        window.kernel[i] -= inner.kernel[i] - 1;
        window.pad_begin[i] = window.pad_end[i] = window.kernel[i] / 2;
    }
}

/// The pools from `first` on that read what it reads; they leave the graph.
std::vector<Node> take_pools(Graph& graph, std::size_t first) {
    const ValueId input = graph.nodes[first].inputs[0];
    auto same = [&](const Node& node) { return slides(node) && node.inputs[0] == input; };
    std::vector<Node> pools;
    std::copy_if(graph.nodes.begin(), graph.nodes.end(), std::back_inserter(pools), same);
    std::erase_if(graph.nodes, same);
    return pools;
}

/// Readers of a value: nodes, and -1 for the graph's own outputs.
std::vector<int> readers_of(const Graph& graph, ValueId id) {
    std::vector<int> readers;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const auto& inputs = graph.nodes[i].inputs;
        if (std::count(inputs.begin(), inputs.end(), id) > 0)
            readers.push_back(static_cast<int>(i));
    }
    if (std::count(graph.outputs.begin(), graph.outputs.end(), id) > 0) readers.push_back(-1);
    return readers;
}

enum class Use { kFree, kEndsConcat, kPlaced };

/// Is somebody going to say where the value lies?
Use use_of(const Graph& graph, ValueId id) {
    Use use = Use::kFree;
    for (int reader : readers_of(graph, id)) {
        if (reader < 0) return Use::kPlaced;
        const Node& node = graph.nodes[static_cast<std::size_t>(reader)];
        if (node.is<Reshape>() || node.is<Transpose>() || node.is<Slice>()) return Use::kPlaced;
        const auto* concat = std::get_if<Concat>(&node.op);
        if (concat == nullptr) continue;
        const auto uses = std::count(node.inputs.begin(), node.inputs.end(), id);
        if (use != Use::kFree || concat->axis != 1 || uses > 1 || node.inputs.back() != id)
            return Use::kPlaced;
        use = Use::kEndsConcat;
    }
    return use;
}

bool same_window(const Window& a, const Window& b) {
    return a.kernel == b.kernel && a.stride == b.stride && a.dilation == b.dilation &&
           a.pad_begin == b.pad_begin && a.pad_end == b.pad_end;
}

bool may_join(const Conv& a, const Conv& b) {
    return same_window(a.window, b.window) && a.weight_steps.empty() == b.weight_steps.empty();
}

bool may_merge(const Graph& graph, const Node& node) {
    const auto* conv = std::get_if<Conv>(&node.op);
    return conv != nullptr && conv->groups == 1 && node.inputs.size() == 1 &&
           conv->bias.size() % kChannelUnit == 0 && use_of(graph, node.output) != Use::kPlaced;
}

/// Those that can be merged with node `first`, itself included, the one that ends a Concat first.
std::vector<std::size_t> siblings_of(const Graph& graph, std::size_t first) {
    std::vector<std::size_t> free;
    std::vector<std::size_t> ending;
    const Node& one = graph.nodes[first];
    for (std::size_t i = first; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        if (!may_merge(graph, node) || node.inputs != one.inputs || node.steps != one.steps ||
            !may_join(std::get<Conv>(node.op), std::get<Conv>(one.op)))
            continue;
        (use_of(graph, node.output) == Use::kFree ? free : ending).push_back(i);
    }
    if (!ending.empty()) free.insert(free.begin(), ending.front());
    return free;
}

/// Node `siblings.front()` in the graph's order becomes all of them.
void merge(Graph& graph, const std::vector<std::size_t>& siblings) {
    Node whole = graph.nodes[siblings.front()];
    auto& conv = std::get<Conv>(whole.op);
    conv.weights.clear();
    conv.bias.clear();
    conv.weight_steps.clear();
    Shape shape = graph.value(whole.output).shape;
    std::vector<Node> nodes;
    for (std::size_t index : siblings) {
        const Node& node = graph.nodes[index];
        const auto& part = std::get<Conv>(node.op);
        const Shape& extents = graph.value(node.output).shape;
        Slice slice{std::vector<std::int64_t>(4, 0), std::vector<std::int64_t>(4, 1)};
        slice.begin[1] = static_cast<std::int64_t>(conv.bias.size());
        nodes.push_back({node.name + " (part)", std::move(slice), {}, node.output});
        conv.weights.insert(conv.weights.end(), part.weights.begin(), part.weights.end());
        conv.bias.insert(conv.bias.end(), part.bias.begin(), part.bias.end());
        conv.weight_steps.insert(
            conv.weight_steps.end(), part.weight_steps.begin(), part.weight_steps.end());
        shape[1] = static_cast<std::int64_t>(conv.bias.size());
        shape[0] = extents[0];
        if (index != siblings.front()) whole.name += " + " + node.name;
    }
    whole.output = graph.add({whole.name, shape});
    for (Node& node : nodes)
        node.inputs = {whole.output};
    nodes.insert(nodes.begin(), std::move(whole));
    const std::size_t place = *std::min_element(siblings.begin(), siblings.end());
    for (std::size_t index : siblings)
        graph.nodes[index].output = -1;
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(place),
                       std::make_move_iterator(nodes.begin()),
                       std::make_move_iterator(nodes.end()));
    std::erase_if(graph.nodes, [](const Node& node) { return node.output < 0; });
}

}  // namespace

void chain_pools(Graph& graph) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!slides(graph.nodes[i])) continue;
        std::vector<Node> pools = take_pools(graph, i);
        std::stable_sort(pools.begin(), pools.end(), is_smaller);
        // From the last on, so that each is measured against a neighbour that is still whole.
        for (std::size_t j = pools.size(); j-- > 1;) {
            const Window inner = window_of(pools[j - 1]);
            if (inner.kernel[1] > window_of(pools[j]).kernel[1]) continue;
            shrink(window_of(pools[j]), inner);
            pools[j].inputs[0] = pools[j - 1].output;
        }
        graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i),
                           std::make_move_iterator(pools.begin()),
                           std::make_move_iterator(pools.end()));
        i += pools.size() - 1;
    }
}

void merge_siblings(Graph& graph) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!may_merge(graph, graph.nodes[i])) continue;
        const auto siblings = siblings_of(graph, i);
        if (siblings.size() > 1) merge(graph, siblings);
    }
}

}  // namespace sluice::infer::cuda
