#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/infer/backends/cuda/test_graphs.h"

namespace sluice::infer::cuda {
namespace {

using namespace ov::op;
using Numbers = std::vector<std::int64_t>;
using Outputs = ov::OutputVector;

constexpr unsigned kSeed = 20261126;
constexpr unsigned kDraws = 5;

/// Where shapes and attributes come from: the same on every machine for one seed.
class Draw {
public:
    explicit Draw(unsigned seed) : random_(seed) {}

    /// From `low` to `high`, both included.
    std::int64_t whole(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(random_() % static_cast<unsigned>(high - low + 1));
    }
    std::size_t size(std::size_t low, std::size_t high) {
        return static_cast<std::size_t>(
            whole(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)));
    }
    bool coin() { return whole(0, 1) == 1; }
    template <class T>
    T of(const std::vector<T>& values) {
        return values[size(0, values.size() - 1)];
    }
    std::size_t divisor(std::size_t number) {
        std::size_t result = size(1, number);
        while (number % result != 0)
            --result;
        return result;
    }
    std::int64_t axis(const Port& x) {
        return whole(0, static_cast<std::int64_t>(x.get_shape().size()) - 1);
    }
    /// Some of x, in their order; at least one.
    Numbers axes(const Port& x) {
        const std::size_t count = x.get_shape().size();
        Numbers result;
        const std::size_t sure = size(0, count - 1);
        for (std::size_t i = 0; i < count; ++i) {
            if (i == sure || coin()) result.push_back(static_cast<std::int64_t>(i));
        }
        return result;
    }
    std::shared_ptr<ov::Node> constant(const ov::Shape& shape, float low = -1, float high = 1) {
        return random_constant(shape, random_(), low, high);
    }
    /// Places in an extent, counted from either end.
    std::shared_ptr<ov::Node> places(const ov::Shape& shape, std::size_t extent, bool from_end) {
        const auto end = static_cast<std::int64_t>(extent);
        Numbers values(ov::shape_size(shape));
        for (std::int64_t& value : values)
            value = whole(from_end ? -end : 0, end - 1);
        return v0::Constant::create(ov::element::i64, shape, values);
    }
    /// What spreads over x, or over which x spreads; computed, or fixed numbers.
    Port other(const Port& x) {
        if (coin()) return make<v1::ReduceMax>(times(x, 2.0f), numbers(axes(x)), true);
        ov::Shape shape = x.get_shape();
        for (std::size_t& extent : shape)
            extent = of<std::size_t>({1, extent, extent == 1 ? 3 : extent});
        shape.erase(shape.begin(), shape.begin() + whole(0, axis(x)));
        return constant(shape);
    }
    static Port times(const Port& x, float factor) { return make<v1::Multiply>(x, number(factor)); }

private:
    std::mt19937 random_;
};

ov::Shape image(Draw& draw) {
    const std::size_t batch = draw.of<std::size_t>({1, 1, 2, 3});
    const std::size_t channels = draw.of<std::size_t>({1, 3, 5, 8, 12, 16, 17, 24});
    const std::size_t height = draw.of<std::size_t>({1, 2, 5, 7, 8, 13});
    return {batch, channels, height, draw.of<std::size_t>({1, 3, 4, 5, 9, 11})};
}

ov::Shape any(Draw& draw) {
    if (draw.coin()) return image(draw);
    ov::Shape shape(draw.size(2, 5));
    for (std::size_t& extent : shape)
        extent = draw.of<std::size_t>({1, 2, 3, 5, 8, 9});
    return shape;
}

/// Of channels, rows and columns that go by two.
ov::Shape blocks(Draw& draw) {
    ov::Shape shape{draw.size(1, 3), 4 * draw.size(1, 5), 2 * draw.size(1, 4)};
    shape.push_back(2 * draw.size(1, 4));
    return shape;
}

Port as_float(const Port& x) {
    return make<v0::Convert>(x, ov::element::f32);
}

Port positive(const Port& x, float least) {
    return make<v1::Add>(make<v0::Abs>(x), number(least));
}

template <class Op>
Outputs unary(Draw&, const Port& x) {
    return {make<Op>(Draw::times(x, 3.0f))};
}

template <class Op>
Outputs unary_of_positive(Draw&, const Port& x) {
    return {make<Op>(positive(x, 0.3f))};
}

template <class Op>
Outputs binary(Draw& draw, const Port& x) {
    const Port y = draw.other(x);
    return {make<Op>(x, y), make<Op>(y, x)};
}

template <class Op>
Outputs binary_of_positive(Draw& draw, const Port& x) {
    const Port y = draw.other(x);
    return {make<Op>(positive(x, 0.1f), positive(y, 0.4f)),
            make<Op>(positive(y, 0.1f), positive(x, 0.4f))};
}

template <class Op>
Outputs comparison(Draw& draw, const Port& x) {
    const Port y = draw.coin() ? x : draw.other(x);
    return {as_float(make<Op>(x, y)), as_float(make<Op>(y, x))};
}

template <class Op>
Outputs logic(Draw& draw, const Port& x) {
    const Port a = make<v1::Greater>(x, number(0.1f));
    return {as_float(make<Op>(a, make<v1::Less>(draw.other(x), number(0.3f))))};
}

template <class Op>
Outputs reduction(Draw& draw, const Port& x) {
    const auto axes = numbers(draw.axes(x));
    return {make<Op>(x, axes, draw.coin())};
}

Outputs prelu(Draw& draw, const Port& x) {
    const ov::Shape slopes{draw.coin() ? 1 : x.get_shape()[1]};
    return {make<v0::PRelu>(x, draw.constant(slopes))};
}

Outputs select(Draw& draw, const Port& x) {
    const Port condition = make<v1::Greater>(draw.other(x), number(0.1f));
    return {make<v1::Select>(condition, x, draw.other(x)),
            make<v1::Select>(condition, number(2), x)};
}

Outputs roundings(Draw&, const Port& x) {
    const Port y = Draw::times(x, 5.0f);
    return {make<v0::Floor>(y),
            make<v0::Ceiling>(y),
            make<v5::Round>(y, v5::Round::RoundMode::HALF_TO_EVEN),
            make<v0::Sign>(y),
            as_float(make<v0::Convert>(y, ov::element::i32))};
}

Outputs parametric(Draw& draw, const Port& x) {
    const float alpha = static_cast<float>(draw.whole(1, 20)) / 10;
    const Port y = Draw::times(x, 3.0f);
    return {make<v0::HardSigmoid>(y, number(alpha), number(0.5f)),
            make<v0::Elu>(y, alpha),
            make<v0::Clamp>(y, -alpha, 1.5),
            make<v0::Selu>(y, number(alpha), number(1.05f)),
            make<v7::Gelu>(y),
            make<v7::Gelu>(y, GeluApproximationMode::TANH)};
}

/// Rows and columns of a window that fits into the image and its borders.
struct Window {
    ov::Shape kernel;
    ov::Strides stride;
    ov::Strides dilation{1, 1};
    ov::CoordinateDiff begin;
    ov::CoordinateDiff end;

