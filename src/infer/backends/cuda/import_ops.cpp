#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <openvino/op/ops.hpp>

#include "sluice/infer/backends/cuda/import_detail.h"

namespace sluice::infer::cuda {
namespace {

/// As a scale and a shift per channel, which fuse.cpp folds into the convolution before it.
Result<void> batch_norm(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v5::BatchNormInference&>(node);
    std::array<std::shared_ptr<const std::vector<float>>, 4> part;
    for (std::size_t i = 0; i < 4; ++i) {
        part[i] = in.value(in.input(node, i + 1)).data;
        if (!part[i]) return Importer::refuse(node, "computed statistics are not supported");
    }
    const auto& [gamma, beta, mean, variance] = part;
    std::vector<float> scale(gamma->size());
    std::vector<float> shift(gamma->size());
    for (std::size_t c = 0; c < scale.size(); ++c) {
        scale[c] = (*gamma)[c] / std::sqrt((*variance)[c] + static_cast<float>(op.get_eps_value()));
        shift[c] = (*beta)[c] - (*mean)[c] * scale[c];
    }
    const ValueId x = in.input(node, 0);
    Shape per_channel(in.shape(x).size() - 1, 1);
    per_channel[0] = static_cast<std::int64_t>(scale.size());
    const ValueId scales = in.constant(std::move(scale), per_channel, "scale");
    const ValueId shifts = in.constant(std::move(shift), per_channel, "shift");
    in.add(node, Pointwise{}, {x, scales, shifts}, {{PointOp::kMul, 1}, {PointOp::kAdd, 2}});
    return {};
}

Result<void> max_pool(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::MaxPoolBase&>(node);
    if (op.get_kernel().size() != 2)
        return Importer::refuse(node, "only pooling over two dimensions is supported");
    Pool pool;
    pool.window.kernel = pair_of(op.get_kernel());
    pool.window.stride = pair_of(op.get_strides());
    pool.window.pad_begin = pair_of(op.get_pads_begin());
    pool.window.pad_end = pair_of(op.get_pads_end());
    if (const auto* v8 = ov::as_type<const ov::op::v8::MaxPool>(&node))
        pool.window.dilation = pair_of(v8->get_dilations());
    if (const auto* v14 = ov::as_type<const ov::op::v14::MaxPool>(&node))
        pool.window.dilation = pair_of(v14->get_dilations());
    if (node.get_output_size() > 1 && !node.output(1).get_target_inputs().empty())
        return Importer::refuse(node, "the places of the maxima are not supported");
    in.add(node, pool, {in.input(node, 0)});
    return {};
}

Result<void> average_pool(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::AvgPoolBase&>(node);
    if (op.get_kernel().size() != 2)
        return Importer::refuse(node, "only pooling over two dimensions is supported");
    Pool pool;
    pool.is_max = false;
    pool.counts_padding = !op.get_exclude_pad();
    pool.window.kernel = pair_of(op.get_kernel());
    pool.window.stride = pair_of(op.get_strides());
    pool.window.pad_begin = pair_of(op.get_pads_begin());
    pool.window.pad_end = pair_of(op.get_pads_end());
    if (const auto* v16 = ov::as_type<const ov::op::v16::AvgPool>(&node))
        pool.window.dilation = pair_of(v16->get_dilations());
    in.add(node, pool, {in.input(node, 0)});
    return {};
}

Result<void> interpolate(Importer& in, const ov::Node& node) {
    using Base = ov::op::util::InterpolateBase;
    const auto& op = static_cast<const Base&>(node);
    const Base::InterpolateAttrs& attributes = op.get_attrs();
    const ValueId x = in.input(node, 0);
    const Shape from = in.shape(x);
    const Shape to = shape_of(node.output(0));
    if (from.size() != 4 || from[0] != to[0] || from[1] != to[1])
        return Importer::refuse(node, "only rows and columns can be resized");
    Resize resize;
    using Mode = Base::InterpolateMode;
    resize.linear = attributes.mode == Mode::LINEAR || attributes.mode == Mode::LINEAR_ONNX;
    if (!resize.linear && attributes.mode != Mode::NEAREST)
        return Importer::refuse(node, "only nearest and linear are supported");
    // TensorFlow's linear mode averages over more than two pixels when it makes smaller.
    if (attributes.mode == Mode::LINEAR && (attributes.antialias || to[2] < from[2]))
        return Importer::refuse(node, "linear with antialiasing is not supported");
    using Place = Base::CoordinateTransformMode;
    switch (attributes.coordinate_transformation_mode) {
        case Place::HALF_PIXEL:
        case Place::PYTORCH_HALF_PIXEL:
            resize.place = Resize::Place::kHalfPixel;
            break;
        case Place::ASYMMETRIC:
            resize.place = Resize::Place::kAsymmetric;
            break;
        case Place::ALIGN_CORNERS:
            resize.place = Resize::Place::kAlignCorners;
            break;
        default:
            return Importer::refuse(node, "this coordinate mode is not supported, half_pixel is");
    }
    using Nearest = Base::NearestMode;
    resize.floors = attributes.nearest_mode == Nearest::FLOOR;
    if (!resize.linear && !resize.floors && attributes.nearest_mode != Nearest::ROUND_PREFER_FLOOR)
        return Importer::refuse(node, "nearest supports floor and round_prefer_floor");
    for (std::size_t i = 0; i < 2; ++i) {
        const bool corners = resize.place == Resize::Place::kAlignCorners;
        const auto inputs = static_cast<float>(from[2 + i] - (corners ? 1 : 0));
        const auto outputs = static_cast<float>(to[2 + i] - (corners ? 1 : 0));
        resize.step[i] = outputs > 0 ? inputs / outputs : 0.0f;
        // PyTorch takes the first pixel where only one is left.
        if (attributes.coordinate_transformation_mode == Place::PYTORCH_HALF_PIXEL &&
            to[2 + i] == 1)
            resize.step[i] = 1.0f;
    }
    in.add(node, resize, {x});
    return {};
}

Result<void> concat(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::Concat&>(node);
    std::vector<ValueId> inputs;
    for (std::size_t i = 0; i < node.get_input_size(); ++i)
        inputs.push_back(in.input(node, i));
    const auto rank = static_cast<std::int64_t>(node.get_output_shape(0).size());
    const std::int64_t axis = op.get_axis();
    in.add(node, Concat{static_cast<int>(axis < 0 ? axis + rank : axis)}, std::move(inputs));
    return {};
}

/// Reshape, Squeeze, Unsqueeze: the output's shape says all.
Result<void> reshape(Importer& in, const ov::Node& node) {
    in.add(node, Reshape{}, {in.input(node, 0)});
    return {};
}

Result<void> transpose(Importer& in, const ov::Node& node) {
    Transpose op;
    for (std::int64_t dimension : SLUICE_TRY(in.integers(node, 1)))
        op.order.push_back(static_cast<int>(dimension));
    if (op.order.empty()) {
        op.order.resize(node.get_input_shape(0).size());
        std::iota(op.order.rbegin(), op.order.rend(), 0);
    }
    in.add(node, std::move(op), {in.input(node, 0)});
    return {};
}

/// Does nothing to the numbers.
Result<void> same(Importer& in, const ov::Node& node) {
    in.alias(node, in.input(node, 0));
    return {};
}

Result<void> add_parts(Importer& in, const ov::Node& node) {
    const Shape from = in.shape(in.input(node, 0));
    std::int64_t axis = SLUICE_TRY(in.integers(node, 1))[0];
    if (axis < 0) axis += static_cast<std::int64_t>(from.size());
    std::int64_t begin = 0;
    for (std::size_t port = 0; port < node.get_output_size(); ++port) {
        Slice slice = everything(from.size());
        slice.begin[static_cast<std::size_t>(axis)] = begin;
        begin += shape_of(node.output(port))[static_cast<std::size_t>(axis)];
        in.add(node, std::move(slice), {in.input(node, 0)}, {}, port);
    }
    return {};
}

/// Joined with constants; most exported paddings are of no pixels.
Result<void> pad(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::util::PadBase&>(node);
    const auto begin = SLUICE_TRY(in.integers(node, 1));
    const auto end = SLUICE_TRY(in.integers(node, 2));
    if (op.get_pad_mode() != ov::op::PadMode::CONSTANT)
        return Importer::refuse(node, "only padding with a constant is supported");
    float fill = 0;
    if (node.get_input_size() > 3) {
        const auto& data = in.value(in.input(node, 3)).data;
        if (!data) return Importer::refuse(node, "a computed filling is not supported");
        fill = data->front();
    }
    ValueId x = in.input(node, 0);
    for (std::size_t axis = 0; axis < begin.size(); ++axis) {
        if (begin[axis] < 0 || end[axis] < 0)
            return Importer::refuse(node, "cutting off is not supported");
        std::vector<ValueId> parts{x};
        Shape shape = in.shape(x);
        for (std::int64_t width : {begin[axis], end[axis]}) {
            if (width == 0) continue;
            Shape border = in.shape(x);
            border[axis] = width;
            shape[axis] += width;
            const auto count = static_cast<std::size_t>(memory::element_count(border));
            const ValueId id = in.constant(std::vector<float>(count, fill), border, "padding");
            const bool first = width == begin[axis] && parts.size() == 1 && begin[axis] > 0;
            parts.insert(first ? parts.begin() : parts.end(), id);
        }
        if (parts.size() == 1) continue;
        x = in.emit(
            node.get_friendly_name(), Concat{static_cast<int>(axis)}, std::move(parts), shape);
    }
    in.alias(node, x);
    return {};
}

std::int64_t clipped_begin(std::int64_t begin, std::int64_t extent) {
    return std::clamp(begin < 0 ? begin + extent : begin, std::int64_t{0}, extent);
}

Result<void> slice(Importer& in, const ov::Node& node) {
    const ValueId x = in.input(node, 0);
    const Shape from = in.shape(x);
    const auto begin = SLUICE_TRY(in.integers(node, 1));
    const auto step = SLUICE_TRY(in.integers(node, 3));
    std::vector<std::int64_t> axes(begin.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (node.get_input_size() > 4) axes = SLUICE_TRY(in.integers(node, 4));
    Slice op = everything(from.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = static_cast<std::size_t>(
            axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(from.size()) : axes[i]);
        if (step[i] <= 0) return Importer::refuse(node, "backward steps are not supported");
        op.begin[axis] = clipped_begin(begin[i], from[axis]);
        op.step[axis] = step[i];
    }
    in.add(node, std::move(op), {x});
    return {};
}

Result<void> strided_slice(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v1::StridedSlice&>(node);
    const ValueId x = in.input(node, 0);
    const Shape from = in.shape(x);
    const auto begin = SLUICE_TRY(in.integers(node, 1));
    std::vector<std::int64_t> step(begin.size(), 1);
    if (node.get_input_size() > 3) step = SLUICE_TRY(in.integers(node, 3));
    auto any = [](const std::vector<std::int64_t>& mask) {
        return std::any_of(mask.begin(), mask.end(), [](std::int64_t bit) { return bit != 0; });
    };
    if (any(op.get_new_axis_mask()) || any(op.get_ellipsis_mask()))
        return Importer::refuse(node, "new axes and ellipses are not supported");
    Slice result = everything(from.size());
    Shape kept = from;
    for (std::size_t i = 0; i < begin.size(); ++i) {
        if (step[i] <= 0) return Importer::refuse(node, "backward steps are not supported");
        const bool open = i < op.get_begin_mask().size() && op.get_begin_mask()[i] != 0;
        result.begin[i] = open ? 0 : clipped_begin(begin[i], from[i]);
        result.step[i] = step[i];
        const bool shrinks =
            i < op.get_shrink_axis_mask().size() && op.get_shrink_axis_mask()[i] != 0;
        const auto end = SLUICE_TRY(in.integers(node, 2))[i];
        const bool open_end = i < op.get_end_mask().size() && op.get_end_mask()[i] != 0;
        const std::int64_t last = open_end ? from[i] : clipped_begin(end, from[i]);
        kept[i] = shrinks
                      ? 1
                      : std::max<std::int64_t>(0, (last - result.begin[i] + step[i] - 1) / step[i]);
    }
    if (kept == shape_of(node.output(0))) {
        in.add(node, std::move(result), {x});
        return {};
    }
    const ValueId part = in.emit(node.get_friendly_name(), std::move(result), {x}, kept);
    in.add(node, Reshape{}, {part});
    return {};
}

/// A product with fixed weights is a 1x1 convolution over as many rows as there are vectors.
void matmul_as_conv(
    Importer& in, const ov::Node& node, ValueId a, const Value& b, bool transposed) {
    const Shape from = in.shape(a);
    const Shape to = shape_of(node.output(0));
    const std::int64_t inputs = from.back();
    const std::int64_t outputs = to.back();
    Conv conv;
    conv.bias.assign(static_cast<std::size_t>(outputs), 0.0f);
    conv.weights.resize(b.data->size());
    for (std::int64_t o = 0; o < outputs; ++o) {
        for (std::int64_t i = 0; i < inputs; ++i) {
            conv.weights[static_cast<std::size_t>(o * inputs + i)] =
                (*b.data)[static_cast<std::size_t>(transposed ? o * inputs + i : i * outputs + o)];
        }
    }
    const std::int64_t batch = from.size() > 2 ? from[0] : 1;
    const std::int64_t rows = memory::element_count(from) / inputs / batch;
    const std::string& name = node.get_friendly_name();
    // One vector per item stays one item, so that its batch is the convolution's.
    const bool flat = from.size() <= 2;
    const Shape wide = flat ? Shape{rows, 1, 1, inputs} : Shape{batch, rows, 1, inputs};
    const Shape image = {wide[0], inputs, wide[1], 1};
    ValueId x = in.emit(name, Reshape{}, {a}, wide);
    x = in.emit(name, Transpose{{0, 3, 1, 2}}, {x}, image);
    x = in.emit(name, std::move(conv), {x}, {wide[0], outputs, wide[1], 1});
    x = in.emit(name, Transpose{{0, 2, 3, 1}}, {x}, {wide[0], wide[1], 1, outputs});
    in.add(node, Reshape{}, {x});
}

Result<void> matmul(Importer& in, const ov::Node& node) {
    const auto& op = static_cast<const ov::op::v0::MatMul&>(node);
    const ValueId a = in.input(node, 0);
    const ValueId b = in.input(node, 1);
    if (in.shape(a).size() < 2 || in.shape(b).size() < 2)
        return Importer::refuse(node, "products of vectors are not supported");
    const Value& weights = in.value(b);
    if (weights.data && weights.shape.size() == 2 && !op.get_transpose_a()) {
        matmul_as_conv(in, node, a, Value(weights), op.get_transpose_b());
        return {};
    }
    in.add(node, MatMul{op.get_transpose_a(), op.get_transpose_b()}, {a, b});
    return {};
}

}  // namespace

Handler find_handler(std::string_view type) {
    static const std::map<std::string_view, Handler> table{
        {"BatchNormInference", batch_norm},
        {"MaxPool", max_pool},
        {"AvgPool", average_pool},
        {"Interpolate", interpolate},
        {"Concat", concat},
        {"Reshape", reshape},
        {"Squeeze", reshape},
        {"Unsqueeze", reshape},
        {"Transpose", transpose},
        {"Identity", same},
        {"Split", add_parts},
        {"VariadicSplit", add_parts},
        {"Pad", pad},
        {"Slice", slice},
        {"StridedSlice", strided_slice},
        {"MatMul", matmul},
    };
    if (auto found = table.find(type); found != table.end()) return found->second;
    for (auto find : {find_math_handler,
                      find_conv_handler,
                      find_index_handler,
                      find_row_handler,
                      find_quantise_handler}) {
        if (Handler handler = find(type)) return handler;
    }
    return nullptr;
}

bool takes_integers(std::string_view type) {
    static const std::set<std::string_view> names{
        "Abs",      "Add",    "Broadcast", "Concat",    "Convert",        "Divide",
        "FloorMod", "Gather", "GatherND",  "Identity",  "GatherElements", "Maximum",
        "Minimum",  "Mod",    "Multiply",  "Negative",  "Reshape",        "Select",
        "Sign",     "Slice",  "Split",     "Squeeze",   "StridedSlice",   "Subtract",
        "Tile",     "TopK",   "Transpose", "Unsqueeze", "VariadicSplit"};
    return names.contains(type);
}

}  // namespace sluice::infer::cuda
