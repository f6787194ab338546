#include <algorithm>

#include "sluice/infer/backends/cuda/test_graphs.h"

namespace sluice::infer::cuda {
namespace {

using namespace ov::op;

/// To 256 numbers from low to high, both of which are among them.
Port rounded(const Port& x, float low, float high, std::size_t levels = 256) {
    return make<v0::FakeQuantize>(x, number(low), number(high), number(low), number(high), levels);
}

/// As padded convolutions want it: zero is zero.
Port even(const Port& x, float high = 2) {
    return rounded(x, -high * 128 / 127, high);
}

/// From nearly zero up, as activations are.
Port uneven(const Port& x) {
    return rounded(x, -28 * 0.01f, 227 * 0.01f);
}

/// The convolution with weights of 8 bits.
Port convolve8(const Port& x,
               std::size_t outputs,
               std::size_t kernel,
               std::size_t stride,
               std::ptrdiff_t pad,
               unsigned seed) {
    const Port made = convolve(x, outputs, kernel, stride, pad, seed);
    const auto weights = made.get_node()->input_value(1);
    const auto numbers = ov::as_type<v0::Constant>(weights.get_node())->cast_vector<float>();
    const std::size_t length = numbers.size() / outputs;
    std::vector<float> low, high;
    for (std::size_t k = 0; k < outputs; ++k) {
        const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(k * length);
        float most = 0;
        std::for_each(begin, begin + static_cast<std::ptrdiff_t>(length), [&](float weight) {
            most = std::max(most, std::fabs(weight));
        });
        low.push_back(-most);
        high.push_back(most);
    }
    const ov::Shape shape{outputs, 1, 1, 1};
    const Port from = v0::Constant::create(ov::element::f32, shape, low);
    const Port to = v0::Constant::create(ov::element::f32, shape, high);
    made.get_node()->input(1).replace_source_output(
        make<v0::FakeQuantize>(weights, from, to, from, to, 255U));
    return make<v1::Add>(made, random_constant({1, outputs, 1, 1}, seed + 20, -0.2f, 0.2f));
}

/// As ResNet's: the sum of what was there and what three convolutions make of it, and a second
/// block whose first summand is a convolution too.
ov::OutputVector residual(const Port& x) {
    auto block = [](const Port& from, const Port& with, unsigned seed) {
        Port y = even(make<v0::Relu>(convolve8(from, 16, 1, 1, 0, seed)));
        y = uneven(make<v0::Relu>(convolve8(y, 16, 3, 1, 1, seed + 1)));
        return make<v0::Relu>(make<v1::Add>(convolve8(y, 32, 1, 1, 0, seed + 2), with));
    };
    Port y = even(x);
    y = even(block(y, y, 1));
    y = uneven(block(y, convolve8(y, 32, 1, 1, 0, 9), 4));
    return {convolve8(y, 16, 1, 1, 0, 8)};
}

/// ResNet's four stages in small: each begins with a block whose shortcut is a convolution too, and
/// all but the first halve the extents. In some the shortcut comes first, in some the block.
ov::OutputVector shortcuts(const Port& x) {
    Port y = even(x);
    const std::size_t widths[] = {64, 32, 96, 32};
    for (unsigned stage = 0; stage < 4; ++stage) {
        const std::size_t width = widths[stage];
        const std::size_t stride = stage == 0 ? 1 : 2;
        const unsigned seed = 5 * stage + 1;
        Port main = even(make<v0::Relu>(convolve8(y, width, 1, 1, 0, seed)));
        main = uneven(make<v0::Relu>(convolve8(main, width, 3, stride, 1, seed + 1)));
        main = convolve8(main, 4 * width, 1, 1, 0, seed + 2);
        const Port shortcut = convolve8(y, 4 * width, 1, stride, 0, seed + 3);
        const Port sum =
            stage % 2 == 0 ? make<v1::Add>(main, shortcut) : make<v1::Add>(shortcut, main);
        y = uneven(make<v0::Relu>(sum));
    }
    return {convolve8(y, 16, 1, 1, 0, 30)};
}

/// As YOLOX's: branches joined, an operand with a zero point behind an activation, pools, resizing
/// and a last convolution in float.
ov::OutputVector cross(const Port& x) {
    Port y = uneven(swish(convolve8(even(x), 32, 3, 1, 1, 1)));
    Port main = uneven(swish(convolve8(y, 16, 1, 1, 0, 2)));
    Port skip = even(swish(convolve8(y, 16, 1, 1, 0, 3)));
    Port deep = even(swish(convolve8(main, 16, 1, 1, 0, 4)));
    deep = even(make<v1::Add>(swish(convolve8(deep, 16, 3, 1, 1, 5)), main));
    Port joined = uneven(swish(convolve8(join({deep, skip}, 1), 32, 1, 1, 0, 6)));
    Port pools = join({joined, max_pool(joined, 5, 1, 2), max_pool(joined, 9, 1, 4)}, 1);
    Port small = even(swish(convolve8(pools, 32, 1, 1, 0, 7)));
    Port half = even(swish(convolve8(small, 32, 3, 2, 1, 8)));
    Port up = resize(half,
                     8,
                     8,
                     Interpolate::InterpolateMode::NEAREST,
                     Interpolate::CoordinateTransformMode::ASYMMETRIC);
    Port both = swish(convolve8(join({up, small}, 1), 32, 3, 1, 1, 10));
    return {convolve(both, 21, 1, 1, 0, 11)};
}

/// Channels that are no multiple of 16, activations that cuDNN does not know, zero points where
/// there is padding, groups.
ov::OutputVector odd(const Port& x) {
    Port y = uneven(make<v4::HSwish>(convolve8(even(x), 20, 3, 2, 1, 1)));
    y = even(make<v4::Mish>(convolve8(y, 24, 3, 1, 0, 2)));
    Port padded = convolve8(uneven(swish(convolve8(y, 8, 1, 1, 0, 3))), 24, 3, 1, 1, 4);
    Port scaled = make<v1::Multiply>(padded, y);
    return {convolve8(even(scaled), 12, 1, 1, 0, 5), padded};
}

/// Between layers of 8 bits and those that stay in float.
ov::OutputVector mixed(const Port& x) {
    Port y = even(make<v0::Relu>(convolve8(even(x), 32, 1, 1, 0, 1)));
    Port separable = even(make<v0::Relu>(depthwise(y, 3, 1, 1)), 4);
    y = even(make<v0::Relu>(convolve8(separable, 32, 1, 1, 0, 2)));
    Port left = convolve(y, 16, 3, 1, 1, 3);  // reads them all the same
    Port pooled = make<v1::ReduceMean>(y, numbers({2, 3}), false);
    Port weights = rounded(random_constant({32, 10}, 4), -1, 1, 255);
    return {make<v0::MatMul>(even(pooled), weights, false, false),
            left,
            average_pool(y, 3, 1, false),
            convolve8(y, 16, 1, 1, 0, 5),
            rounded(y, -1, 3, 16)};
}

/// Pixels and a first layer of stride 2, all of it rounded.
ov::OutputVector first(const Port& x) {
    Port y = make<v1::Multiply>(x, random_constant({1, 3, 1, 1}, 2, 0.8f, 1.2f));
    y = even(make<v0::Relu>(convolve8(even(y), 16, 3, 2, 1, 1)));
    return {convolve8(y, 16, 3, 1, 1, 2)};
}

/// As `sluice calibrate` has it: what comes in stays as it is.
ov::OutputVector first_in_float(const Port& x) {
    Port y = uneven(swish(convolve(x, 32, 6, 2, 2, 1)));
    return {convolve8(y, 16, 1, 1, 0, 2)};
}

}  // namespace

std::vector<TestGraph> int8_graphs() {
    return {graph_of("residual", {2, 32, 8, 8}, residual),
            graph_of("cross", {2, 32, 8, 8}, cross),
            graph_of("odd", {2, 12, 11, 9}, odd),
            graph_of("mixed", {2, 32, 8, 8}, mixed),
            graph_of("first", {2, 3, 32, 24}, first),
            graph_of("first_in_float", {2, 3, 32, 24}, first_in_float),
            graph_of("shortcuts", {2, 64, 9, 7}, shortcuts)};
}

std::vector<TestGraph> unpaired_graphs() {
    using Make = std::function<Port(const Port&)>;
    auto sum_of = [](const std::string& name, const Make& a, const Make& b) {
        return graph_of(name, {1, 32, 6, 6}, [=](const Port& x) -> ov::OutputVector {
            const Port y = uneven(x);
            const Port sum = make<v0::Relu>(make<v1::Add>(a(y), b(y)));
            return {convolve8(uneven(sum), 16, 1, 1, 0, 9)};
        });
    };
    const Make plain = [](const Port& x) { return convolve8(x, 32, 1, 1, 0, 1); };
    const Make activated = [](const Port& x) { return swish(convolve8(x, 32, 1, 1, 0, 2)); };
    const Make rounded_to_8 = [](const Port& x) { return even(convolve8(x, 32, 1, 1, 0, 2)); };
    const Make wide = [](const Port& x) { return convolve8(even(x), 32, 3, 1, 1, 2); };
    const Make in_float = [](const Port& x) { return convolve(x, 32, 1, 1, 0, 2); };
    const Make spread = [](const Port& x) {
        return convolve8(uneven(average_pool(x, 6, 0, false)), 32, 1, 1, 0, 2);
    };
    return {sum_of("activated", plain, activated),
            sum_of("rounded", plain, rounded_to_8),
            sum_of("wide", wide, wide),
            sum_of("in_float", plain, in_float),
            sum_of("spread", plain, spread),
            graph_of("read_twice", {1, 32, 6, 6}, [=](const Port& x) -> ov::OutputVector {
                const Port y = uneven(x);
                const Port shortcut = convolve8(y, 32, 1, 1, 0, 2);
                const Port sum = make<v0::Relu>(make<v1::Add>(shortcut, plain(y)));
                return {convolve8(uneven(sum), 16, 1, 1, 0, 9), make<v0::Relu>(shortcut)};
            })};
}

}  // namespace sluice::infer::cuda