    Window(Draw& draw, const Port& x, bool dilates) {
        for (std::size_t i = 0; i < 2; ++i) {
            kernel.push_back(draw.of<std::size_t>({1, 2, 3, 5}));
            stride.push_back(draw.size(1, 3));
            if (dilates) dilation[i] = draw.size(1, 2);
            const auto reach = static_cast<std::int64_t>((kernel[i] - 1) * dilation[i]);
            begin.push_back(draw.whole(0, std::min<std::int64_t>(2, reach)));
            end.push_back(draw.whole(0, std::min<std::int64_t>(2, reach)));
            const auto extent = static_cast<std::int64_t>(x.get_shape()[2 + i]);
            end[i] = std::max(end[i], reach + 1 - extent - begin[i]);
        }
    }
};

Outputs convolution(Draw& draw, const Port& x) {
    const Window window(draw, x, true);
    const ov::Shape weights{draw.of<std::size_t>({1, 5, 8, 16, 19}),
                            x.get_shape()[1],
                            window.kernel[0],
                            window.kernel[1]};
    return {make<v1::Convolution>(
        x, draw.constant(weights), window.stride, window.begin, window.end, window.dilation)};
}

Outputs group_convolution(Draw& draw, const Port& x, std::size_t groups, std::size_t outputs) {
    const Window window(draw, x, true);
    const ov::Shape weights{
        groups, outputs, x.get_shape()[1] / groups, window.kernel[0], window.kernel[1]};
    return {make<v1::GroupConvolution>(
        x, draw.constant(weights), window.stride, window.begin, window.end, window.dilation)};
}

Outputs groups(Draw& draw, const Port& x) {
    const std::size_t groups = draw.divisor(x.get_shape()[1]);
    return group_convolution(draw, x, groups, draw.size(1, 9));
}

Outputs each_channel(Draw& draw, const Port& x) {
    return group_convolution(draw, x, x.get_shape()[1], draw.of<std::size_t>({1, 1, 2}));
}

/// A transposed convolution, of groups where weights have them in front.
template <class Op>
Outputs transposed(Draw& draw, const Port& x) {
    const bool grouped = std::is_same_v<Op, v1::GroupConvolutionBackpropData>;
    const std::size_t groups = grouped ? 2 * draw.divisor(x.get_shape()[1] / 2) : 1;
    ov::Shape weights{x.get_shape()[1] / groups, draw.of<std::size_t>({1, 3, 8})};
    if (grouped) weights.insert(weights.begin(), groups);
    ov::Strides stride;
    ov::CoordinateDiff begin, end, more;
    for (int i = 0; i < 2; ++i) {
        const std::int64_t kernel = draw.whole(1, 4);
        weights.push_back(static_cast<std::size_t>(kernel));
        stride.push_back(draw.size(1, 3));
        begin.push_back(draw.whole(0, (kernel - 1) / 2));
        end.push_back(draw.whole(0, (kernel - 1) / 2));
        more.push_back(draw.whole(0, static_cast<std::int64_t>(stride.back()) - 1));
    }
    return {make<Op>(
        x, draw.constant(weights), stride, begin, end, ov::Strides{1, 1}, PadType::EXPLICIT, more)};
}

ov::Shape as_shape(const ov::CoordinateDiff& pads) {
    return {pads.begin(), pads.end()};
}

Outputs max_pools(Draw& draw, const Port& x) {
    const Window window(draw, x, false);
    const auto rounding = draw.of<RoundingType>({RoundingType::FLOOR, RoundingType::CEIL_TORCH});
    return {std::make_shared<v14::MaxPool>(x,
                                           window.stride,
                                           window.dilation,
                                           as_shape(window.begin),
                                           as_shape(window.end),
                                           window.kernel,
                                           rounding)
                ->output(0)};
}

/// Rounded up they do not count their padding: what hangs over it would count for OpenVINO's CPU,
/// and does not for ONNX and us.
Outputs average_pools(Draw& draw, const Port& x) {
    const Window window(draw, x, false);
    const auto rounding = draw.of<RoundingType>({RoundingType::FLOOR, RoundingType::CEIL_TORCH});
    return {make<v14::AvgPool>(x,
                               window.stride,
                               as_shape(window.begin),
                               as_shape(window.end),
                               window.kernel,
                               rounding != RoundingType::FLOOR || draw.coin(),
                               rounding)};
}

Outputs resizes(Draw& draw, const Port& x) {
    using Mode = Interpolate::InterpolateMode;
    using Place = Interpolate::CoordinateTransformMode;
    using Nearest = Interpolate::NearestMode;
    const std::int64_t height = draw.whole(1, 16);
    const std::int64_t width = draw.whole(1, 16);
    const auto place = draw.of<Place>(
        {Place::HALF_PIXEL, Place::PYTORCH_HALF_PIXEL, Place::ASYMMETRIC, Place::ALIGN_CORNERS});
    const auto nearest = draw.of<Nearest>({Nearest::FLOOR, Nearest::ROUND_PREFER_FLOOR});
    return {resize(x, height, width, Mode::LINEAR_ONNX, place),
            resize(x, height, width, Mode::NEAREST, place, nearest)};
}

Outputs products(Draw& draw, const Port& x) {
    const ov::Shape& shape = x.get_shape();
    const std::size_t last = shape.back();
    const std::size_t rows = shape[shape.size() - 2];
    const std::size_t outputs = draw.of<std::size_t>({1, 4, 7, 16});
    const Port y = Draw::times(x, 0.5f);
    return {make<v0::MatMul>(x, draw.constant({last, outputs}), false, false),
            make<v0::MatMul>(x, draw.constant({outputs, last}), false, true),
            make<v0::MatMul>(draw.constant({outputs, rows}), x, false, false),
            make<v0::MatMul>(x, y, false, true),
            make<v0::MatMul>(x, y, true, false)};
}

/// What is normalised of one number is zero, give or take: x gives it a size.
Outputs mvn(Draw& draw, const Port& x) {
    const auto axes = numbers(draw.axes(x));
    return {make<v1::Add>(x, make<v6::MVN>(x, axes, draw.coin(), 1e-3f, MVNEpsMode::INSIDE_SQRT))};
}

Outputs group_normalization(Draw& draw, const Port& x) {
    const std::size_t channels = x.get_shape()[1];
    const Port scale = draw.constant({channels});
    const Port shift = draw.constant({channels});
    const auto groups = static_cast<std::int64_t>(draw.divisor(channels));
    return {make<v1::Add>(x, make<v12::GroupNormalization>(x, scale, shift, groups, 1e-3))};
}

Outputs batch_norm(Draw& draw, const Port& x) {
    const ov::Shape channels{x.get_shape()[1]};
    const Port scale = draw.constant(channels);
    const Port variance = draw.constant(channels, 0.5f, 2.0f);
    return {make<v5::BatchNormInference>(x, scale, scale, scale, variance, 1e-5)};
}

Outputs normalize_l2(Draw& draw, const Port& x) {
    const EpsMode mode = draw.coin() ? EpsMode::ADD : EpsMode::MAX;
    return {make<v0::NormalizeL2>(x, numbers(draw.axes(x)), 1e-2f, mode)};
}

Outputs softmaxes(Draw& draw, const Port& x) {
    const std::int64_t axis = draw.axis(x);
    return {make<v8::Softmax>(x, axis), make<v1::Add>(x, make<v5::LogSoftmax>(x, axis))};
}

Outputs concats(Draw& draw, const Port& x) {
    const std::int64_t axis = draw.axis(x);
    ov::Shape shape = x.get_shape();
    shape[static_cast<std::size_t>(axis)] = draw.size(1, 9);
    return {join({x, draw.constant(shape), make<v0::Relu>(x)}, axis)};
}

Outputs splits(Draw& draw, const Port& x) {
    const std::int64_t axis = draw.axis(x);
    const std::size_t extent = x.get_shape()[static_cast<std::size_t>(axis)];
    const auto along = v0::Constant::create(ov::element::i64, {}, {axis});
    Outputs parts = std::make_shared<v1::Split>(x, along, draw.divisor(extent))->outputs();
    if (extent == 1) return parts;
    const auto first = static_cast<std::int64_t>(draw.size(1, extent - 1));
    const auto uneven = std::make_shared<v1::VariadicSplit>(x, along, numbers({first, -1}));
    for (const Port& part : uneven->outputs())
        parts.push_back(make<v0::Relu>(part));
    return parts;
}

Outputs slices(Draw& draw, const Port& x) {
    Numbers begin, end, step, from_end, shrinks;
    for (const std::size_t size : x.get_shape()) {
        const auto extent = static_cast<std::int64_t>(size);
        begin.push_back(draw.whole(0, extent - 1));
        end.push_back(draw.whole(begin.back() + 1, extent + 2));
        step.push_back(draw.whole(1, 3));
        from_end.push_back(begin.back() - extent);
        shrinks.push_back(draw.whole(0, 3) == 0);
    }
    const auto all = numbers(step);
    Numbers axes(begin.size());
    std::iota(axes.begin(), axes.end(), 0);
    const Numbers none(begin.size(), 0);
    const Numbers open = {draw.whole(0, 1)};
    return {make<v8::Slice>(x, numbers(begin), numbers(end), all, numbers(axes)),
            make<v8::Slice>(x, numbers(from_end), numbers(end), all),
            make<v1::StridedSlice>(x, numbers(begin), numbers(end), all, open, open),
            make<v1::StridedSlice>(x,
                                   numbers(begin),
                                   numbers(end),
                                   numbers(Numbers(begin.size(), 1)),
                                   none,
                                   none,
                                   none,
                                   shrinks)};
}

/// Without fixed places of each batch, by which OpenVINO 2026.4's Gather reads beside the data.
Outputs gathers(Draw& draw, const Port& x) {
    const ov::Shape& shape = x.get_shape();
    const std::int64_t axis = draw.axis(x);
    const std::size_t extent = shape[static_cast<std::size_t>(axis)];
    const auto along = v0::Constant::create(ov::element::i64, {}, {axis});
    const ov::Shape several = draw.coin() ? ov::Shape{3} : ov::Shape{2, 3};
    ov::Shape elements = shape;
    elements[static_cast<std::size_t>(axis)] = draw.size(1, 4);
    return {make<v8::Gather>(x, draw.places(several, extent, true), along),
            make<v8::Gather>(x, draw.places({}, extent, true), along),
            make<v6::GatherElements>(x, draw.places(elements, extent, false), axis),
            make<v8::GatherND>(x, draw.places({4, 1}, shape[0], true)),
            make<v8::GatherND>(x, draw.places({shape[0], 3, 1}, shape[1], true), 1)};
}

Outputs tops(Draw& draw, const Port& x) {
    const std::int64_t axis = draw.axis(x);
    const auto extent = static_cast<std::int64_t>(x.get_shape()[static_cast<std::size_t>(axis)]);
    const auto count = v0::Constant::create(ov::element::i64, {}, {draw.whole(1, extent)});
    const TopKMode mode = draw.coin() ? TopKMode::MAX : TopKMode::MIN;
    const auto top = std::make_shared<v11::TopK>(x, count, axis, mode, TopKSortType::SORT_VALUES);
    return {top->output(0), as_float(top->output(1))};
}

Outputs shapes(Draw& draw, const Port& x) {
    const ov::Shape& shape = x.get_shape();
    Numbers order(shape.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = 1; i < order.size(); ++i)
        std::swap(order[i], order[draw.size(0, i)]);
    const Port turned = transpose(x, order);
    const Port wider = make<v0::Unsqueeze>(turned, numbers({draw.axis(x)}));
    const std::int64_t first = static_cast<std::int64_t>(draw.divisor(ov::shape_size(shape)));
    return {turned,
            reshape(turned, {first, -1}),
            make<v0::Relu>(reshape(x, {-1, first})),
            make<v1::Reshape>(x, numbers({0, -1}), true),
            wider,
            make<v0::Relu>(make<v0::Squeeze>(wider)),
            make<v0::Relu>(make<v16::Identity>(x))};
}

Outputs repeats(Draw& draw, const Port& x) {
    Numbers often, border, other_border, to;
    for (const std::size_t extent : x.get_shape()) {
        often.push_back(draw.whole(1, 3));
        border.push_back(draw.whole(0, 2));
        other_border.push_back(draw.whole(0, 2));
        to.push_back(static_cast<std::int64_t>(extent));
    }
    const Port one = make<v1::ReduceMax>(x, numbers(draw.axes(x)), true);
    to.insert(to.begin(), draw.whole(1, 3));
    return {
        make<v0::Tile>(x, numbers(often)),
        make<v3::Broadcast>(one, numbers(to)),
        make<v3::Broadcast>(draw.constant({x.get_shape()[0]}), numbers(to), numbers({1})),
        make<v1::Pad>(x, numbers(border), numbers(other_border), number(0.5f), PadMode::CONSTANT)};
}

Outputs depths(Draw&, const Port& x) {
    using ToSpace = v0::DepthToSpace;
    using ToDepth = v0::SpaceToDepth;
    return {make<ToSpace>(x, ToSpace::DepthToSpaceMode::BLOCKS_FIRST, 2),
            make<ToSpace>(x, ToSpace::DepthToSpaceMode::DEPTH_FIRST, 2),
            make<ToDepth>(x, ToDepth::SpaceToDepthMode::BLOCKS_FIRST, 2),
            make<ToDepth>(x, ToDepth::SpaceToDepthMode::DEPTH_FIRST, 2)};
}

Outputs grid_samples(Draw& draw, const Port& x) {
    using Grid = v9::GridSample;
    const Port grid = draw.constant({x.get_shape()[0], draw.size(1, 5), 3, 2}, -1.3f, 1.3f);
    const auto padding =
        draw.of<Grid::PaddingMode>({Grid::PaddingMode::ZEROS, Grid::PaddingMode::BORDER});
    const bool corners = draw.coin();
    return {
        make<Grid>(x, grid, Grid::Attributes(corners, Grid::InterpolationMode::BILINEAR, padding)),
        make<Grid>(x, grid, Grid::Attributes(corners, Grid::InterpolationMode::NEAREST, padding))};
}

struct Family {
    const char* name;
    ov::Shape (*shape)(Draw&);
    Outputs (*body)(Draw&, const Port&);
    /// Rounding a number on an edge gives another answer, so that fp16 does not come near.
    bool jumps = false;
};

constexpr Family kFamilies[] = {
    {"Add", any, binary<v1::Add>},
    {"Subtract", any, binary<v1::Subtract>},
    {"Multiply", any, binary<v1::Multiply>},
    {"Maximum", any, binary<v1::Maximum>},
    {"Minimum", any, binary<v1::Minimum>},
    {"SquaredDifference", any, binary<v0::SquaredDifference>},
    {"Divide", any, binary_of_positive<v1::Divide>},
    {"Power", any, binary_of_positive<v1::Power>},
    {"Mod", any, binary_of_positive<v1::Mod>, true},
    {"FloorMod", any, binary_of_positive<v1::FloorMod>, true},
    {"Equal", any, comparison<v1::Equal>, true},
    {"NotEqual", any, comparison<v1::NotEqual>, true},
    {"Less", any, comparison<v1::Less>, true},
    {"LessEqual", any, comparison<v1::LessEqual>, true},
    {"Greater", any, comparison<v1::Greater>, true},
    {"GreaterEqual", any, comparison<v1::GreaterEqual>, true},
    {"LogicalAnd", any, logic<v1::LogicalAnd>, true},
    {"LogicalOr", any, logic<v1::LogicalOr>, true},
    {"LogicalXor", any, logic<v1::LogicalXor>, true},
    {"LogicalNot",
     any,
     [](Draw&, const Port& x) -> Outputs {
         return {as_float(make<v1::LogicalNot>(make<v1::Less>(x, number(0.2f))))};
     },
     true},
    {"Select", any, select, true},
    {"Roundings", any, roundings, true},
    {"Negative", any, unary<v0::Negative>},
    {"Relu", any, unary<v0::Relu>},
    {"PRelu", any, prelu},
    {"Sigmoid", any, unary<v0::Sigmoid>},
    {"Swish", any, unary<v4::Swish>},
    {"HSwish", any, unary<v4::HSwish>},
    {"HSigmoid", any, unary<v5::HSigmoid>},
    {"Tanh", any, unary<v0::Tanh>},
    {"Exp", any, unary<v0::Exp>},
    {"Log", any, unary_of_positive<v0::Log>},
    {"Sqrt", any, unary_of_positive<v0::Sqrt>},
    {"Abs", any, unary<v0::Abs>},
    {"SoftPlus", any, unary<v4::SoftPlus>},
    {"Mish", any, unary<v4::Mish>},
    {"Erf", any, unary<v0::Erf>},
    {"Sin", any, unary<v0::Sin>},
    {"Cos", any, unary<v0::Cos>},
    {"Parametric", any, parametric},
    {"ReduceMean", any, reduction<v1::ReduceMean>},
    {"ReduceSum", any, reduction<v1::ReduceSum>},
    {"ReduceMax", any, reduction<v1::ReduceMax>},
    {"ReduceMin", any, reduction<v1::ReduceMin>},
    {"ReduceProd", any, reduction<v1::ReduceProd>},
    {"ReduceL1", any, reduction<v4::ReduceL1>},
    {"ReduceL2", any, reduction<v4::ReduceL2>},
    {"MVN", any, mvn},
    {"GroupNormalization", any, group_normalization},
    {"BatchNormInference", any, batch_norm},
    {"NormalizeL2", any, normalize_l2},
    {"Softmaxes", any, softmaxes},
    {"MaxPool", image, max_pools},
    {"AvgPool", image, average_pools},
    {"Convolution", image, convolution},
    {"GroupConvolution", image, groups},
    {"Depthwise", image, each_channel},
    {"ConvolutionBackpropData", image, transposed<v1::ConvolutionBackpropData>},
    // Of an even number of channels, so two groups or more: OpenVINO refuses some of one.
    {"GroupConvolutionBackpropData", blocks, transposed<v1::GroupConvolutionBackpropData>},
    {"MatMul", any, products},
    {"Interpolate", image, resizes},
    {"Concat", any, concats},
    {"Splits", any, splits},
    {"Slices", any, slices},
    {"Gathers", any, gathers},
    {"TopK", any, tops, true},
    {"Shapes", any, shapes},
    {"Repeats", any, repeats},
    {"Blocks", blocks, depths},
    {"GridSample", image, grid_samples, true},
};

}  // namespace

std::vector<TestGraph> random_graphs(bool may_jump) {
    std::vector<TestGraph> graphs;
    unsigned seed = kSeed;
    for (const Family& family : kFamilies) {
        for (unsigned i = 0; i < kDraws; ++i, ++seed) {
            if (family.jumps && !may_jump) continue;
            Draw draw(seed);
            const ov::Shape shape = family.shape(draw);
            graphs.push_back(
                graph_of(fmt::format("{}_seed{}_{}", family.name, seed, fmt::join(shape, "x")),
                         shape,
                         [draw, body = family.body](const Port& x) {
                             Draw again = draw;
                             return body(again, x);
                         }));
        }
    }
    return graphs;
}

}  // namespace sluice::infer::cuda
