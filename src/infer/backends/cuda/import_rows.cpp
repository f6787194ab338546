#include <cmath>
#include <map>
#include <numeric>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"

namespace sluice::infer::cuda {
namespace {

Result<void> softmax(Importer& in, const ov::Node& node) {
    const auto rank = static_cast<std::int64_t>(node.get_output_shape(0).size());
    std::int64_t axis = 1;
    if (const auto* v8 = ov::as_type<const ov::op::v8::Softmax>(&node)) axis = v8->get_axis();
    if (const auto* v1 = ov::as_type<const ov::op::v1::Softmax>(&node))
        axis = static_cast<std::int64_t>(v1->get_axis());
    in.add(node, Softmax{static_cast<int>(axis < 0 ? axis + rank : axis)}, {in.input(node, 0)});
    return {};
}

template <Reduce::Kind kind>
Result<void> reduce(Importer& in, const ov::Node& node) {
    Reduce op{kind, {}};
    const ValueId x = in.input(node, 0);
    const auto rank = static_cast<std::int64_t>(in.shape(x).size());
    for (std::int64_t axis : SLUICE_TRY(in.integers(node, 1)))
        op.axes.push_back(static_cast<int>(axis < 0 ? axis + rank : axis));
    Shape kept = in.shape(x);
    for (int axis : op.axes)
        kept[static_cast<std::size_t>(axis)] = 1;
    if (kept == shape_of(node.output(0))) {
        in.add(node, std::move(op), {x});
        return {};
    }
    const ValueId reduced = in.emit(node.get_friendly_name(), std::move(op), {x}, kept);
    in.add(node, Reshape{}, {reduced});
    return {};
}

/// Dimensions that are fixed numbers.
Result<std::vector<int>> axes_of(Importer& in, const ov::Node& node, std::size_t index) {
    std::vector<int> axes;
    for (std::int64_t axis : SLUICE_TRY(in.integers(node, index)))
        axes.push_back(static_cast<int>(axis_of(axis, in.shape(in.input(node, 0)).size())));
    return axes;
}

Shape reduced(Shape shape, const std::vector<int>& axes) {
    for (int axis : axes)
        shape[static_cast<std::size_t>(axis)] = 1;
    return shape;
}

/// x less its logarithm of the sum of exponentials, the largest number taken out first.
Result<void> log_softmax(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v5::LogSoftmax&>(node);
    const ValueId x = in.input(node, 0);
    const Shape shape = in.shape(x);
    const std::string& name = node.get_friendly_name();
    const std::vector<int> axes{static_cast<int>(axis_of(op.get_axis(), shape.size()))};
    const Shape kept = reduced(shape, axes);
    const ValueId highest = in.emit(name, Reduce{Reduce::Kind::kMax, axes}, {x}, kept);
    const ValueId below = in.emit(name, Pointwise{}, {x, highest}, shape, {{PointOp::kSub, 1}});
    const ValueId powers = in.emit(name, Pointwise{}, {below}, shape, {{PointOp::kExp}});
    const ValueId sum = in.emit(name, Reduce{Reduce::Kind::kSum, axes}, {powers}, kept);
    const ValueId log = in.emit(name, Pointwise{}, {sum}, kept, {{PointOp::kLog}});
    in.add(node, Pointwise{}, {below, log}, {{PointOp::kSub, 1}});
    return {};
}

/// The epsilon beside the root is as good as its square under it: both only keep from dividing by
/// 0.
Result<void> mvn(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v6::MVN&>(node);
    const ValueId x = in.input(node, 0);
    const auto axes = SLUICE_TRY(axes_of(in, node, 1));
    if (!op.get_normalize_variance()) {
        const ValueId mean = in.emit(node.get_friendly_name(),
                                     Reduce{Reduce::Kind::kMean, axes},
                                     {x},
                                     reduced(in.shape(x), axes));
        in.add(node, Pointwise{}, {x, mean}, {{PointOp::kSub, 1}});
        return {};
    }
    float epsilon = op.get_eps();
    if (op.get_eps_mode() == ov::op::MVNEpsMode::OUTSIDE_SQRT) epsilon *= epsilon;
    in.add(node, Normalize{axes, epsilon}, {x});
    return {};
}

/// Groups of channels, each as one row; then a factor and a summand for each channel.
Result<void> group_normalization(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v12::GroupNormalization&>(node);
    ValueId x = in.input(node, 0);
    const Shape shape = in.shape(x);
    const std::string& name = node.get_friendly_name();
    const std::int64_t groups = op.get_num_groups();
    const Shape rows{shape[0], groups, memory::element_count(shape) / shape[0] / groups};
    x = in.emit(name, Reshape{}, {x}, rows);
    x = in.emit(name, Normalize{{2}, static_cast<float>(op.get_epsilon())}, {x}, rows);
    x = in.emit(name, Reshape{}, {x}, shape);
    Shape per_channel(shape.size() - 1, 1);
    per_channel[0] = shape[1];
    const ValueId scale = in.emit(name, Reshape{}, {in.input(node, 1)}, per_channel);
    const ValueId shift = in.emit(name, Reshape{}, {in.input(node, 2)}, per_channel);
    in.add(node, Pointwise{}, {x, scale, shift}, {{PointOp::kMul, 1}, {PointOp::kAdd, 2}});
    return {};
}

/// As SSD's: a vector over its length. The epsilon is added under the root, or is the least there.
Result<void> normalize_l2(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::NormalizeL2&>(node);
    const ValueId x = in.input(node, 0);
    const auto axes = SLUICE_TRY(axes_of(in, node, 1));
    const std::string& name = node.get_friendly_name();
    const Shape kept = reduced(in.shape(x), axes);
    const ValueId length = in.emit(name, Reduce{Reduce::Kind::kL2, axes}, {x}, kept);
    const float epsilon = op.get_eps();
    const ValueId safe =
        op.get_eps_mode() == ov::op::EpsMode::ADD
            ? in.emit(name,
                      Pointwise{},
                      {length},
                      kept,
                      {{PointOp::kSave},
                       {PointOp::kMulSaved},
                       {PointOp::kAdd, -1, epsilon},
                       {PointOp::kSqrt}})
            : in.emit(name, Pointwise{}, {length}, kept, {{PointOp::kMax, -1, std::sqrt(epsilon)}});
    in.add(node, Pointwise{}, {x, safe}, {{PointOp::kDiv, 1}});
    return {};
}

Result<void> grid_sample(Importer& in, const ov::Node& node) {
    using Op = ov::op::v9::GridSample;
    const auto& attributes = static_cast<const Op&>(node).get_attributes();
    if (attributes.mode == Op::InterpolationMode::BICUBIC)
        return Importer::refuse(node, "bicubic is not supported, bilinear and nearest are");
    if (attributes.padding_mode == Op::PaddingMode::REFLECTION)
        return Importer::refuse(node, "reflection is not supported, zeros and border are");
    in.add(node,
           GridSample{attributes.mode == Op::InterpolationMode::BILINEAR,
                      attributes.align_corners,
                      attributes.padding_mode == Op::PaddingMode::BORDER},
           {in.input(node, 0), in.input(node, 1)});
    return {};
}

}  // namespace

Handler find_row_handler(std::string_view type) {
    static const std::map<std::string_view, Handler> table{
        {"Softmax", softmax},
        {"LogSoftmax", log_softmax},
        {"ReduceMean", reduce<Reduce::Kind::kMean>},
        {"ReduceSum", reduce<Reduce::Kind::kSum>},
        {"ReduceMax", reduce<Reduce::Kind::kMax>},
        {"ReduceMin", reduce<Reduce::Kind::kMin>},
        {"ReduceProd", reduce<Reduce::Kind::kProduct>},
        {"ReduceL1", reduce<Reduce::Kind::kL1>},
        {"ReduceL2", reduce<Reduce::Kind::kL2>},
        {"MVN", mvn},
        {"GroupNormalization", group_normalization},
        {"NormalizeL2", normalize_l2},
        {"GridSample", grid_sample},
    };
    auto found = table.find(type);
    return found == table.end() ? nullptr : found->second;
}

}  // namespace sluice::infer::cuda
