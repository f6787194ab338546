#include <map>
#include <optional>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"

namespace sluice::infer::cuda {
namespace {

/// x and y in this order, or the other with another operation that comes to the same; y as a number
/// of the step where it is a single one.
Result<void> arithmetic(Importer& in,
                        const ov::Node& node,
                        PointOp op,
                        std::optional<PointOp> swapped) {
    ValueId x = in.input(node, 0);
    ValueId y = in.input(node, 1);
    if (swapped && in.value(x).data && !in.value(y).data) {
        std::swap(x, y);
        op = *swapped;
    }
    PointStep step{op};
    std::vector<ValueId> inputs{x};
    const auto& data = in.value(y).data;
    if (data && data->size() == 1 && in.shape(y).size() <= in.shape(x).size()) {
        step.a = data->front();
    } else {
        step.input = 1;
        inputs.push_back(y);
    }
    std::vector<PointStep> steps{step};
    // Whole numbers are divided as whole numbers.
    if (ov::is_type<ov::op::v1::Divide>(&node) && in.value(x).whole && in.value(y).whole)
        steps.push_back({PointOp::kFloor});
    in.add(node, Pointwise{}, std::move(inputs), std::move(steps));
    return {};
}

template <PointOp op, PointOp swapped = op>
Result<void> binary(Importer& in, const ov::Node& node) {
    return arithmetic(in, node, op, swapped);
}

/// Where the order cannot be swapped.
template <PointOp op>
Result<void> ordered(Importer& in, const ov::Node& node) {
    return arithmetic(in, node, op, std::nullopt);
}

/// The second where the condition is 0.
Result<void> select(Importer& in, const ov::Node& node) {
    in.add(node,
           Pointwise{},
           {in.input(node, 2), in.input(node, 1), in.input(node, 0)},
           {{PointOp::kSave}, {PointOp::kTake, 1}, {PointOp::kChoose, 2}});
    return {};
}

/// Between types; the numbers stay what they are but for what an integer cannot hold.
Result<void> convert(Importer& in, const ov::Node& node) {
    const ValueId x = in.input(node, 0);
    const auto from = node.get_input_element_type(0);
    const auto to = node.get_output_element_type(0);
    if (to == ov::element::boolean && from != to) {
        in.add(node, Pointwise{}, {x}, {{PointOp::kNotEqual, -1, 0.0f}});
    } else if (to.is_integral_number() && from.is_real()) {
        in.add(node, Pointwise{}, {x}, {{PointOp::kTruncate}});
    } else {
        in.alias(node, x);
    }
    return {};
}

Result<void> logical_not(Importer& in, const ov::Node& node) {
    in.add(node, Pointwise{}, {in.input(node, 0)}, {{PointOp::kEqual, -1, 0.0f}});
    return {};
}

Result<void> round(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v5::Round&>(node);
    if (op.get_mode() != ov::op::v5::Round::RoundMode::HALF_TO_EVEN)
        return Importer::refuse(node, "halves away from zero are not supported, to even are");
    in.add(node, Pointwise{}, {in.input(node, 0)}, {{PointOp::kRound}});
    return {};
}

Result<void> squared_difference(Importer& in, const ov::Node& node) {
    in.add(node,
           Pointwise{},
           {in.input(node, 0), in.input(node, 1)},
           {{PointOp::kSub, 1}, {PointOp::kSave}, {PointOp::kMulSaved}});
    return {};
}

template <PointOp op>
Result<void> unary(Importer& in, const ov::Node& node) {
    in.add(node, Pointwise{}, {in.input(node, 0)}, {{op}});
    return {};
}

Result<void> negative(Importer& in, const ov::Node& node) {
    in.add(node, Pointwise{}, {in.input(node, 0)}, {{PointOp::kMul, -1, -1.0f}});
    return {};
}

Result<void> clamp(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::Clamp&>(node);
    in.add(node,
           Pointwise{},
           {in.input(node, 0)},
           {{PointOp::kClamp,
             -1,
             static_cast<float>(op.get_min()),
             static_cast<float>(op.get_max())}});
    return {};
}

Result<void> elu(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::Elu&>(node);
    in.add(node,
           Pointwise{},
           {in.input(node, 0)},
           {{PointOp::kElu, -1, static_cast<float>(op.get_alpha())}});
    return {};
}

Result<float> number(Importer& in, const ov::Node& node, std::size_t index) {
    const auto& data = in.value(in.input(node, index)).data;
    if (!data || data->size() != 1)
        return Importer::refuse(node, fmt::format("input {} must be one fixed number", index));
    return data->front();
}

Result<void> hard_sigmoid(Importer& in, const ov::Node& node) {
    const float alpha = SLUICE_TRY(number(in, node, 1));
    const float beta = SLUICE_TRY(number(in, node, 2));
    in.add(node, Pointwise{}, {in.input(node, 0)}, {{PointOp::kHardSigmoid, -1, alpha, beta}});
    return {};
}

Result<void> selu(Importer& in, const ov::Node& node) {
    const float alpha = SLUICE_TRY(number(in, node, 1));
    const float lambda = SLUICE_TRY(number(in, node, 2));
    in.add(node,
           Pointwise{},
           {in.input(node, 0)},
           {{PointOp::kElu, -1, alpha}, {PointOp::kMul, -1, lambda}});
    return {};
}

/// HSigmoid is min(max(x + 3, 0), 6) / 6.
Result<void> fixed_hard_sigmoid(Importer& in, const ov::Node& node) {
    in.add(
        node, Pointwise{}, {in.input(node, 0)}, {{PointOp::kHardSigmoid, -1, 1.0f / 6.0f, 0.5f}});
    return {};
}

Result<void> swish(Importer& in, const ov::Node& node) {
    if (node.get_input_size() > 1 && SLUICE_TRY(number(in, node, 1)) != 1.0f)
        return Importer::refuse(node, "a beta other than 1 is not supported");
    return unary<PointOp::kSwish>(in, node);
}

/// Its slope: one number, or one per channel (a vector then, which does not spread as ours do).
Result<void> prelu(Importer& in, const ov::Node& node) {
    const ValueId x = in.input(node, 0);
    ValueId slope = in.input(node, 1);
    const Value& value = in.value(slope);
    if (!value.data) return Importer::refuse(node, "a computed slope is not supported");
    if (value.data->size() == 1) {
        in.add(node, Pointwise{}, {x}, {{PointOp::kLeakyRelu, -1, value.data->front()}});
        return {};
    }
    if (value.shape.size() == 1 && in.shape(x).size() > 1 && value.shape[0] == in.shape(x)[1]) {
        Shape spread_over(in.shape(x).size() - 1, 1);
        spread_over[0] = value.shape[0];
        slope = in.constant(*value.data, spread_over, value.name);
    }
    in.add(node, Pointwise{}, {x, slope}, {{PointOp::kLeakyRelu, 1}});
    return {};
}

Result<void> gelu(Importer& in, const ov::Node& node) {
    const auto* op = ov::as_type<const ov::op::v7::Gelu>(&node);
    if (op == nullptr || op->get_approximation_mode() == ov::op::GeluApproximationMode::ERF)
        return unary<PointOp::kGelu>(in, node);
    // x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2
    in.add(node,
           Pointwise{},
           {in.input(node, 0)},
           {{PointOp::kSave},
            {PointOp::kMulSaved},
            {PointOp::kMul, -1, 0.044715f},
            {PointOp::kAdd, -1, 1.0f},
            {PointOp::kMulSaved},
            {PointOp::kMul, -1, 0.7978845608f},
            {PointOp::kTanh},
            {PointOp::kAdd, -1, 1.0f},
            {PointOp::kMulSaved},
            {PointOp::kMul, -1, 0.5f}});
    return {};
}

}  // namespace

Handler find_math_handler(std::string_view type) {
    using enum PointOp;
    static const std::map<std::string_view, Handler> table{
        {"Add", binary<kAdd>},
        {"Subtract", binary<kSub, kSubFrom>},
        {"Multiply", binary<kMul>},
        {"Divide", binary<kDiv, kDivFrom>},
        {"Maximum", binary<kMax>},
        {"Minimum", binary<kMin>},
        {"Power", ordered<kPow>},
        {"Mod", ordered<kMod>},
        {"FloorMod", ordered<kFloorMod>},
        {"Equal", binary<kEqual>},
        {"NotEqual", binary<kNotEqual>},
        {"Less", binary<kLess, kGreater>},
        {"LessEqual", binary<kLessEqual, kGreaterEqual>},
        {"Greater", binary<kGreater, kLess>},
        {"GreaterEqual", binary<kGreaterEqual, kLessEqual>},
        {"LogicalAnd", binary<kMul>},
        {"LogicalOr", binary<kMax>},
        {"LogicalXor", binary<kNotEqual>},
        {"LogicalNot", logical_not},
        {"Select", select},
        {"Convert", convert},
        {"SquaredDifference", squared_difference},
        {"Negative", negative},
        {"Relu", unary<kRelu>},
        {"PRelu", prelu},
        {"Clamp", clamp},
        {"Sigmoid", unary<kSigmoid>},
        {"Swish", swish},
        {"HSwish", unary<kHardSwish>},
        {"HSigmoid", fixed_hard_sigmoid},
        {"HardSigmoid", hard_sigmoid},
        {"Tanh", unary<kTanh>},
        {"Exp", unary<kExp>},
        {"Log", unary<kLog>},
        {"Sqrt", unary<kSqrt>},
        {"Abs", unary<kAbs>},
        {"Elu", elu},
        {"SoftPlus", unary<kSoftplus>},
        {"Mish", unary<kMish>},
        {"Gelu", gelu},
        {"Erf", unary<kErf>},
        {"Floor", unary<kFloor>},
        {"Ceiling", unary<kCeil>},
        {"Round", round},
        {"Sign", unary<kSign>},
        {"Sin", unary<kSin>},
        {"Cos", unary<kCos>},
        {"Selu", selu},
    };
    auto found = table.find(type);
    return found == table.end() ? nullptr : found->second;
}

}  // namespace sluice::infer::cuda
