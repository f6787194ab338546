#include "sluice/infer/backends/cuda/lower.h"

#include <algorithm>

#include "sluice/infer/backends/cuda/grids.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using Place = Storage::Place;

/// 16 bytes.
std::int64_t channel_unit(ElementType type) {
    return type == ElementType::kI8 ? 16 : 8;
}

class Lowering {
public:
    Lowering(Graph graph, ElementType type, bool int8) {
        program_.graph = std::move(graph);
        program_.type = type;
        grids_.resize(program_.graph.values.size());
        if (int8) grids_ = find_grids(program_.graph);
        views_.resize(program_.graph.values.size());
        aliases_.resize(program_.graph.values.size(), false);
        makers_ = producers(program_.graph);
        uses_ = use_counts(program_.graph);
        node_count_ = program_.graph.nodes.size();
    }

    Program run() {
        for (ValueId input : graph().inputs)
            view(input) = stored(Place::kInput, graph().value(input).type, input);
        std::vector<View> outputs;
        for (ValueId output : graph().outputs) {
            outputs.push_back(stored(Place::kOutput, ElementType::kF32, output));
            place(output, outputs.back());
        }
        place_concatenations();
        for (std::size_t i = 0; i < node_count_; ++i)
            lower_node(static_cast<int>(i));
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const View from = view_of(graph().outputs[i]);
            if (from != outputs[i]) copy(from, outputs[i], "output");
        }
        return std::move(program_);
    }

