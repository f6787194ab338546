#include "sluice/infer/backends/cuda/test_graphs.h"

namespace sluice::infer::cuda {
namespace {

using namespace ov::op;

std::shared_ptr<ov::Node> whole_number(std::int64_t value) {
    return v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

Port as_float(const Port& x) {
    return make<v0::Convert>(x, ov::element::f32);
}

/// Values and places; equal values in the order of their places, as ours are.
ov::OutputVector top(const Port& x,
                     std::int64_t count,
                     std::int64_t axis,
                     ov::op::TopKMode mode = ov::op::TopKMode::MAX) {
    auto op = std::make_shared<v11::TopK>(x,
                                          whole_number(count),
                                          axis,
                                          mode,
                                          ov::op::TopKSortType::SORT_VALUES,
                                          ov::element::i64,
                                          true);
    return op->outputs();
}

/// Numbers that fp16 holds too, so that it finds the same order.
Port coarse(const Port& x) {
    Port steps =
        make<v5::Round>(make<v1::Multiply>(x, number(512)), v5::Round::RoundMode::HALF_TO_EVEN);
    return make<v1::Multiply>(steps, number(1.0f / 512));
}

Port slice(const Port& x, std::int64_t begin, std::int64_t end, std::int64_t axis) {
    return make<v8::Slice>(x, numbers({begin}), numbers({end}), numbers({1}), numbers({axis}));
}

Port tile(const Port& x, const std::vector<std::int64_t>& repeats) {
    return make<v0::Tile>(x, numbers(repeats));
}

ov::OutputVector choices(const Port& x) {
    Port twice = make<v1::Multiply>(x, number(2.5f));
    Port row = random_constant({1, 1, 1, 7}, 1);
    Port positive = make<v1::Greater>(x, number(0.1f));
    Port small = make<v1::LessEqual>(number(0.7f), make<v0::Abs>(x));
    return {make<v1::Select>(positive, twice, row),
            make<v1::Select>(make<v1::LogicalAnd>(positive, small), number(3), x),
            make<v1::Select>(make<v1::LogicalOr>(small, make<v1::Less>(x, row)), x, number(-1)),
            as_float(make<v1::LogicalNot>(make<v1::GreaterEqual>(x, row))),
            as_float(make<v1::NotEqual>(make<v0::Floor>(twice), make<v0::Ceiling>(twice))),
            as_float(make<v1::Equal>(make<v0::Sign>(x), number(1))),
            make<v5::Round>(twice, v5::Round::RoundMode::HALF_TO_EVEN),
            as_float(make<v0::Convert>(twice, ov::element::i32)),
            make<v1::FloorMod>(x, number(0.3f)),
            make<v1::Mod>(x, number(0.3f)),
            make<v1::Power>(number(2), x),
            make<v0::Sin>(x),
            make<v0::Cos>(x),
            make<v0::Selu>(x, number(1.6f), number(1.05f)),
            make<v7::Gelu>(x, ov::op::GeluApproximationMode::TANH)};
}

ov::OutputVector sums(const Port& x) {
    return {make<v1::ReduceMin>(x, numbers({1}), false),
            make<v1::ReduceProd>(x, numbers({3}), true),
            make<v4::ReduceL1>(x, numbers({2, 3}), false),
            make<v4::ReduceL2>(x, numbers({0, 1}), true),
            make<v0::NormalizeL2>(x, numbers({1}), 1e-10f, ov::op::EpsMode::ADD),
            make<v5::LogSoftmax>(x, 1)};
}

ov::OutputVector normalised(const Port& x) {
    Port scale = random_constant({12}, 1);
    Port shift = random_constant({12}, 2);
    auto inside = ov::op::MVNEpsMode::INSIDE_SQRT;
    Port vectors = reshape(transpose(x, {0, 2, 3, 1}), {2, 35, 12});
    Port layer = make<v6::MVN>(vectors, numbers({-1}), true, 1e-5f, inside);
    layer = make<v1::Add>(make<v1::Multiply>(layer, scale), shift);
    return {layer,
            make<v6::MVN>(x, numbers({2, 3}), true, 1e-5f, inside),
            make<v6::MVN>(x, numbers({1}), false, 1e-5f, inside),
            make<v12::GroupNormalization>(x, scale, shift, 3, 1e-5)};
}

ov::OutputVector tops(const Port& x) {
    auto most = top(x, 3, 1);
    auto least = top(x, 4, 2, ov::op::TopKMode::MIN);
    auto sorted = top(reshape(coarse(x), {2, 420}), 420, 1);
    auto one = top(x, 1, 3);
    return {most[0],
            as_float(most[1]),
            least[0],
            as_float(least[1]),
            sorted[0],
            as_float(sorted[1]),
            as_float(reshape(one[1], {2, 12, 5}))};
}

ov::OutputVector gathers(const Port& x) {
    Port rows = reshape(x, {2, 12, 35});
    Port places = top(slice(rows, 0, 1, 1), 4, 2)[1];  // [2, 1, 4], below 35
    Port channels = make<v1::FloorMod>(reshape(places, {2, 4}), whole_number(12));
    Port pairs = join({make<v0::Unsqueeze>(channels, numbers({2})),
                       make<v0::Unsqueeze>(reshape(places, {2, 4}), numbers({2}))},
                      2);
    return {make<v6::GatherElements>(rows, tile(places, {1, 12, 1}), 2),
            make<v8::Gather>(x, numbers({4, 1, -1}), whole_number(1)),
            make<v8::Gather>(rows, channels, whole_number(1), 1),
            make<v8::Gather>(random_constant({40, 6}, 3), places, whole_number(0)),
            make<v8::GatherND>(rows, pairs, 1),
            make<v8::GatherND>(x, v0::Constant::create(ov::element::i64, {2, 2}, {1, 3, 0, -2})),
            as_float(make<v1::Add>(make<v1::Multiply>(channels, whole_number(300)),
                                   make<v1::Divide>(channels, whole_number(5))))};
}

ov::OutputVector repeats(const Port& x) {
    return {tile(x, {1, 2, 1, 3}),
            tile(slice(x, 0, 1, 2), {2, 1, 4, 1}),
            make<v3::Broadcast>(slice(x, 1, 2, 1), numbers({2, 6, 5, 7})),
            make<v3::Broadcast>(random_constant({5}, 1), numbers({2, 5, 3}), numbers({1}))};
}

ov::OutputVector blocks(const Port& x) {
    using ToSpace = v0::DepthToSpace;
    using ToDepth = v0::SpaceToDepth;
    return {make<ToSpace>(x, ToSpace::DepthToSpaceMode::BLOCKS_FIRST, 2),
            make<ToSpace>(x, ToSpace::DepthToSpaceMode::DEPTH_FIRST, 2),
            make<ToDepth>(x, ToDepth::SpaceToDepthMode::BLOCKS_FIRST, 2),
            make<ToDepth>(x, ToDepth::SpaceToDepthMode::DEPTH_FIRST, 2),
            convolve(make<ToSpace>(x, ToSpace::DepthToSpaceMode::DEPTH_FIRST, 2), 8, 3, 1, 1)};
}

Port enlarge(const Port& x,
             std::size_t outputs,
             std::size_t kernel,
             std::size_t stride,
             std::ptrdiff_t pad,
             std::ptrdiff_t more = 0) {
    return make<v1::ConvolutionBackpropData>(
        x,
        random_constant({x.get_shape()[1], outputs, kernel, kernel}, 5, -0.2f, 0.2f),
        ov::Strides{stride, stride},
        ov::CoordinateDiff{pad, pad},
        ov::CoordinateDiff{pad, pad},
        ov::Strides{1, 1},
        ov::op::PadType::EXPLICIT,
        ov::CoordinateDiff{more, more});
}

Port enlarge_groups(const Port& x, std::size_t groups, std::size_t outputs) {
    return make<v1::GroupConvolutionBackpropData>(
        x,
        random_constant({groups, x.get_shape()[1] / groups, outputs, 4, 4}, 6, -0.2f, 0.2f),
        ov::Strides{2, 2},
        ov::CoordinateDiff{1, 1},
        ov::CoordinateDiff{1, 1},
        ov::Strides{1, 1});
}

ov::OutputVector enlarged(const Port& x) {
    return {make<v0::Relu>(enlarge(x, 8, 4, 2, 1)),
            enlarge(x, 16, 2, 2, 0),
            enlarge(x, 5, 3, 2, 1, 1),
            enlarge(x, 8, 3, 3, 0),
            enlarge(x, 8, 2, 3, 0, 1),
            enlarge(x, 8, 3, 1, 1),
            enlarge_groups(x, 16, 1),
            enlarge_groups(x, 2, 4)};
}

ov::OutputVector odd_groups(const Port& x) {
    auto grouped = [&](std::size_t groups, std::size_t outputs) {
        return make<v1::GroupConvolution>(
            x,
            random_constant({groups, outputs, x.get_shape()[1] / groups, 3, 3}, 7, -0.3f, 0.3f),
            ov::Strides{1, 1},
            ov::CoordinateDiff{1, 1},
            ov::CoordinateDiff{1, 1},
            ov::Strides{1, 1});
    };
    return {grouped(6, 4), grouped(24, 2), grouped(3, 5), grouped(3, 8)};
}

ov::OutputVector samples(const Port& x) {
    using Grid = v9::GridSample;
    Port grid = random_constant({2, 4, 6, 2}, 8, -1.3f, 1.3f);
    auto sample = [&](bool corners, Grid::InterpolationMode mode, Grid::PaddingMode padding) {
        return make<Grid>(x, grid, Grid::Attributes(corners, mode, padding));
    };
    using Mode = Grid::InterpolationMode;
    using Padding = Grid::PaddingMode;
    return {sample(false, Mode::BILINEAR, Padding::ZEROS),
            sample(true, Mode::BILINEAR, Padding::BORDER),
            sample(false, Mode::NEAREST, Padding::ZEROS),
            sample(true, Mode::NEAREST, Padding::BORDER)};
}

/// As YOLOv10 ends, [batch, 4 boxes + 8 classes, anchors]: the best anchors, then the best of all
/// their classes.
ov::OutputVector end_to_end(const Port& x) {
    Port boxes = transpose(slice(x, 0, 4, 1), {0, 2, 1});
    Port scores = transpose(coarse(slice(x, 4, 12, 1)), {0, 2, 1});
    Port anchors = top(make<v1::ReduceMax>(scores, numbers({2}), false), 10, 1)[1];
    anchors = make<v0::Unsqueeze>(anchors, numbers({2}));
    boxes = make<v6::GatherElements>(boxes, tile(anchors, {1, 1, 4}), 1);
    scores = make<v6::GatherElements>(scores, tile(anchors, {1, 1, 8}), 1);
    auto best = top(reshape(scores, {2, 80}), 10, 1);
    Port classes = make<v1::FloorMod>(best[1], whole_number(8));
    Port rows = make<v0::Unsqueeze>(make<v1::Divide>(best[1], whole_number(8)), numbers({2}));
    boxes = make<v6::GatherElements>(boxes, tile(rows, {1, 1, 4}), 1);
    return {join({boxes,
                  make<v0::Unsqueeze>(best[0], numbers({2})),
                  make<v0::Unsqueeze>(as_float(classes), numbers({2}))},
                 2)};
}

Port linear(const Port& x, std::size_t outputs, unsigned seed) {
    return make<v1::Add>(
        make<v0::MatMul>(
            x, random_constant({outputs, x.get_shape().back()}, seed, -0.25f, 0.25f), false, true),
        random_constant({outputs}, seed + 1, -0.1f, 0.1f));
}

Port layer_norm(const Port& x) {
    Port y = make<v6::MVN>(x, numbers({-1}), true, 1e-5f, ov::op::MVNEpsMode::INSIDE_SQRT);
    return make<v1::Add>(make<v1::Multiply>(y, random_constant({16}, 1, 0.5f, 1.5f)),
                         random_constant({16}, 2));
}

/// As RT-DETR's decoder, with 2 heads of 8, 2 points and one level of 6x5: queries are the best
/// places of the memory; each looks at places around its box.
ov::OutputVector deformable(const Port& x) {
    Port memory = reshape(transpose(x, {0, 2, 3, 1}), {2, 30, 16});
    Port scores = coarse(slice(memory, 0, 4, 2));
    Port best = top(make<v1::ReduceMax>(scores, numbers({2}), false), 9, 1)[1];
    best = make<v0::Unsqueeze>(best, numbers({2}));
    Port queries = make<v6::GatherElements>(memory, tile(best, {1, 1, 16}), 1);
    Port boxes = make<v0::Sigmoid>(linear(queries, 4, 10));  // [2, 9, 4]

    Port value = transpose(reshape(linear(memory, 16, 20), {2, 30, 2, 8}), {0, 2, 3, 1});
    value = reshape(value, {4, 8, 6, 5});
    Port offsets = reshape(linear(queries, 8, 30), {2, 9, 2, 2, 2});
    Port sizes = reshape(slice(boxes, 2, 4, 2), {2, 9, 1, 1, 2});
    Port places = make<v1::Add>(reshape(slice(boxes, 0, 2, 2), {2, 9, 1, 1, 2}),
                                make<v1::Multiply>(offsets, sizes));
    Port grid = make<v1::Subtract>(make<v1::Multiply>(places, number(2)), number(1));
    grid = reshape(transpose(grid, {0, 2, 1, 3, 4}), {4, 9, 2, 2});
    using Grid = v9::GridSample;
    Port seen = make<Grid>(
        value,
        grid,
        Grid::Attributes(false, Grid::InterpolationMode::BILINEAR, Grid::PaddingMode::ZEROS));
    Port weights = make<v8::Softmax>(reshape(linear(queries, 4, 40), {2, 9, 2, 2}), -1);
    weights = reshape(transpose(weights, {0, 2, 1, 3}), {4, 1, 9, 2});
    Port mixed = make<v1::ReduceSum>(make<v1::Multiply>(seen, weights), numbers({3}), false);
    mixed = transpose(reshape(mixed, {2, 16, 9}), {0, 2, 1});

    queries = layer_norm(make<v1::Add>(queries, linear(mixed, 16, 50)));
    Port hidden = make<v7::Gelu>(linear(queries, 32, 60));
    queries = layer_norm(make<v1::Add>(queries, linear(hidden, 16, 70)));
    Port near = make<v0::Clamp>(boxes, 1e-3, 1 - 1e-3);
    Port logit = make<v0::Log>(make<v1::Divide>(near, make<v1::Subtract>(number(1), near)));
    Port refined = make<v0::Sigmoid>(make<v1::Add>(logit, linear(queries, 4, 80)));
    return {refined, make<v0::Sigmoid>(linear(queries, 4, 90))};
}

/// As YOLOv8's boxes: a softmax over distances whose mean is a convolution, then corners.
ov::OutputVector distances(const Port& x) {
    Port y = transpose(reshape(x, {2, 4, 16, 20}), {0, 2, 1, 3});
    y = make<v8::Softmax>(y, 1);
    std::vector<float> steps(16);
    for (std::size_t i = 0; i < steps.size(); ++i)
        steps[i] = static_cast<float>(i);
    y = make<v1::Convolution>(y,
                              v0::Constant::create(ov::element::f32, {1, 16, 1, 1}, steps),
                              ov::Strides{1, 1},
                              ov::CoordinateDiff{0, 0},
                              ov::CoordinateDiff{0, 0},
                              ov::Strides{1, 1});
    y = reshape(y, {2, 4, 20});
    Port anchors = random_constant({1, 2, 20}, 1, 0, 10);
    Port low = make<v1::Subtract>(anchors, slice(y, 0, 2, 1));
    Port high = make<v1::Add>(anchors, slice(y, 2, 4, 1));
    Port middle = make<v1::Divide>(make<v1::Add>(low, high), number(2));
    return {join({middle, make<v1::Subtract>(high, low)}, 1)};
}

}  // namespace

std::vector<TestGraph> picking_graphs() {
    const ov::Shape odd{2, 12, 5, 7};
    return {graph_of("choices", odd, choices),
            graph_of("sums", odd, sums),
            graph_of("normalised", odd, normalised),
            graph_of("tops", odd, tops),
            graph_of("gathers", odd, gathers),
            graph_of("repeats", odd, repeats),
            graph_of("blocks", {2, 16, 4, 6}, blocks),
            graph_of("enlarged", {2, 16, 5, 4}, enlarged),
            graph_of("odd_groups", {2, 24, 6, 5}, odd_groups),
            graph_of("samples", odd, samples),
            graph_of("end_to_end", {2, 12, 40}, end_to_end),
            graph_of("deformable", {2, 16, 6, 5}, deformable),
            graph_of("distances", {2, 64, 20}, distances)};
}

}  // namespace sluice::infer::cuda
