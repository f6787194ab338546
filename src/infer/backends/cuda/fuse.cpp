#include "sluice/infer/backends/cuda/fuse.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sluice/infer/backends/cuda/fold.h"
#include "sluice/infer/backends/cuda/regroup.h"

namespace sluice::infer::cuda {
namespace {

/// More than any activation needs; the kernels' argument has room for 16.
constexpr std::size_t kMostSteps = 12;
constexpr std::size_t kMostInputs = 4;

bool commutes(PointOp op) {
    return op == PointOp::kAdd || op == PointOp::kMul || op == PointOp::kMax || op == PointOp::kMin;
}

bool saves(const std::vector<PointStep>& steps) {
    return std::any_of(
        steps.begin(), steps.end(), [](const PointStep& s) { return s.op == PointOp::kSave; });
}

/// Rules over the nodes that make pointwise nodes' inputs. Nodes that went into another are left
/// without output and dropped at the end.
class Fuser {
public:
    explicit Fuser(Graph& graph)
        : graph_(graph), uses_(use_counts(graph)), makers_(producers(graph)) {}

    void run() {
        for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
            if (!graph_.nodes[i].is<Pointwise>()) continue;
            while (multiply_by_self(i) || join_maker(i)) {
            }
        }
        std::erase_if(graph_.nodes, [](const Node& node) { return node.output < 0; });
    }

private:
    int uses(ValueId id) const { return uses_[static_cast<std::size_t>(id)]; }
    /// Where the only reader of `id` may take over its node; -1 where it may not.
    int sole_maker(ValueId id) const {
        return uses(id) == 1 ? makers_[static_cast<std::size_t>(id)] : -1;
    }
    Node& node(int index) { return graph_.nodes[static_cast<std::size_t>(index)]; }

    /// x * f(x), f being a node of steps: one node that remembers x.
    bool multiply_by_self(std::size_t index) {
        Node& product = graph_.nodes[index];
        if (product.steps.empty() || product.inputs.size() < 2) return false;
        const PointStep first = product.steps.front();
        if (first.op != PointOp::kMul || first.input != 1 || saves(product.steps)) return false;
        for (std::size_t which : {1U, 0U}) {
            const ValueId x = product.inputs[1 - which];
            const int maker = sole_maker(product.inputs[which]);
            if (maker < 0 || !node(maker).is<Pointwise>()) continue;
            Node factor = node(maker);
            if (factor.inputs[0] != x || saves(factor.steps)) continue;
            if (factor.steps.size() + product.steps.size() + 1 > kMostSteps) continue;
            Node joined = std::move(product);
            std::vector<PointStep> rest(joined.steps.begin() + 1, joined.steps.end());
            std::vector<ValueId> others(joined.inputs.begin() + 2, joined.inputs.end());
            joined.inputs = {x};
            joined.steps = {{PointOp::kSave}};
            append(joined, factor.steps, {factor.inputs.begin() + 1, factor.inputs.end()}, 1);
            joined.steps.push_back({PointOp::kMulSaved});
            append(joined, rest, others, 2);
            name_activation(joined.steps);
            --uses_[static_cast<std::size_t>(x)];
            node(maker).output = -1;
            graph_.nodes[index] = std::move(joined);
            return true;
        }
        return false;
    }

    /// The node that makes the running input takes the steps over, in the reader's place.
    bool join_maker(std::size_t index) {
        Node& reader = graph_.nodes[index];
        prefer_later_input(reader);
        const int maker = sole_maker(reader.inputs[0]);
        if (!may_join(maker, reader)) return false;
        Node joined = std::move(node(maker));
        node(maker).output = -1;
        joined.output = reader.output;
        std::vector<PointStep> steps = std::move(reader.steps);
        std::vector<ValueId> operands(reader.inputs.begin() + 1, reader.inputs.end());
        if (auto* conv = std::get_if<Conv>(&joined.op); conv != nullptr && joined.steps.empty()) {
            const std::size_t folded = fold_into(*conv, graph_, reader.inputs, steps);
            steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(folded));
        }
        append(joined, steps, operands, 1);
        name_activation(joined.steps);
        makers_[static_cast<std::size_t>(joined.output)] = static_cast<int>(index);
        graph_.nodes[index] = std::move(joined);
        return graph_.nodes[index].is<Pointwise>();
    }