private:
    Graph& graph() { return program_.graph; }
    View& view(ValueId id) { return views_[static_cast<std::size_t>(id)]; }
    const Shape& shape(ValueId id) { return graph().value(id).shape; }
    const std::optional<Grid>& grid(ValueId id) const {
        return grids_[static_cast<std::size_t>(id)];
    }
    /// What a value is stored in where nobody asked for a place.
    ElementType own_type(ValueId id) {
        if (grid(id)) return ElementType::kI8;
        return graph().value(id).whole ? ElementType::kF32 : program_.type;
    }
    ElementType type_of(const View& view) const { return program_.storage(view).type; }
    bool is_int8(const View& view) const { return type_of(view) == ElementType::kI8; }

    int add_storage(Storage storage) {
        program_.storages.push_back(std::move(storage));
        return static_cast<int>(program_.storages.size() - 1);
    }
    View stored(Place place, ElementType type, ValueId id) {
        const int storage = add_storage({place, type, memory::element_count(shape(id)), id});
        return dense_view(storage, shape(id));
    }

    /// Where a value lies when nobody asked for a place.
    View fresh(ValueId id, bool fills_padding) {
        return fresh(shape(id), fills_padding, own_type(id), grid(id).value_or(Grid{}));
    }
    /// Channels that no writer fills are read by convolutions (against weights of zero), so they
    /// have to be numbers, which 8 bits are whatever they are.
    View fresh(const Shape& extents, bool fills_padding, ElementType type, Grid grid) {
        if (extents.size() != 4) return fresh_dense(extents, type, grid);
        const std::int64_t pitch = padded_channels(extents[1], type);
        const bool gaps = pitch != extents[1] && !fills_padding && type != ElementType::kI8;
        const std::int64_t elements = extents[0] * extents[2] * extents[3] * pitch;
        const Place place = gaps ? Place::kKept : Place::kArena;
        return image_view(add_storage({place, type, elements, -1, grid}), extents, pitch);
    }
    View fresh_dense(const Shape& extents, ElementType type, Grid grid) {
        const std::int64_t elements = memory::element_count(extents);
        return dense_view(add_storage({Place::kArena, type, elements, -1, grid}), extents);
    }

    View view_of(ValueId id) {
        if (!view(id).placed() && graph().value(id).data)
            view(id) = stored(Place::kConstant, ElementType::kF32, id);
        return view(id);
    }

    /// Nothing but its own padding lies between its pixels.
    bool is_whole_image(const View& view) const {
        const View image =
            image_view(view.storage, view.extents, padded_channels(view.extents[1], type_of(view)));
        for (std::size_t i = 0; i < 4; ++i) {
            if (view.extents[i] != 1 && view.strides[i] != image.strides[i]) return false;
        }
        return true;
    }

    /// Does its kernel read and write each of its tensors in the type that it lies in? For kI8 see
    /// reads_int8.
    static bool takes_any_type(const Node& node) {
        return node.is<Pointwise>() || node.is<TopK>() || node.is<Gather>() ||
               node.is<GridSample>();
    }

    bool reads_int8(const Node& node, const View& from) const {
        if (const Conv* conv = matrix_conv(node))
            return computes_in_int8(*conv, program_.storage(from).grid);
        return node.is<Conv>() || node.is<Pointwise>() || node.is<Pool>() || node.is<Resize>();
    }

    // Before anything is written: concatenations and outputs hand places out.

    /// Asks the maker of a value to write it there. False: it has to be copied.
    bool place(ValueId id, const View& target) {
        const int maker = makers_[static_cast<std::size_t>(id)];
        if (view(id).placed() || maker < 0) return false;
        // An output's fp32 is no place for what others read as fp16.
        if (type_of(target) != own_type(id) && uses_[static_cast<std::size_t>(id)] > 1)
            return false;
        if (is_int8(target) && grid(id) != program_.storage(target).grid) return false;
        const Node& node = graph().nodes[static_cast<std::size_t>(maker)];
        if (matrix_conv(node) != nullptr) {
            if (!fits_matrix_units(program_, target) ||
                shape(id)[1] % channel_unit(type_of(target)) != 0)
                return false;
        } else if (node.is<Reshape>()) {
            if (auto inner = reshaped(target, shape(node.inputs[0])))
                aliases_[static_cast<std::size_t>(id)] = place(node.inputs[0], *inner);
        } else if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
            aliases_[static_cast<std::size_t>(id)] =
                place(node.inputs[0], untransposed(target, transpose->order));
        } else if (!node.is<Slice>() && !node.is<Concat>() && !takes_any_type(node) &&
                   type_of(target) != program_.type && !is_int8(target)) {
            return false;
        }
        view(id) = target;
        return true;
    }

    void place_concatenations() {
        for (std::size_t i = node_count_; i-- > 0;) {
            const Node& node = graph().nodes[i];
            const auto* concat = std::get_if<Concat>(&node.op);
            if (concat == nullptr) continue;
            if (!view(node.output).placed() && place_overlapping(node, *concat)) continue;
            if (!view(node.output).placed()) view(node.output) = fresh(node.output, false);
            for_each_part(
                node, *concat, [&](ValueId input, const View& part) { place(input, part); });
        }
    }

    /// The last part may be the beginning of a larger value (merge_siblings): both then lie in one
    /// storage, the value's other parts behind the concatenation.
    bool place_overlapping(const Node& node, const Concat& concat) {
        const ValueId last = node.inputs.back();
        const int maker = makers_[static_cast<std::size_t>(last)];
        if (concat.axis != 1 || maker < 0) return false;
        const Node& part = graph().nodes[static_cast<std::size_t>(maker)];
        const auto* slice = std::get_if<Slice>(&part.op);
        if (slice == nullptr || slice->begin != std::vector<std::int64_t>(4, 0) ||
            slice->step != std::vector<std::int64_t>(4, 1))
            return false;
        const ValueId larger = part.inputs[0];
        const int larger_maker = makers_[static_cast<std::size_t>(larger)];
        if (view(larger).placed() || larger_maker < 0 ||
            matrix_conv(graph().nodes[static_cast<std::size_t>(larger_maker)]) == nullptr)
            return false;
        const Shape joined = shape(node.output);
        const std::int64_t begin = joined[1] - shape(last)[1];
        const std::int64_t pitch = begin + shape(larger)[1];
        const ElementType type = own_type(larger);
        const std::int64_t unit = channel_unit(type);
        if (begin % unit != 0 || pitch % unit != 0 || grid(larger) != grid(node.output))
            return false;
        const std::int64_t elements = joined[0] * joined[2] * joined[3] * pitch;
        const int storage =
            add_storage({Place::kArena, type, elements, -1, grid(larger).value_or(Grid{})});
        view(node.output) = image_view(storage, joined, pitch);
        view(larger) = image_view(storage, shape(larger), pitch);
        view(larger).offset = begin;
        for_each_part(node, concat, [&](ValueId input, const View& target) {
            if (input != last) place(input, target);
        });
        return true;
    }

    template <class Body>
    void for_each_part(const Node& node, const Concat& concat, Body&& body) {
        const auto axis = static_cast<std::size_t>(concat.axis);
        const View whole = view(node.output);
        Slice slice{std::vector<std::int64_t>(whole.extents.size(), 0),
                    std::vector<std::int64_t>(whole.extents.size(), 1)};
        for (ValueId input : node.inputs) {
            body(input, sliced(whole, slice, shape(input)));
            slice.begin[axis] += shape(input)[axis];
        }
    }

    // Then the steps, in order.

    int add_copy_node(const std::string& name) {
        graph().nodes.push_back({name + " (copy)", Pointwise{}, {}, -1, {}});
        return static_cast<int>(graph().nodes.size() - 1);
    }
    void copy(const View& from, const View& to, const std::string& name) {
        program_.steps.push_back({add_copy_node(name), {from}, to});
    }

    /// Copies between two views of the same elements under different extents.
    void copy_reshaped(const View& from, const View& to, const std::string& name) {
        if (auto source = reshaped(from, to.extents)) return copy(*source, to, name);
        if (auto target = reshaped(to, from.extents)) return copy(from, *target, name);
        const View between = fresh_dense(from.extents, type_of(to), program_.storage(to).grid);
        copy(from, between, name);
        copy(*reshaped(between, to.extents), to, name);
    }

    /// The view as this node can read it; a copy where it cannot.
    View readable(const Node& node, const View& from, const std::string& name) {
        bool fits =
            type_of(from) == program_.type || takes_any_type(node) || node.is<SpaceToDepth>();
        if (is_int8(from)) fits = reads_int8(node, from);
        if (matrix_conv(node) != nullptr) {
            fits = fits && fits_matrix_units(program_, from) &&
                   (from.extents[1] % channel_unit(type_of(from)) == 0 || is_whole_image(from));
        }
        if (fits) return from;
        // Numbers of 8 bits that only lie in the wrong place stay what they are.
        const ElementType type =
            is_int8(from) && reads_int8(node, from) ? ElementType::kI8 : program_.type;
        for (const auto& [source, made] : readable_copies_) {
            if (source == from && type_of(made) == type) return made;
        }
        View to = fresh(from.extents, false, type, program_.storage(from).grid);
        copy(from, to, name);
        readable_copies_.emplace_back(from, to);
        return to;
    }

    void lower_node(int index) {
        // A copy: nodes grow while steps are added. Weights would be heavy, so they stay behind.
        const Node& made = graph().nodes[static_cast<std::size_t>(index)];
        const std::string name = made.name;
        const ValueId output = made.output;
        const std::vector<ValueId> inputs = made.inputs;
        if (made.is<Reshape>()) return lower_reshape(name, inputs[0], output);
        if (const auto* op = std::get_if<Transpose>(&made.op)) {
            return lower_moved(name, transposed(view_of(inputs[0]), op->order), output);
        }
        if (const auto* op = std::get_if<Slice>(&made.op)) {
            return lower_moved(name, sliced(view_of(inputs[0]), *op, shape(output)), output);
        }
        if (const auto* op = std::get_if<Concat>(&made.op)) {
            for_each_part(Node(made), Concat(*op), [&](ValueId input, const View& part) {
                if (view_of(input) != part) copy(view_of(input), part, name);
            });
            return;
        }
        Step step{index, {}, {}};
        for (ValueId input : inputs)
            step.inputs.push_back(view_of(input));
        const bool main_only = made.is<Conv>();
        for (std::size_t i = 0; i < step.inputs.size(); ++i) {
            if (main_only && i > 0) break;
            step.inputs[i] =
                readable(graph().nodes[static_cast<std::size_t>(index)], step.inputs[i], name);
        }
        if (!view(output).placed()) {
            const Node& node = graph().nodes[static_cast<std::size_t>(index)];
            const bool fills_padding = matrix_conv(node) != nullptr || node.is<SpaceToDepth>();
            view(output) = fresh(output, fills_padding);
        }
        step.output = view(output);
        program_.steps.push_back(std::move(step));
    }

    void lower_moved(const std::string& name, const View& moved, ValueId output) {
        if (!view(output).placed()) {
            view(output) = moved;
        } else if (!aliases_[static_cast<std::size_t>(output)]) {
            copy(moved, view(output), name);
        }
    }

    void lower_reshape(const std::string& name, ValueId input, ValueId output) {
        if (view(output).placed()) {
            if (!aliases_[static_cast<std::size_t>(output)])
                copy_reshaped(view_of(input), view(output), name);
            return;
        }
        if (auto same = reshaped(view_of(input), shape(output))) {
            view(output) = *same;
            return;
        }
        view(output) = fresh(output, false);
        copy_reshaped(view_of(input), view(output), name);
    }

    Program program_;
    std::vector<View> views_;
    std::vector<std::optional<Grid>> grids_;  ///< of each value that is stored in 8 bits
    std::vector<bool> aliases_;  ///< the value's view was handed on to what it is made from
    std::vector<std::pair<View, View>> readable_copies_;
    std::vector<int> makers_;
    std::vector<int> uses_;
    std::size_t node_count_ = 0;
};

}  // namespace

