#include "sluice/infer/backends/openvino/specs.h"

#include <array>
#include <utility>

namespace sluice::infer {
namespace {

using memory::ElementType;

const std::array<std::pair<ElementType, ov::element::Type>, 7>& type_table() {
    static const std::array<std::pair<ElementType, ov::element::Type>, 7> table{{
        {ElementType::kF32, ov::element::f32},
        {ElementType::kF16, ov::element::f16},
        {ElementType::kBf16, ov::element::bf16},
        {ElementType::kU8, ov::element::u8},
        {ElementType::kI8, ov::element::i8},
        {ElementType::kI32, ov::element::i32},
        {ElementType::kI64, ov::element::i64},
    }};
    return table;
}

bool is(const ov::Dimension& extent, std::int64_t channels) {
    return extent.is_static() && extent.get_length() == channels;
}

}  // namespace

std::string tensor_name(const ov::Output<const ov::Node>& port) {
    if (!port.get_names().empty()) return port.get_any_name();
    return port.get_node()->get_friendly_name();
}

ov::element::Type to_openvino(ElementType type) {
    for (const auto& [ours, theirs] : type_table()) {
        if (ours == type) return theirs;
    }
    return ov::element::f32;
}

Layout layout_of(const ov::PartialShape& shape) {
    if (shape.rank().is_dynamic() || shape.size() != 4) return Layout::kOther;
    // Colour first: a picture of four rows is rarer than one of three channels.
    for (std::int64_t channels : {3, 1, 4}) {
        if (is(shape[1], channels)) return Layout::kNchw;
        if (is(shape[3], channels)) return Layout::kNhwc;
    }
    return Layout::kOther;
}

Result<std::vector<TensorSpec>> specs_of(const std::vector<ov::Output<const ov::Node>>& ports) {
    std::vector<TensorSpec> specs;
    for (const ov::Output<const ov::Node>& port : ports) {
        TensorSpec spec;
        spec.name = tensor_name(port);
        bool known = false;
        for (const auto& [ours, theirs] : type_table()) {
            if (theirs != port.get_element_type()) continue;
            spec.type = ours;
            known = true;
        }
        if (!known) {
            return unsupported(fmt::format("tensor '{}' is of type {}, which is not carried here",
                                           spec.name,
                                           port.get_element_type().get_type_name()));
        }
        const ov::PartialShape& shape = port.get_partial_shape();
        if (shape.rank().is_static()) {
            for (const ov::Dimension& extent : shape)
                spec.shape.push_back(extent.is_static() ? extent.get_length() : -1);
        }
        spec.layout = layout_of(shape);
        specs.push_back(std::move(spec));
    }
    return specs;
}

}  // namespace sluice::infer
