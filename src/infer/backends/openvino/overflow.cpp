#include "sluice/infer/backends/openvino/overflow.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/parameter.hpp>

#include "sluice/infer/backends/openvino/compile.h"

namespace sluice::infer {
namespace {

using ov::op::v0::Constant;
using ov::op::v0::FakeQuantize;

/// What two weights of one sign may come to, in steps: rounded, and with pixels of 255, below 2^15.
constexpr float kMostOfTwo = 126.5f;
constexpr float kSteps = 127;

std::shared_ptr<Constant> number(float value) {
    return Constant::create(ov::element::f32, ov::Shape{}, {value});
}

/// Sums 64 pixels of 255, each with the largest weight: 16,320.
bool overflows() {
    constexpr std::size_t kChannels = 64;
    const auto pixels =
        std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1, kChannels, 8, 8});
    const auto rounded =
        std::make_shared<FakeQuantize>(pixels, number(0), number(255), number(0), number(255), 256);
    const std::vector<float> ones(kChannels * kChannels, 1);
    const auto weights = std::make_shared<FakeQuantize>(
        Constant::create(ov::element::f32, ov::Shape{kChannels, kChannels, 1, 1}, ones),
        number(-1),
        number(1),
        number(-1),
        number(1),
        255);
    const auto sums = std::make_shared<ov::op::v1::Convolution>(rounded,
                                                                weights,
                                                                ov::Strides{1, 1},
                                                                ov::CoordinateDiff{0, 0},
                                                                ov::CoordinateDiff{0, 0},
                                                                ov::Strides{1, 1});
    const auto model =
        std::make_shared<ov::Model>(ov::OutputVector{sums->output(0)}, ov::ParameterVector{pixels});
    ov::InferRequest request =
        openvino_core()
            .compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32))
            .create_infer_request();
    ov::Tensor input = request.get_input_tensor();
    std::fill_n(input.data<float>(), input.get_size(), 255.0f);
    request.infer();
    return request.get_output_tensor().data<float>()[0] < 0.9f * 255 * kChannels;
}

/// Weights as [outer][input channels][inner].
struct Extents {
    std::size_t outer = 1;
    std::size_t inputs = 1;
    std::size_t inner = 1;
};

/// None where the reader is not known.
std::optional<Extents> extents_of(const FakeQuantize& weights) {
    const auto readers = weights.output(0).get_target_inputs();
    if (readers.empty()) return std::nullopt;
    const ov::Node* reader = readers.begin()->get_node();
    const ov::Shape& shape = weights.get_shape();
    std::size_t axis = 0;
    if (ov::is_type<ov::op::v1::Convolution>(reader)) {
        axis = 1;
    } else if (ov::is_type<ov::op::v1::GroupConvolution>(reader)) {
        axis = 2;
    } else if (const auto* matrix = ov::as_type<const ov::op::v0::MatMul>(reader)) {
        axis = shape.size() - (matrix->get_transpose_b() ? 1 : 2);
    } else {
        return std::nullopt;
    }
    Extents extents;
    for (std::size_t i = 0; i < shape.size(); ++i)
        (i < axis ? extents.outer : i == axis ? extents.inputs : extents.inner) *= shape[i];
    return extents;
}

/// The most that two weights come to, whatever pixels (0 to 255) they are multiplied with.
float most_of(float a, float b) {
    return (a < 0) == (b < 0) ? std::fabs(a + b) : std::max(std::fabs(a), std::fabs(b));
}

/// By how much each range has to be wider.
std::vector<float> widening(const FakeQuantize& rounds, const std::vector<float>& high) {
    std::vector<float> factors(high.size(), 2 * kSteps / kMostOfTwo);
    const auto extents = extents_of(rounds);
    if (!extents) return factors;
    const auto [outer, inputs, inner] = *extents;
    if (high.size() != 1 && high.size() != outer && high.size() != inner) return factors;
    std::fill(factors.begin(), factors.end(), 1.0f);
    const auto values =
        ov::as_type<const Constant>(rounds.get_input_node_ptr(0))->cast_vector<float>();
    for (std::size_t i = 0; i < outer * inner; ++i) {
        const std::size_t o = i / inner;
        const std::size_t n = i % inner;
        const std::size_t range = high.size() == 1 ? 0 : high.size() == outer ? o : n;
        const auto weight = [&, all = inputs, apart = inner](std::size_t input) {
            return input < all ? values[(o * all + input) * apart + n] : 0.0f;
        };
        // oneDNN adds the products of the first two input channels, the next two, and so on.
        for (std::size_t input = 0; input < inputs; input += 2) {
            const float most = most_of(weight(input), weight(input + 1));
            const float steps = most / std::fabs(high[range]) * kSteps;
            if (steps > kSteps) factors[range] = std::max(factors[range], steps / kMostOfTwo);
        }
    }
    return factors;
}

}  // namespace

bool int8_overflows() {
    static const bool known = overflows();
    return known;
}

void widen_weights(ov::Model& model) {
    for (const std::shared_ptr<ov::Node>& node : model.get_ops()) {
        const auto rounds = ov::as_type_ptr<FakeQuantize>(node);
        if (!rounds || rounds->get_levels() < 255) continue;
        if (!ov::is_type<Constant>(rounds->get_input_node_ptr(0))) continue;
        const auto high = ov::as_type_ptr<Constant>(rounds->get_input_node_shared_ptr(2));
        const std::vector<float> factors = widening(*rounds, high->cast_vector<float>());
        for (std::size_t bound = 1; bound < 5; ++bound) {
            const auto old = ov::as_type_ptr<Constant>(rounds->get_input_node_shared_ptr(bound));
            std::vector<float> values = old->cast_vector<float>();
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] *= factors[factors.size() == 1 ? 0 : i];
            rounds->input(bound).replace_source_output(
                Constant::create(old->get_element_type(), old->get_shape(), values)->output(0));
        }
    }
}

}  // namespace sluice::infer