std::int64_t padded_channels(std::int64_t channels, ElementType type) {
    const std::int64_t unit = channel_unit(type);
    return (channels + unit - 1) / unit * unit;
}

bool is_depthwise(const Conv& conv) {
    return conv.groups > 1 && conv.bias.size() == static_cast<std::size_t>(conv.groups) &&
           conv.weights.size() ==
               conv.bias.size() *
                   static_cast<std::size_t>(conv.window.kernel[0] * conv.window.kernel[1]);
}

const Conv* matrix_conv(const Node& node) {
    const auto* conv = std::get_if<Conv>(&node.op);
    return conv != nullptr && !is_depthwise(*conv) ? conv : nullptr;
}

bool fits_matrix_units(const Program& program, const View& view) {
    const ElementType type = program.storage(view).type;
    if (view.extents.size() != 4 || (type != program.type && type != ElementType::kI8))
        return false;
    const std::int64_t unit = channel_unit(type);
    if (view.offset % unit != 0) return false;
    for (std::size_t i = 0; i < 4; ++i) {
        if (view.extents[i] == 1) continue;
        if (i == 1 ? view.strides[i] != 1 : view.strides[i] % unit != 0) return false;
    }
    return true;
}

Program lower(Graph graph, ElementType type, bool int8) {
    return Lowering(std::move(graph), type, int8).run();
}

std::vector<Block> arena_blocks(const Program& program) {
    std::vector<Block> blocks(program.storages.size());
    std::vector<bool> seen(program.storages.size(), false);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const Storage& storage = program.storages[i];
        blocks[i].bytes =
            static_cast<std::size_t>(storage.elements) * memory::element_size(storage.type);
    }
    auto touch = [&](const View& view, int step) {
        const auto index = static_cast<std::size_t>(view.storage);
        if (!seen[index]) blocks[index].first = step;
        seen[index] = true;
        blocks[index].last = step;
    };
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        for (const View& input : program.steps[i].inputs)
            touch(input, static_cast<int>(i));
        touch(program.steps[i].output, static_cast<int>(i));
    }
    std::vector<Block> arena;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (program.storages[i].place == Storage::Place::kArena) arena.push_back(blocks[i]);
    }
    return arena;
}

}  // namespace sluice::infer::cuda
