#include "sluice/infer/backends/openvino/adapt.h"

#include <map>
#include <vector>

#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/subtract.hpp>

#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer {
namespace {

struct ImageAxes {
    std::size_t channels;
    std::size_t height;
    std::size_t width;
};
ImageAxes axes(Layout layout) {
    return layout == Layout::kNhwc ? ImageAxes{3, 1, 2} : ImageAxes{1, 2, 3};
}

ov::Layout to_openvino(Layout layout) {
    return layout == Layout::kNhwc ? "NHWC" : "NCHW";
}

/// Per-channel numbers as a constant that spreads over an image of this layout.
Result<std::shared_ptr<ov::Node>> per_channel(const std::vector<float>& values,
                                              std::size_t channels,
                                              Layout layout,
                                              std::string_view what) {
    if (values.size() != 1 && values.size() != channels) {
        return invalid_argument(fmt::format("{} has {} values; the network's input has {} channels",
                                            what,
                                            values.size(),
                                            channels));
    }
    ov::Shape shape(4, 1);
    shape[axes(layout).channels] = values.size();
    return std::shared_ptr<ov::Node>(ov::op::v0::Constant::create(ov::element::f32, shape, values));
}

void convert_outputs(ov::preprocess::PrePostProcessor& processor, const ov::Model& model) {
    for (std::size_t i = 0; i < model.outputs().size(); ++i)
        processor.output(i).tensor().set_element_type(ov::element::f32);
}

}  // namespace

Result<void> close_extents(ov::Model& model, const InputAdaptation& adaptation) {
    std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
    for (const ov::Output<ov::Node>& input : model.inputs()) {
        ov::PartialShape shape = input.get_partial_shape();
        Layout layout = layout_of(shape);
        if (layout != Layout::kOther && shapes.empty()) {
            ov::Dimension& rows = shape[axes(layout).height];
            ov::Dimension& columns = shape[axes(layout).width];
            if (rows.is_dynamic() && adaptation.height > 0) rows = adaptation.height;
            if (columns.is_dynamic() && adaptation.width > 0) columns = adaptation.width;
        }
        for (std::size_t i = 1; shape.rank().is_static() && i < shape.size(); ++i) {
            if (shape[i].is_static()) continue;
            return invalid_argument(
                fmt::format("input '{}' is {}: give the network's width and "
                            "height in the model's description",
                            tensor_name(input),
                            shape.to_string()));
        }
        shapes[input] = shape;
    }
    model.reshape(shapes);
    return {};
}

Result<std::shared_ptr<ov::Model>> adapt(const std::shared_ptr<ov::Model>& model,
                                         const InputAdaptation& adaptation) {
    ov::preprocess::PrePostProcessor processor(model);
    convert_outputs(processor, *model);
    const ov::PartialShape& shape = model->input(0).get_partial_shape();
    Layout layout = layout_of(shape);
    bool changes = !adaptation.mean.empty() || !adaptation.scale.empty();
    if (layout == Layout::kOther) {
        if (!changes && !adaptation.type && !adaptation.layout) return processor.build();
        return unsupported(fmt::format("input '{}' ({}) is no image to adapt",
                                       tensor_name(model->input(0)),
                                       shape.to_string()));
    }

    auto channels = static_cast<std::size_t>(shape[axes(layout).channels].get_length());
    std::shared_ptr<ov::Node> mean;
    std::shared_ptr<ov::Node> scale;
    if (!adaptation.mean.empty())
        mean = SLUICE_TRY(per_channel(adaptation.mean, channels, layout, "mean"));
    if (!adaptation.scale.empty())
        scale = SLUICE_TRY(per_channel(adaptation.scale, channels, layout, "scale"));

    ov::preprocess::InputInfo& input = processor.input(0);
    input.tensor()
        .set_element_type(to_openvino(adaptation.type.value_or(memory::ElementType::kU8)))
        .set_layout(to_openvino(adaptation.layout.value_or(layout)));
    input.model().set_layout(to_openvino(layout));
    input.preprocess().convert_layout(to_openvino(layout));
    if (changes) input.preprocess().convert_element_type(ov::element::f32);
    // Own nodes rather than mean() and scale(): the latter divides, which is not the same number.
    if (mean) {
        input.preprocess().custom([mean](const ov::Output<ov::Node>& value) {
            return std::make_shared<ov::op::v1::Subtract>(value, mean)->output(0);
        });
    }
    if (scale) {
        input.preprocess().custom([scale](const ov::Output<ov::Node>& value) {
            return std::make_shared<ov::op::v1::Multiply>(value, scale)->output(0);
        });
    }
    return processor.build();
}

}  // namespace sluice::infer
