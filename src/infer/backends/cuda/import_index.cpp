#include <map>
#include <numeric>
#include <optional>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"

namespace sluice::infer::cuda {
namespace {

/// Places that a slice takes: the first, and the distance; none where they are not equal.
std::optional<std::array<std::int64_t, 2>> even_places(const std::vector<std::int64_t>& places,
                                                       std::int64_t extent) {
    if (places.empty()) return std::nullopt;
    auto place = [&](std::size_t i) { return places[i] < 0 ? places[i] + extent : places[i]; };
    const std::int64_t step = places.size() > 1 ? place(1) - place(0) : 1;
    if (step <= 0) return std::nullopt;
    for (std::size_t i = 1; i < places.size(); ++i) {
        if (place(i) - place(i - 1) != step) return std::nullopt;
    }
    return std::array{place(0), step};
}

/// What lies at these places of the axis: the dimensions of `data` before it, `batch` of which the
/// index has too, then the index's others, then those of `data` behind the axis.
Gather gather_along(Importer& in,
                    const ov::Node& node,
                    const Shape& data,
                    ValueId& index,
                    std::size_t axis,
                    std::size_t batch) {
    const Shape own = in.shape(index);
    Gather op{static_cast<int>(axis), {}};
    Shape spread_out;
    for (std::size_t d = 0; d < axis; ++d) {
        op.from.push_back(static_cast<int>(d));
        spread_out.push_back(d < batch ? own[d] : 1);
    }
    for (std::size_t d = batch; d < own.size(); ++d) {
        op.from.push_back(-1);
        spread_out.push_back(own[d]);
    }
    for (std::size_t d = axis + 1; d < data.size(); ++d) {
        op.from.push_back(static_cast<int>(d));
        spread_out.push_back(1);
    }
    if (spread_out != own)
        index = in.emit(node.get_friendly_name(), Reshape{}, {index}, spread_out);
    return op;
}

Result<void> gather(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::GatherBase&>(node);
    const ValueId x = in.input(node, 0);
    const Shape from = in.shape(x);
    const std::size_t axis = axis_of(SLUICE_TRY(in.integers(node, 2))[0], from.size());
    ValueId index = in.input(node, 1);
    const std::string& name = node.get_friendly_name();
    if (in.value(index).data) {
        const auto places = SLUICE_TRY(in.integers(node, 1));
        if (const auto even = even_places(places, from[axis]); even && op.get_batch_dims() == 0) {
            Slice slice = everything(from.size());
            slice.begin[axis] = (*even)[0];
            slice.step[axis] = (*even)[1];
            Shape kept = from;
            kept[axis] = static_cast<std::int64_t>(places.size());
            const ValueId part = in.emit(name, std::move(slice), {x}, kept);
            in.add(node, Reshape{}, {part});
            return {};
        }
    }
    Gather picked =
        gather_along(in, node, from, index, axis, static_cast<std::size_t>(op.get_batch_dims()));
    in.add(node, std::move(picked), {x, index});
    return {};
}

/// All but the axis follow the output.
Gather gather_elements_of(std::size_t rank, std::size_t axis) {
    Gather op{static_cast<int>(axis), std::vector<int>(rank)};
    std::iota(op.from.begin(), op.from.end(), 0);
    op.from[axis] = -1;
    return op;
}

Result<void> gather_elements(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v6::GatherElements&>(node);
    const ValueId x = in.input(node, 0);
    const std::size_t rank = in.shape(x).size();
    in.add(node, gather_elements_of(rank, axis_of(op.get_axis(), rank)), {x, in.input(node, 1)});
    return {};
}

/// Places in several dimensions become places in the one that these are together.
Result<void> gather_nd(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::GatherNDBase&>(node);
    const std::size_t batch = op.get_batch_dims();
    if (ov::is_type<ov::op::v5::GatherND>(&node) && batch > 1)
        return Importer::refuse(node, "several batch dimensions in one are not supported");
    const std::string& name = node.get_friendly_name();
    const Shape data = in.shape(in.input(node, 0));
    const ValueId tuples = in.input(node, 1);
    Shape places = in.shape(tuples);
    const auto count = static_cast<std::size_t>(places.back());
    places.back() = 1;
    ValueId index = -1;
    std::int64_t extent = 1;
    for (std::size_t i = count; i-- > 0;) {
        Slice part = everything(places.size());
        part.begin.back() = static_cast<std::int64_t>(i);
        ValueId place = in.emit(name, std::move(part), {tuples}, places);
        const auto own = static_cast<float>(data[batch + i]);
        place = in.emit(
            name,
            Pointwise{},
            {place},
            places,
            {{PointOp::kFloorMod, -1, own}, {PointOp::kMul, -1, static_cast<float>(extent)}});
        extent *= data[batch + i];
        index = index < 0
                    ? place
                    : in.emit(name, Pointwise{}, {index, place}, places, {{PointOp::kAdd, 1}});
    }
    places.pop_back();
    index = in.emit(name, Reshape{}, {index}, places);
    Shape flat(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(batch));
    flat.push_back(extent);
    flat.insert(flat.end(), data.begin() + static_cast<std::ptrdiff_t>(batch + count), data.end());
    const ValueId x = in.emit(name, Reshape{}, {in.input(node, 0)}, flat);
    Gather picked = gather_along(in, node, flat, index, batch, batch);
    in.add(node, std::move(picked), {x, index});
    return {};
}

Result<void> top_k(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::TopKBase&>(node);
    const ValueId x = in.input(node, 0);
    const std::size_t rank = in.shape(x).size();
    const std::size_t axis = axis_of(op.get_provided_axis(), rank);
    if (op.get_sort_type() == ov::op::TopKSortType::SORT_INDICES)
        return Importer::refuse(node, "sorting by place is not supported, by value is");
    if (node.get_output_shape(0)[axis] > kMostTop)
        return Importer::refuse(node, fmt::format("more than {} are not supported", kMostTop));
    const ValueId places = in.add(
        node, TopK{static_cast<int>(axis), op.get_mode() == ov::op::TopKMode::MAX}, {x}, {}, 1);
    in.add(node, gather_elements_of(rank, axis), {x, places});
    return {};
}

/// The output's shape says how often.
Result<void> broadcast(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::BroadcastBase&>(node);
    ValueId x = in.input(node, 0);
    const Shape to = shape_of(node.output(0));
    if (op.get_broadcast_spec().m_type == ov::op::BroadcastType::EXPLICIT) {
        Shape aligned(to.size(), 1);
        const auto axes = SLUICE_TRY(in.integers(node, 2));
        for (std::size_t i = 0; i < axes.size(); ++i)
            aligned[static_cast<std::size_t>(axes[i])] = in.shape(x)[i];
        x = in.emit(node.get_friendly_name(), Reshape{}, {x}, aligned);
    }
    in.add(node, Pointwise{}, {x});
    return {};
}

/// Each dimension in turn: a new one in front of it spreads.
Result<void> tile(Importer& in, const ov::Node& node) {
    ValueId x = in.input(node, 0);
    const std::string& name = node.get_friendly_name();
    auto emit = [&](Op op, const Shape& shape) { x = in.emit(name, std::move(op), {x}, shape); };
    auto repeats = SLUICE_TRY(in.integers(node, 1));
    Shape shape = in.shape(x);
    const std::size_t rank = std::max(shape.size(), repeats.size());
    shape.insert(shape.begin(), rank - shape.size(), 1);
    repeats.insert(repeats.begin(), rank - repeats.size(), 1);
    for (std::size_t axis = 0; axis < rank; ++axis) {
        if (repeats[axis] == 1) continue;
        std::int64_t outer = 1;
        for (std::size_t d = 0; d < axis; ++d)
            outer *= shape[d];
        const std::int64_t inner = memory::element_count(shape) / outer;
        emit(Reshape{}, {outer, 1, inner});
        emit(Pointwise{}, {outer, repeats[axis], inner});
        shape[axis] *= repeats[axis];
        emit(Reshape{}, shape);
    }
    in.add(node, Reshape{}, {x});
    return {};
}

}  // namespace

Handler find_index_handler(std::string_view type) {
    static const std::map<std::string_view, Handler> table{
        {"Gather", gather},
        {"GatherElements", gather_elements},
        {"GatherND", gather_nd},
        {"TopK", top_k},
        {"Broadcast", broadcast},
        {"Tile", tile},
    };
    auto found = table.find(type);
    return found == table.end() ? nullptr : found->second;
}

}  // namespace sluice::infer::cuda
