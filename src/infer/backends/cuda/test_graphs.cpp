#include "sluice/infer/backends/cuda/test_graphs.h"

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/test_models.h"

namespace sluice::infer::cuda {
namespace {

using namespace ov::op;
using Mode = Interpolate::InterpolateMode;
using Place = Interpolate::CoordinateTransformMode;
using Nearest = Interpolate::NearestMode;

ov::OutputVector bottleneck(const Port& x) {
    Port y = convolve(x, 16, 3, 1, 1, 5);
    y = make<v5::BatchNormInference>(y,
                                     random_constant({16}, 1, 0.5f, 1.5f),
                                     random_constant({16}, 2),
                                     random_constant({16}, 3),
                                     random_constant({16}, 4, 0.5f, 2.0f),
                                     1e-5);
    Port sum = make<v1::Add>(x, y);
    return {make<v0::Relu>(sum)};
}

/// As YOLOX's: branches joined along channels, flattened, joined along places, turned.
ov::OutputVector head(const Port& x) {
    ov::OutputVector levels;
    Port level = x;
    for (std::int64_t size : {8, 4}) {
        Port boxes = convolve(level, 4, 1, 1, 0, 1);
        Port object = make<v0::Sigmoid>(convolve(level, 1, 1, 1, 0, 2));
        Port classes = make<v0::Sigmoid>(convolve(level, 11, 1, 1, 0, 3));
        levels.push_back(reshape(join({boxes, object, classes}, 1), {2, 16, size * size}));
        level = max_pool(level, 2, 2, 0);
    }
    return {transpose(join(levels, 2), {0, 2, 1})};
}

/// As YOLOX's: two branches and a pyramid of pools joined.
ov::OutputVector stages(const Port& x) {
    Port main = swish(convolve(x, 16, 1, 1, 0, 1));
    Port skip = swish(convolve(x, 16, 1, 1, 0, 2));
    main = make<v1::Add>(main, swish(convolve(main, 16, 3, 1, 1, 3)));
    Port joined = join({main, skip}, 1);
    Port pools = join({joined, max_pool(joined, 5, 1, 2), max_pool(joined, 9, 1, 4)}, 1);
    Port small = convolve(pools, 24, 3, 2, 1, 4);
    Port up = resize(small, 8, 8, Mode::NEAREST, Place::ASYMMETRIC);
    return {join({up, joined}, 1), small};
}

/// As YOLOX's and YOLOv5's: one input for two branches, one of which is joined as it is; then two
/// branches of the head.
ov::OutputVector siblings(const Port& x) {
    Port main = swish(convolve(x, 16, 1, 1, 0, 1));
    Port skip = swish(convolve(x, 24, 1, 1, 0, 2));
    main = make<v1::Add>(main, swish(convolve(main, 16, 3, 1, 1, 3)));
    Port joined = swish(convolve(join({main, skip}, 1), 32, 1, 1, 0, 4));
    Port left = swish(convolve(swish(convolve(joined, 16, 3, 1, 1, 5)), 8, 3, 1, 1, 6));
    Port right = swish(convolve(swish(convolve(joined, 16, 3, 1, 1, 7)), 8, 3, 1, 1, 8));
    return {left, right};
}

/// As SPP's, the largest first.
ov::OutputVector pyramid(const Port& x) {
    return {join({max_pool(x, 13, 1, 6), max_pool(x, 5, 1, 2), max_pool(x, 9, 1, 4), x}, 1),
            max_pool(x, 3, 1, 1)};
}

ov::OutputVector shuffle(const Port& x) {
    Port y = reshape(x, {2, 2, 6, 8, 8});
    y = reshape(transpose(y, {0, 2, 1, 3, 4}), {2, 12, 8, 8});
    auto axis = v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
    auto parts = std::make_shared<v1::Split>(y, axis, 2);
    Port left = convolve(parts->output(0), 12, 1, 1, 0);
    Port right = depthwise(parts->output(1), 3, 1, 1);
    return {left, right};
}

ov::OutputVector attention(const Port& x) {
    auto heads = [](const Port& y) { return transpose(reshape(y, {2, 9, 2, 8}), {0, 2, 1, 3}); };
    auto project = [&](unsigned seed) {
        return make<v0::MatMul>(x, random_constant({16, 16}, seed, -0.3f, 0.3f), false, true);
    };
    Port scores = make<v0::MatMul>(heads(project(1)), heads(project(2)), false, true);
    scores = make<v8::Softmax>(make<v1::Multiply>(scores, number(0.35f)), -1);
    Port mixed = make<v0::MatMul>(scores, heads(project(3)), false, false);
    mixed = reshape(transpose(mixed, {0, 2, 1, 3}), {2, 9, 16});
    return {make<v1::Add>(x, mixed)};
}

ov::OutputVector activations(const Port& x) {
    Port y = make<v1::Multiply>(x, number(3.0f));
    ov::OutputVector outputs{make<v0::Relu>(y),
                             make<v0::Sigmoid>(y),
                             make<v0::Tanh>(y),
                             make<v4::Swish>(y),
                             make<v4::HSwish>(y),
                             make<v5::HSigmoid>(y),
                             make<v0::HardSigmoid>(y, number(0.2f), number(0.5f)),
                             make<v0::Elu>(y, 0.7),
                             make<v0::Clamp>(y, -1.0, 2.0),
                             make<v4::SoftPlus>(y),
                             make<v4::Mish>(y),
                             make<v7::Gelu>(y),
                             make<v0::Erf>(y),
                             make<v0::PRelu>(y, random_constant({12}, 9)),
                             make<v0::PRelu>(y, number(0.1f)),
                             make<v0::Abs>(y),
                             make<v0::Negative>(y),
                             make<v0::Exp>(y),
                             make<v0::Log>(make<v1::Add>(make<v0::Abs>(y), number(1.0f))),
                             make<v0::Sqrt>(make<v0::Abs>(y))};
    return outputs;
}

ov::OutputVector written_out(const Port& x) {
    Port plus = make<v0::Clamp>(make<v1::Add>(x, number(3.0f)), 0.0, 6.0);
    Port first = make<v1::Divide>(make<v1::Multiply>(x, plus), number(6.0f));
    Port tanh = make<v0::Tanh>(make<v4::SoftPlus>(x));
    Port erf = make<v0::Erf>(make<v1::Divide>(x, number(1.4142135f)));
    Port gelu =
        make<v1::Multiply>(make<v1::Multiply>(x, make<v1::Add>(erf, number(1.0f))), number(0.5f));
    return {first, make<v1::Multiply>(tanh, x), gelu, swish(convolve(x, 16, 3, 1, 1))};
}

ov::OutputVector arithmetic(const Port& x) {
    Port row = random_constant({1, 1, 1, 7}, 1, 0.5f, 2.0f);
    Port channel = random_constant({12, 1, 1}, 2, 0.5f, 2.0f);
    Port all = random_constant({2, 12, 5, 7}, 3, 0.5f, 2.0f);
    return {make<v1::Add>(x, row),
            make<v1::Subtract>(channel, x),
            make<v1::Divide>(all, make<v1::Add>(make<v0::Abs>(x), number(1.0f))),
            make<v1::Maximum>(x, all),
            make<v1::Minimum>(channel, x),
            make<v1::Power>(make<v0::Abs>(x), number(1.5f)),
            make<v0::SquaredDifference>(x, all),
            make<v1::Multiply>(make<v1::ReduceMax>(x, numbers({2, 3}), true), x)};
}

ov::OutputVector slices(const Port& x) {
    return {
        make<v8::Slice>(x, numbers({1, 2}), numbers({5, 100}), numbers({1, 2}), numbers({2, 3})),
        make<v1::StridedSlice>(x,
                               numbers({0, 4, 0, 1}),
                               numbers({0, 12, 0, 0}),
                               numbers({1, 2, 1, 3}),
                               std::vector<std::int64_t>{1, 0, 1, 0},
                               std::vector<std::int64_t>{1, 0, 1, 1}),
        convolve(make<v8::Slice>(x, numbers({3}), numbers({11}), numbers({1}), numbers({1})),
                 8,
                 3,
                 1,
                 1)};
}

ov::OutputVector pads_and_picks(const Port& x) {
    Port padded = make<v1::Pad>(
        x, numbers({0, 0, 1, 2}), numbers({0, 0, 0, 1}), number(0.5f), ov::op::PadMode::CONSTANT);
    auto axis = v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
    auto one = v0::Constant::create(ov::element::i64, ov::Shape{}, {4});
    return {max_pool(padded, 2, 1, 0),
            make<v8::Gather>(x, one, axis),
            make<v8::Gather>(x, numbers({1, 4, 7}), axis)};
}

ov::OutputVector classifier(const Port& x) {
    Port y = make<v1::ReduceMean>(x, numbers({2, 3}), false);
    y = make<v0::MatMul>(y, random_constant({12, 10}, 1), false, false);
    y = make<v1::Add>(y, random_constant({10}, 2));
    return {make<v8::Softmax>(y, 1)};
}

/// Of channels that go by eight.
ov::OutputVector pooled(const Port& x) {
    return {make<v1::ReduceMean>(x, numbers({2, 3}), true),
            make<v1::ReduceMax>(x, numbers({2, 3}), false),
            make<v4::ReduceL2>(x, numbers({0, 2, 3}), false)};
}

/// Pixels less a mean, times a scale, then a first layer of stride 2, as pre-processing has it.
ov::OutputVector stem(const Port& x, std::size_t kernel, std::ptrdiff_t pad) {
    Port y = make<v1::Subtract>(x, random_constant({1, 3, 1, 1}, 1, 0.2f, 0.5f));
    y = make<v1::Multiply>(y, random_constant({1, 3, 1, 1}, 2, 2.0f, 4.0f));
    return {make<v0::Relu>(convolve(y, 16, kernel, 2, pad))};
}

}  // namespace

std::vector<TestGraph> test_graphs() {
    const ov::Shape odd{2, 12, 5, 7};
    std::vector<TestGraph> graphs{
        graph_of("conv",
                 {2, 16, 8, 8},
                 [](const Port& x) -> ov::OutputVector { return {convolve(x, 24, 3, 1, 1)}; }),
        graph_of("conv_odd_channels",
                 odd,
                 [](const Port& x) -> ov::OutputVector {
                     return {make<v0::Relu>(convolve(convolve(x, 5, 3, 2, 1), 7, 1, 1, 0))};
                 }),
        graph_of("conv_pads_one_side",
                 {1, 8, 9, 6},
                 [](const Port& x) -> ov::OutputVector {
                     return {make<v1::Convolution>(x,
                                                   random_constant({8, 8, 3, 2}, 1),
                                                   ov::Strides{2, 1},
                                                   ov::CoordinateDiff{0, 1},
                                                   ov::CoordinateDiff{1, 0},
                                                   ov::Strides{1, 2})};
                 }),
        graph_of("conv_groups",
                 {2, 16, 6, 6},
                 [](const Port& x) -> ov::OutputVector {
                     return {make<v1::GroupConvolution>(x,
                                                        random_constant({2, 8, 8, 3, 3}, 1),
                                                        ov::Strides{1, 1},
                                                        ov::CoordinateDiff{1, 1},
                                                        ov::CoordinateDiff{1, 1},
                                                        ov::Strides{1, 1})};
                 }),
        graph_of("depthwise",
                 {2, 16, 9, 9},
                 [](const Port& x) -> ov::OutputVector {
                     return {make<v0::Relu>(depthwise(x, 5, 2, 2))};
                 }),
        graph_of("depthwise_odd",
                 odd,
                 [](const Port& x) -> ov::OutputVector { return {depthwise(x, 3, 1, 1)}; }),
        graph_of("bottleneck", {2, 16, 8, 8}, bottleneck),
        graph_of("stages", {2, 16, 8, 8}, stages),
        graph_of("siblings", {2, 16, 8, 8}, siblings),
        graph_of("pyramid", {2, 16, 11, 9}, pyramid),
        graph_of("head", {2, 16, 8, 8}, head),
        graph_of("shuffle", {2, 12, 8, 8}, shuffle),
        graph_of("attention", {2, 9, 16}, attention),
        graph_of("activations", odd, activations),
        graph_of("written_out", {2, 16, 5, 7}, written_out),
        graph_of("arithmetic", odd, arithmetic),
        graph_of("slices", odd, slices),
        graph_of("classifier", odd, classifier),
        graph_of("pooled", {2, 24, 5, 7}, pooled),
        graph_of("pads_and_picks", odd, pads_and_picks),
        graph_of("stem_7", {2, 3, 16, 12}, [](const Port& x) { return stem(x, 7, 3); }),
        graph_of("stem_6", {2, 3, 16, 12}, [](const Port& x) { return stem(x, 6, 2); }),
        graph_of("stem_3", {2, 3, 16, 12}, [](const Port& x) { return stem(x, 3, 1); }),
        graph_of("stem_3_unpadded", {2, 3, 16, 12}, [](const Port& x) { return stem(x, 3, 0); }),
        graph_of("pools",
                 odd,
                 [](const Port& x) -> ov::OutputVector {
                     return {max_pool(x, 3, 2, 1),
                             average_pool(x, 3, 1, true),
                             average_pool(x, 3, 1, false)};
                 }),
        graph_of(
            "resizes",
            odd,
            [](const Port& x) -> ov::OutputVector {
                return {
                    resize(x, 10, 14, Mode::NEAREST, Place::ASYMMETRIC),
                    resize(x, 10, 14, Mode::LINEAR_ONNX, Place::HALF_PIXEL),
                    resize(x, 9, 11, Mode::LINEAR_ONNX, Place::ALIGN_CORNERS),
                    resize(x, 3, 4, Mode::LINEAR_ONNX, Place::ASYMMETRIC),
                    resize(x, 8, 9, Mode::NEAREST, Place::HALF_PIXEL, Nearest::ROUND_PREFER_FLOOR)};
            }),
    };
    const auto more = picking_graphs();
    graphs.insert(graphs.end(), more.begin(), more.end());
    return graphs;
}

std::shared_ptr<ov::Model> prepared_real_model(const std::string& name) {
    const std::string path = real_model(name);
    if (path.empty()) return nullptr;
    InputAdaptation adaptation;
    adaptation.type = memory::ElementType::kF32;
    return prepare(path, *openvino_core().read_model(path), adaptation, 1).value().model;
}

}  // namespace sluice::infer::cuda
