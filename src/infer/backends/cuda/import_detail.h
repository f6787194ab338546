#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openvino/core/model.hpp>

#include "sluice/infer/backends/cuda/graph.h"

namespace sluice::infer::cuda {

Shape shape_of(const ov::Output<const ov::Node>& port);

/// What the handlers of single operators (import_ops.cpp, import_math.cpp) work with.
class Importer {
public:
    Result<Graph> run(const ov::Model& model);

    ValueId input(const ov::Node& node, std::size_t index);
    const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
    const Value& value(ValueId id) const { return graph_.value(id); }
    ValueId constant(std::vector<float> data, Shape shape, std::string name);
    /// The node's output is this constant.
    void add_constant(const ov::Node& node, std::vector<float> data, std::vector<float> steps);

    /// A node whose output is the OpenVINO node's output `port`.
    ValueId add(const ov::Node& node,
                Op op,
                std::vector<ValueId> inputs,
                std::vector<PointStep> steps = {},
                std::size_t port = 0);
    /// A node in between. Of whole numbers where all its inputs are.
    ValueId emit(const std::string& name,
                 Op op,
                 std::vector<ValueId> inputs,
                 Shape shape,
                 std::vector<PointStep> steps = {});
    /// The node's output is a value that is there already.
    void alias(const ov::Node& node, ValueId id);

    /// A constant input, as shapes and axes are.
    Result<std::vector<std::int64_t>> integers(const ov::Node& node, std::size_t index);
    static Error refuse(const ov::Node& node, const std::string& why);

private:
    using Port = std::pair<const ov::Node*, std::size_t>;

    Result<void> import(const ov::Node& node);

    Graph graph_;
    std::map<Port, ValueId> values_;
};

/// Rows, then columns.
template <class Extents>
Pair pair_of(const Extents& extents) {
    return {static_cast<int>(extents[0]), static_cast<int>(extents[1])};
}

/// A slice that leaves nothing out; to be narrowed.
Slice everything(std::size_t rank);

/// The dimension that an operator means by a number that may be below 0.
std::size_t axis_of(std::int64_t axis, std::size_t rank);

using Handler = Result<void> (*)(Importer&, const ov::Node&);

/// By OpenVINO's type name; null where there is none.
Handler find_handler(std::string_view type);
/// Arithmetic and activations.
Handler find_math_handler(std::string_view type);
/// Places, and what is picked by them; what repeats numbers.
Handler find_index_handler(std::string_view type);
/// Normalisation, sums over dimensions, sampling.
Handler find_row_handler(std::string_view type);
/// Convolutions, and what turns channels into pixels and back.
Handler find_conv_handler(std::string_view type);
/// What rounds to few numbers.
Handler find_quantise_handler(std::string_view type);
/// May the operator's result be of integers?
bool takes_integers(std::string_view type);

}  // namespace sluice::infer::cuda