    /// Of two summands, the one made last by a node that could take the sum over.
    void prefer_later_input(Node& reader) {
        if (reader.steps.empty() || reader.inputs.size() != 2) return;
        const PointStep first = reader.steps.front();
        if (!commutes(first.op) || first.input != 1) return;
        const int now = sole_maker(reader.inputs[0]);
        const int other = sole_maker(reader.inputs[1]);
        if (may_join(other, reader) && (!may_join(now, reader) || other > now))
            std::swap(reader.inputs[0], reader.inputs[1]);
    }

    bool may_join(int maker, const Node& reader) {
        if (maker < 0) return false;
        const Node& made = node(maker);
        if (!made.is<Conv>() && !made.is<Pointwise>()) return false;
        if (saves(made.steps) && saves(reader.steps)) return false;
        // A convolution writes what the network computes in.
        if (made.is<Conv>() && graph_.value(reader.output).whole) return false;
        return graph_.value(made.output).shape == graph_.value(reader.output).shape &&
               made.steps.size() + reader.steps.size() <= kMostSteps &&
               made.inputs.size() + reader.inputs.size() - 1 <= kMostInputs;
    }

    /// `operands` were inputs first, first + 1, ... of the node that the steps come from. Those
    /// that no step reads (they were folded) are left out.
    static void append(Node& node,
                       const std::vector<PointStep>& steps,
                       const std::vector<ValueId>& operands,
                       int first) {
        std::map<int, int> places;
        for (PointStep step : steps) {
            if (step.input >= 0) {
                const auto [place, is_new] =
                    places.try_emplace(step.input, static_cast<int>(node.inputs.size()));
                if (is_new)
                    node.inputs.push_back(operands[static_cast<std::size_t>(step.input - first)]);
                step.input = place->second;
            }
            node.steps.push_back(step);
        }
    }

    /// Exporters write activations out; a named one is a step that cuDNN knows too.
    static void name_activation(std::vector<PointStep>& steps) {
        using enum PointOp;
        auto replace = [&](const std::vector<PointStep>& pattern, PointOp name) {
            auto same = [](const PointStep& a, const PointStep& b) {
                return a.op == b.op && a.input == b.input && std::fabs(a.a - b.a) < 1e-5f &&
                       std::fabs(a.b - b.b) < 1e-5f;
            };
            auto at = std::search(steps.begin(), steps.end(), pattern.begin(), pattern.end(), same);
            if (at == steps.end()) return;
            *at = PointStep{name};
            steps.erase(at + 1, at + static_cast<std::ptrdiff_t>(pattern.size()));
        };
        const PointStep save{kSave};
        const PointStep back{kMulSaved};
        const PointStep plus{kAdd, -1, 3.0f};
        const PointStep clamp{kClamp, -1, 0.0f, 6.0f};
        const PointStep divide{kDiv, -1, 6.0f};
        const PointStep sixth{kMul, -1, 1.0f / 6.0f};
        replace({save, {kSigmoid}, back}, kSwish);
        replace({save, {kSoftplus}, {kTanh}, back}, kMish);
        replace({save, {kHardSigmoid, -1, 1.0f / 6.0f, 0.5f}, back}, kHardSwish);
        replace({save, plus, clamp, back, divide}, kHardSwish);
        replace({save, plus, clamp, back, sixth}, kHardSwish);
        replace({save, plus, clamp, divide, back}, kHardSwish);
        replace({save, plus, clamp, sixth, back}, kHardSwish);
    }

    Graph& graph_;
    std::vector<int> uses_;
    std::vector<int> makers_;
};

}  // namespace

void fuse(Graph& graph) {
    Fuser(graph).run();
    drop_unused(graph);
    chain_pools(graph);
    merge_siblings(graph);
    widen_first_layers(graph);
    drop_unused(graph);
}

}  // namespace sluice::infer::cuda
