#include "sluice/infer/backends/openvino/focus.h"

#include <array>
#include <optional>
#include <vector>

#include <openvino/core/graph_util.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/slice.hpp>

namespace sluice::infer {
namespace {

/// Where a quarter of the picture comes from: every second row from `row`, column from `column`.
struct Quarter {
    ov::Output<ov::Node> source;
    std::array<std::optional<std::int64_t>, 4> start;  ///< per axis; none: not sliced
};

std::optional<std::int64_t> only_number(const ov::Output<ov::Node>& port) {
    auto constant = ov::as_type_ptr<ov::op::v0::Constant>(port.get_node_shared_ptr());
    if (!constant || ov::shape_size(constant->get_shape()) != 1) return std::nullopt;
    return constant->cast_vector<std::int64_t>()[0];
}

/// Adds one Slice with step 2 over a single axis to the end to what is known of the quarter.
bool add_slice(const ov::op::v8::Slice& slice, Quarter& quarter) {
    if (slice.get_input_size() != 5 || slice.get_input_partial_shape(0).is_dynamic()) return false;
    auto start = only_number(slice.input_value(1));
    auto stop = only_number(slice.input_value(2));
    auto step = only_number(slice.input_value(3));
    auto axis = only_number(slice.input_value(4));
    if (!start || !stop || !axis || step != 2 || *start < 0 || *start > 1) return false;
    if (*axis != 2 && *axis != 3) return false;
    auto extent =
        static_cast<std::int64_t>(slice.get_input_shape(0)[static_cast<std::size_t>(*axis)]);
    auto& known = quarter.start[static_cast<std::size_t>(*axis)];
    if (known || *stop < extent || extent % 2 != 0) return false;
    known = *start;
    return true;
}

std::optional<Quarter> quarter_of(const ov::Output<ov::Node>& port) {
    Quarter quarter{port, {}};
    while (auto slice = ov::as_type_ptr<ov::op::v8::Slice>(quarter.source.get_node_shared_ptr())) {
        if (!add_slice(*slice, quarter)) return std::nullopt;
        quarter.source = slice->input_value(0);
    }
    if (!quarter.start[2] || !quarter.start[3]) return std::nullopt;
    return quarter;
}

/// The four quarters that a Concat joins by channel, all of one source.
std::vector<Quarter> quarters_of(const ov::Node& node) {
    const auto* concat = ov::as_type<const ov::op::v0::Concat>(&node);
    if (!concat || concat->get_axis() != 1 || concat->get_input_size() != 4) return {};
    std::vector<Quarter> quarters;
    for (const ov::Output<ov::Node>& port : concat->input_values()) {
        std::optional<Quarter> quarter = quarter_of(port);
        if (!quarter || (!quarters.empty() && quarter->source != quarters[0].source)) return {};
        quarters.push_back(*quarter);
    }
    return quarters;
}

bool is_plain_3x3(const ov::op::v1::Convolution& convolution) {
    const ov::CoordinateDiff one{1, 1};
    return convolution.get_strides() == ov::Strides{1, 1} &&
           convolution.get_dilations() == ov::Strides{1, 1} &&
           convolution.get_pads_begin() == one && convolution.get_pads_end() == one &&
           convolution.get_auto_pad() == ov::op::PadType::EXPLICIT;
}

/// Tap (y, x) of quarter (row, column) reads picture row 2 y + row: so the taps interleave.
std::shared_ptr<ov::op::v0::Constant> interleave(const ov::op::v0::Constant& weights,
                                                 const std::vector<Quarter>& quarters) {
    const ov::Shape& shape = weights.get_shape();
    std::size_t channels = shape[1] / 4;
    std::vector<float> from = weights.cast_vector<float>();
    std::vector<float> to(shape[0] * channels * 36);
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t x = i % 3;
        std::size_t y = i / 3 % 3;
        std::size_t channel = i / 9 % shape[1];
        std::size_t filter = i / 9 / shape[1];
        const Quarter& quarter = quarters[channel / channels];
        std::size_t row = 2 * y + static_cast<std::size_t>(*quarter.start[2]);
        std::size_t column = 2 * x + static_cast<std::size_t>(*quarter.start[3]);
        to[((filter * channels + channel % channels) * 6 + row) * 6 + column] = from[i];
    }
    return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{shape[0], channels, 6, 6}, to);
}

bool fold(const std::shared_ptr<ov::op::v1::Convolution>& convolution) {
    if (!is_plain_3x3(*convolution)) return false;
    auto weights = ov::as_type_ptr<ov::op::v0::Constant>(convolution->get_input_node_shared_ptr(1));
    if (!weights || weights->get_element_type() != ov::element::f32) return false;
    const ov::Shape& shape = weights->get_shape();
    std::vector<Quarter> quarters = quarters_of(*convolution->get_input_node_ptr(0));
    if (quarters.empty() || shape[1] % 4 != 0 || shape[2] != 3 || shape[3] != 3) return false;
    auto folded = std::make_shared<ov::op::v1::Convolution>(quarters[0].source,
                                                            interleave(*weights, quarters),
                                                            ov::Strides{2, 2},
                                                            ov::CoordinateDiff{2, 2},
                                                            ov::CoordinateDiff{2, 2},
                                                            ov::Strides{1, 1});
    folded->set_friendly_name(convolution->get_friendly_name());
    ov::replace_node(convolution, folded);
    return true;
}

}  // namespace

int fold_focus(ov::Model& model) {
    int found = 0;
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
        auto convolution = ov::as_type_ptr<ov::op::v1::Convolution>(node);
        if (convolution && fold(convolution)) ++found;
    }
    if (found > 0) model.validate_nodes_and_infer_types();
    return found;
}

}  // namespace sluice::infer
