#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <openvino/op/ops.hpp>
#include <openvino/openvino.hpp>

#include "sluice/infer/backends/cuda/graph.h"

/// Small models made in code, at least one for each operator: what the importer, the fusions, the
/// lowering and the kernels are tried on.
namespace sluice::infer::cuda {

struct TestGraph {
    std::string name;
    std::function<std::shared_ptr<ov::Model>()> make;
};

inline std::vector<float> random_numbers(std::size_t count, unsigned seed, float low, float high) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> number(low, high);
    std::vector<float> numbers(count);
    for (float& value : numbers)
        value = number(random);
    return numbers;
}

/// As a constant that is no single number, so that it stays a tensor.
inline std::shared_ptr<ov::Node> random_constant(const ov::Shape& shape,
                                                 unsigned seed,
                                                 float low = -1,
                                                 float high = 1) {
    return ov::op::v0::Constant::create(
        ov::element::f32, shape, random_numbers(ov::shape_size(shape), seed, low, high));
}

inline std::shared_ptr<ov::Node> numbers(const std::vector<std::int64_t>& values) {
    return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
}

inline std::shared_ptr<ov::Node> number(float value) {
    return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{}, {value});
}

using Port = ov::Output<ov::Node>;

inline Port convolve(const Port& x,
                     std::size_t outputs,
                     std::size_t kernel,
                     std::size_t stride,
                     std::ptrdiff_t pad,
                     unsigned seed = 1) {
    const auto inputs = x.get_shape()[1];
    const float span = 1.7f / std::sqrt(static_cast<float>(inputs * kernel * kernel));
    return std::make_shared<ov::op::v1::Convolution>(
        x,
        random_constant({outputs, inputs, kernel, kernel}, seed, -span, span),
        ov::Strides{stride, stride},
        ov::CoordinateDiff{pad, pad},
        ov::CoordinateDiff{pad, pad},
        ov::Strides{1, 1});
}

inline Port depthwise(const Port& x, std::size_t kernel, std::size_t stride, std::ptrdiff_t pad) {
    const auto channels = x.get_shape()[1];
    return std::make_shared<ov::op::v1::GroupConvolution>(
        x,
        random_constant({channels, 1, 1, kernel, kernel}, 3),
        ov::Strides{stride, stride},
        ov::CoordinateDiff{pad, pad},
        ov::CoordinateDiff{pad, pad},
        ov::Strides{1, 1});
}

template <class Op, class... Args>
Port make(Args&&... args) {
    return std::make_shared<Op>(std::forward<Args>(args)...);
}

/// A model of one input of this shape, and what `body` makes of it.
inline TestGraph graph_of(const std::string& name,
                          const ov::Shape& shape,
                          const std::function<ov::OutputVector(const Port&)>& body) {
    return {name, [=] {
                auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, shape);
                return std::make_shared<ov::Model>(body(input), ov::ParameterVector{input}, name);
            }};
}

/// The same of pixels of 8 bits.
inline TestGraph graph_of_pixels(const std::string& name,
                                 const ov::Shape& shape,
                                 const std::function<ov::OutputVector(const Port&)>& body) {
    return {name, [=] {
                auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::u8, shape);
                const Port pixels = make<ov::op::v0::Convert>(input, ov::element::f32);
                return std::make_shared<ov::Model>(body(pixels), ov::ParameterVector{input}, name);
            }};
}

inline Port max_pool(const Port& x, std::size_t kernel, std::size_t stride, std::size_t pad) {
    return make<ov::op::v1::MaxPool>(x,
                                     ov::Strides{stride, stride},
                                     ov::Shape{pad, pad},
                                     ov::Shape{pad, pad},
                                     ov::Shape{kernel, kernel});
}

