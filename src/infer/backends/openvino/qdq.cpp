#include "sluice/infer/backends/openvino/qdq.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include <openvino/core/graph_util.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/pass/constant_folding.hpp>
#include <openvino/pass/manager.hpp>

namespace sluice::infer {
namespace {

using ov::op::v0::Constant;
using ov::op::v0::FakeQuantize;
using Port = ov::Output<ov::Node>;

/// What a port gives that depends on no input, however it is computed from constants; null where
/// that is no constant all the same (random numbers).
std::shared_ptr<Constant> value_of(const Port& port) {
    const auto model = ov::Model(ov::OutputVector{port}, ov::ParameterVector{}).clone();
    ov::pass::Manager manager;
    manager.register_pass<ov::pass::ConstantFolding>();
    manager.run_passes(model);
    return ov::as_type_ptr<Constant>(model->get_results()[0]->get_input_node_shared_ptr(0));
}

bool depends_on_input(const Port& port) {
    const ov::Node* node = port.get_node();
    if (node->get_input_size() == 0) return !ov::is_type<Constant>(node);
    const auto inputs = node->input_values();
    return std::any_of(inputs.begin(), inputs.end(), depends_on_input);
}

template <class Op>
std::shared_ptr<Op> made_by(const Port& port) {
    return ov::as_type_ptr<Op>(port.get_node_shared_ptr());
}

/// integers -> Convert -> [Subtract zero] -> Multiply by scale
struct Dequantise {
    Port integers;
    std::shared_ptr<Constant> zero;  ///< null: 0
    std::shared_ptr<Constant> scale;
};

std::optional<Dequantise> dequantise_of(const std::shared_ptr<ov::op::v1::Multiply>& multiply) {
    Dequantise found;
    Port value = multiply->input_value(0);
    const auto subtract = made_by<ov::op::v1::Subtract>(value);
    if (subtract) value = subtract->input_value(0);
    const auto convert = made_by<ov::op::v0::Convert>(value);
    if (!convert) return std::nullopt;
    found.integers = convert->input_value(0);
    const ov::element::Type type = found.integers.get_element_type();
    if (type != ov::element::u8 && type != ov::element::i8) return std::nullopt;
    if (depends_on_input(multiply->input_value(1))) return std::nullopt;
    if (subtract && depends_on_input(subtract->input_value(1))) return std::nullopt;
    found.scale = value_of(multiply->input_value(1));
    if (subtract) found.zero = value_of(subtract->input_value(1));
    if (!found.scale || (subtract && !found.zero)) return std::nullopt;
    return found;
}

/// What an integer means, for each scale.
std::shared_ptr<Constant> meaning(float integer, const Dequantise& dequantise) {
    std::vector<float> values = dequantise.scale->cast_vector<float>();
    std::vector<float> zeros(values.size(), 0.0f);
    if (dequantise.zero) {
        const std::vector<float> zero = dequantise.zero->cast_vector<float>();
        for (std::size_t i = 0; i < zeros.size(); ++i)
            zeros[i] = zero[zero.size() == 1 ? 0 : i];
    }
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] *= integer - zeros[i];
    return Constant::create(ov::element::f32, dequantise.scale->get_shape(), values);
}

/// QuantizeLinear as it is read: rounds to the integers of its type, given as floats, and converts.
/// Integers that are constant have been rounded.
struct Quantise {
    Port value;
    std::shared_ptr<Constant> low;
    std::shared_ptr<Constant> high;
    std::size_t levels = 256;
};

std::optional<Quantise> quantise_of(const Dequantise& dequantise) {
    const bool is_signed = dequantise.integers.get_element_type() == ov::element::i8;
    float least = is_signed ? -128.0f : 0.0f;
    Quantise found;
    if (const auto constant = made_by<Constant>(dequantise.integers)) {
        const std::vector<float> integers = constant->cast_vector<float>();
        // Biases are left to be folded: nothing rounds them again.
        if (constant->get_shape().size() < 2) return std::nullopt;
        if (is_signed && std::find(integers.begin(), integers.end(), least) == integers.end()) {
            least = -127;  // as our own weights are
            found.levels = 255;
        }
    } else {
        const auto convert = made_by<ov::op::v0::Convert>(dequantise.integers);
        if (!convert) return std::nullopt;
        const auto rounds = made_by<FakeQuantize>(convert->input_value(0));
        if (!rounds || rounds->get_levels() != 256) return std::nullopt;
        found.value = rounds->input_value(0);
    }
    found.low = meaning(least, dequantise);
    found.high = meaning(is_signed ? 127.0f : 255.0f, dequantise);
    return found;
}

bool join(const std::shared_ptr<ov::op::v1::Multiply>& multiply) {
    const auto dequantise = dequantise_of(multiply);
    if (!dequantise) return false;
    auto quantise = quantise_of(*dequantise);
    if (!quantise) return false;
    if (!quantise->value.get_node()) quantise->value = value_of(multiply->output(0));
    const auto joined = std::make_shared<FakeQuantize>(quantise->value,
                                                       quantise->low,
                                                       quantise->high,
                                                       quantise->low,
                                                       quantise->high,
                                                       quantise->levels);
    joined->set_friendly_name(multiply->get_friendly_name());
    ov::replace_node(multiply, joined);
    return true;
}

}  // namespace

int join_quantisation(ov::Model& model) {
    int joined = 0;
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
        const auto multiply = ov::as_type_ptr<ov::op::v1::Multiply>(node);
        if (multiply && join(multiply)) ++joined;
    }
    return joined;
}

}  // namespace sluice::infer