inline Port average_pool(const Port& x, std::size_t kernel, std::size_t pad, bool excludes) {
    return make<ov::op::v1::AvgPool>(x,
                                     ov::Strides{2, 2},
                                     ov::Shape{pad, pad},
                                     ov::Shape{pad, pad},
                                     ov::Shape{kernel, kernel},
                                     excludes);
}

using Interpolate = ov::op::v4::Interpolate;

inline Port resize(const Port& x,
                   std::int64_t height,
                   std::int64_t width,
                   Interpolate::InterpolateMode mode,
                   Interpolate::CoordinateTransformMode place,
                   Interpolate::NearestMode nearest = Interpolate::NearestMode::FLOOR) {
    Interpolate::InterpolateAttrs attributes;
    attributes.mode = mode;
    attributes.coordinate_transformation_mode = place;
    attributes.nearest_mode = nearest;
    attributes.pads_begin = {0, 0, 0, 0};
    attributes.pads_end = {0, 0, 0, 0};
    const auto& from = x.get_shape();
    auto scales = ov::op::v0::Constant::create(
        ov::element::f32,
        ov::Shape{2},
        std::vector<float>{static_cast<float>(height) / static_cast<float>(from[2]),
                           static_cast<float>(width) / static_cast<float>(from[3])});
    return make<Interpolate>(x, numbers({height, width}), scales, numbers({2, 3}), attributes);
}

inline Port swish(const Port& x) {
    return make<ov::op::v1::Multiply>(x, make<ov::op::v0::Sigmoid>(x));
}

inline Port reshape(const Port& x, const std::vector<std::int64_t>& shape) {
    return make<ov::op::v1::Reshape>(x, numbers(shape), false);
}

inline Port join(const ov::OutputVector& parts, std::int64_t axis) {
    return make<ov::op::v0::Concat>(parts, axis);
}

inline Port transpose(const Port& x, const std::vector<std::int64_t>& order) {
    return make<ov::op::v1::Transpose>(x, numbers(order));
}

std::vector<TestGraph> test_graphs();

/// Those of test_graphs() that find places and pick by them, normalise, choose, repeat.
std::vector<TestGraph> picking_graphs();

/// One or a few operators each, of drawn shapes and attributes. The seed and the input's shape are
/// in the name. Without `may_jump`, those alone whose results follow small changes of the input.
std::vector<TestGraph> random_graphs(bool may_jump = true);

/// Graphs that are rounded to 8 bits. Not among test_graphs(): a number near an edge falls to
/// either side, so that what is computed in another order is not the same but for rounding.
std::vector<TestGraph> int8_graphs();

/// Sums of 8 bits that two convolutions cannot make in one step, each for another reason.
std::vector<TestGraph> unpaired_graphs();

/// A model of real_models() as the importer is given it, its input in fp32; null where the test
/// data has it not.
std::shared_ptr<ov::Model> prepared_real_model(const std::string& name);

/// Numbers for each input of the graph; whole ones for pixels.
inline std::vector<std::vector<float>> random_inputs(const Graph& graph,
                                                     unsigned seed,
                                                     float low = -1,
                                                     float high = 1) {
    std::vector<std::vector<float>> inputs;
    for (ValueId input : graph.inputs) {
        const auto count = memory::element_count(graph.value(input).shape);
        inputs.push_back(random_numbers(static_cast<std::size_t>(count), seed, low, high));
        if (graph.value(input).type != memory::ElementType::kU8) continue;
        for (float& number : inputs.back())
            number = std::nearbyint(number);
    }
    return inputs;
}

/// Norm of the difference over the norm of what is right; infinite where a number is missing.
inline double error_of(const std::vector<float>& got, const std::vector<float>& wanted) {
    double error = 0;
    double norm = 1e-12;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (i >= got.size() || !std::isfinite(got[i])) return INFINITY;
        error += (got[i] - wanted[i]) * (got[i] - wanted[i]);
        norm += wanted[i] * wanted[i];
    }
    return std::sqrt(error / norm);
}

}  // namespace sluice::infer::cuda
