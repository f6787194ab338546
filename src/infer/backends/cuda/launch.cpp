#include "sluice/infer/backends/cuda/launch.h"

#include <algorithm>
#include <span>

namespace sluice::infer::cuda {

using memory::ElementType;

namespace {

void copy_numbers(const std::vector<std::int64_t>& from, int* to) {
    std::transform(
        from.begin(), from.end(), to, [](std::int64_t number) { return static_cast<int>(number); });
}

Steps steps_from(const Program& program, const Step& of, std::size_t first) {
    Steps steps;
    const std::size_t count = step_count(program, of);
    for (const PointStep& step :
         std::span(program.node(of).steps).subspan(first, std::max(first, count) - first)) {
        steps.step[steps.count++] = {static_cast<std::uint8_t>(step.op),
                                     static_cast<std::int8_t>(step.input),
                                     step.a,
                                     step.b};
    }
    return steps;
}

Image image_of(const Program& program, const View& view, const void* data) {
    Image image;
    image.type = type_of(program.storage(view).type);
    image.grid = program.storage(view).grid;
    image.data = const_cast<void*>(data);
    copy_numbers(view.extents, image.extents);
    copy_numbers(view.strides, image.strides);
    return image;
}

WindowArgs window_of(const Program& program,
                     const Window& window,
                     const Step& step,
                     const StepPlaces& places) {
    WindowArgs args;
    args.input = image_of(program, step.inputs[0], places.inputs[0]);
    args.output = image_of(program, step.output, places.output);
    for (std::size_t i = 0; i < 2; ++i) {
        args.kernel[i] = window.kernel[i];
        args.stride[i] = window.stride[i];
        args.dilation[i] = window.dilation[i];
        args.pad_begin[i] = window.pad_begin[i];
        args.pad_end[i] = window.pad_end[i];
    }
    return args;
}

PointArgs point_args(const Program& program, const Step& step, const StepPlaces& places) {
    PointArgs args;
    args.dims = std::max<int>(1, static_cast<int>(step.output.extents.size()));
    args.extents[0] = 1;
    copy_numbers(step.output.extents, args.extents);
    copy_numbers(step.output.strides, args.strides);
    args.output = places.output;
    args.type = type_of(program.storage(step.output).type);
    args.grid = program.storage(step.output).grid;
    args.operands = static_cast<int>(step.inputs.size());
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
        args.input[i] = operand_of(program, step.inputs[i], places.inputs[i], step.output.extents);
    return args;
}

void launch_pointwise_step(const Program& program,
                           const Step& step,
                           const StepPlaces& places,
                           cudaStream_t stream) {
    PointArgs args = point_args(program, step, places);
    args.steps = steps_from(program, step, 0);
    launch_pointwise(args, stream);
}

void launch_space_to_depth_step(const Program& program,
                                const Step& step,
                                const StepPlaces& places,
                                cudaStream_t stream) {
    SpaceToDepthArgs args;
    const View& input = step.inputs[0];
    args.input = operand_of(program, input, places.inputs[0], input.extents);
    args.channels = static_cast<int>(input.extents[1]);
    args.output = image_of(program, step.output, places.output);
    args.operands = static_cast<int>(step.inputs.size());
    for (std::size_t i = 1; i < step.inputs.size(); ++i) {
        Operand operand = operand_of(program, step.inputs[i], places.inputs[i], input.extents);
        operand.strides[0] = operand.strides[1];  // they differ by channel alone
        args.operand[i] = operand;
    }
    args.steps = steps_from(program, step, 0);
    launch_space_to_depth(args, stream);
}

void launch_depthwise_step(const Program& program,
                           const Step& step,
                           const Conv& conv,
                           const StepPlaces& places,
                           cudaStream_t stream) {
    DepthwiseArgs args;
    args.window = window_of(program, conv.window, step, places);
    args.weights = places.weights;
    args.bias = places.bias;
    args.operands = static_cast<int>(step.inputs.size());
    for (std::size_t i = 1; i < step.inputs.size(); ++i)
        args.operand[i] =
            operand_of(program, step.inputs[i], places.inputs[i], step.output.extents);
    args.steps = steps_from(program, step, 0);
    launch_depthwise(args, stream);
}

ResizeArgs resize_args(const Program& program,
                       const Resize& op,
                       const Step& step,
                       const StepPlaces& places) {
    ResizeArgs args;
    args.input = image_of(program, step.inputs[0], places.inputs[0]);
    args.output = image_of(program, step.output, places.output);
    args.linear = op.linear;
    args.half_pixel = op.place == Resize::Place::kHalfPixel;
    args.floors = op.floors;
    args.step[0] = op.step[0];
    args.step[1] = op.step[1];
    return args;
}

/// Dimensions in the order kept, then reduced.
ReduceArgs reduce_args(const Reduce& op, const Step& step, const StepPlaces& places) {
    ReduceArgs args;
    args.kind = static_cast<int>(op.kind);
    args.input = places.inputs[0];
    args.output = places.output;
    auto is_reduced = [&](std::size_t d) {
        return std::find(op.axes.begin(), op.axes.end(), static_cast<int>(d)) != op.axes.end();
    };
    int next = 0;
    for (bool reduced : {false, true}) {
        for (std::size_t d = 0; d < step.output.extents.size(); ++d) {
            if (is_reduced(d) != reduced) continue;
            args.extents[next] = static_cast<int>(step.inputs[0].extents[d]);
            args.in_strides[next] = static_cast<int>(step.inputs[0].strides[d]);
            args.out_strides[next] = static_cast<int>(step.output.strides[d]);
            ++next;
            ++(reduced ? args.reduced : args.kept);
        }
    }
    return args;
}

SoftmaxArgs softmax_args(const Softmax& op, const Step& step, const StepPlaces& places) {
    SoftmaxArgs args;
    args.dims = static_cast<int>(step.output.extents.size());
    args.input = places.inputs[0];
    args.output = places.output;
    copy_numbers(step.output.extents, args.extents);
    copy_numbers(step.inputs[0].strides, args.in_strides);
    copy_numbers(step.output.strides, args.out_strides);
    for (int* numbers : {args.extents, args.in_strides, args.out_strides})
        std::rotate(numbers + op.axis, numbers + op.axis + 1, numbers + args.dims);
    return args;
}

MatMulArgs matmul_args(const MatMul& op, const Step& step, const StepPlaces& places) {
    MatMulArgs args;
    const std::size_t rank = step.output.extents.size();
    args.outer = static_cast<int>(rank) - 2;
    Shape outer = step.output.extents;
    // Only the outer dimensions spread; the last two are told apart below.
    auto strides = [&](const View& view) {
        Shape extents = outer;
        const Shape& own = view.extents;
        extents[rank - 2] = own[own.size() - 2];
        extents[rank - 1] = own[own.size() - 1];
        return spread_to(view, extents).strides;
    };
    auto a = strides(step.inputs[0]);
    auto b = strides(step.inputs[1]);
    const Shape& a_extents = step.inputs[0].extents;
    args.k = static_cast<int>(a_extents[a_extents.size() - (op.transpose_a ? 2 : 1)]);
    if (op.transpose_a) std::swap(a[rank - 1], a[rank - 2]);
    if (op.transpose_b) std::swap(b[rank - 1], b[rank - 2]);
    args.m = static_cast<int>(outer[rank - 2]);
    args.n = static_cast<int>(outer[rank - 1]);
    args.a_m = static_cast<int>(a[rank - 2]);
    args.a_k = static_cast<int>(a[rank - 1]);
    args.b_k = static_cast<int>(b[rank - 2]);
    args.b_n = static_cast<int>(b[rank - 1]);
    args.out_m = static_cast<int>(step.output.strides[rank - 2]);
    args.out_n = static_cast<int>(step.output.strides[rank - 1]);
    outer.resize(rank - 2);
    copy_numbers(outer, args.extents);
    a.resize(rank - 2);
    b.resize(rank - 2);
    copy_numbers(a, args.a_strides);
    copy_numbers(b, args.b_strides);
    for (std::size_t d = 0; d + 2 < rank; ++d)
        args.out_strides[d] = static_cast<int>(step.output.strides[d]);
    args.a = places.inputs[0];
    args.b = places.inputs[1];
    args.output = places.output;
    return args;
}

}  // namespace

Type type_of(ElementType type) {
    switch (type) {
        case ElementType::kF16:
            return Type::kF16;
        case ElementType::kU8:
            return Type::kU8;
        case ElementType::kI8:
            return Type::kI8;
        default:
            return Type::kF32;
    }
}

std::size_t step_count(const Program& program, const Step& step) {
    const std::vector<PointStep>& steps = program.node(step).steps;
    const Storage& output = program.storage(step.output);
    if (output.type != ElementType::kI8 || steps.empty()) return steps.size();
    const PointStep& last = steps.back();
    const bool same = last.op == PointOp::kRound8 && Grid{last.a, last.b} == output.grid;
    return steps.size() - (same ? 1 : 0);
}

Operand operand_of(const Program& program,
                   const View& view,
                   const void* data,
                   const Shape& extents) {
    Operand operand;
    operand.data = data;
    operand.type = type_of(program.storage(view).type);
    operand.grid = program.storage(view).grid;
    copy_numbers(spread_to(view, extents).strides, operand.strides);
    return operand;
}

void launch_step(const Program& program,
                 const Step& step,
                 const StepPlaces& places,
                 cudaStream_t stream) {
    const Node& node = program.node(step);
    const Type type = type_of(program.type);
    if (node.is<Pointwise>()) return launch_pointwise_step(program, step, places, stream);
    if (node.is<SpaceToDepth>()) return launch_space_to_depth_step(program, step, places, stream);
    if (const auto* conv = std::get_if<Conv>(&node.op))
        return launch_depthwise_step(program, step, *conv, places, stream);
    if (const auto* op = std::get_if<Pool>(&node.op)) {
        return launch_pool(
            {window_of(program, op->window, step, places), op->is_max, op->counts_padding}, stream);
    }
    if (const auto* op = std::get_if<Resize>(&node.op))
        return launch_resize(resize_args(program, *op, step, places), stream);
    if (const auto* op = std::get_if<Reduce>(&node.op))
        return launch_reduce(reduce_args(*op, step, places), type, stream);
    if (const auto* op = std::get_if<Normalize>(&node.op)) {
        return launch_normalize(
            {reduce_args({Reduce::Kind::kMean, op->axes}, step, places), op->epsilon},
            type,
            stream);
    }
    if (launch_index_step(program, step, places, stream)) return;
    if (const auto* op = std::get_if<Softmax>(&node.op))
        return launch_softmax(softmax_args(*op, step, places), type, stream);
    if (const auto* op = std::get_if<MatMul>(&node.op))
        return launch_matmul(matmul_args(*op, step, places), type, stream);
}

void launch_rest(const Program& program,
                 const Step& step,
                 std::size_t first,
                 const StepPlaces& places,
                 cudaStream_t stream) {
    PointArgs args = point_args(program, step, places);
    args.steps = steps_from(program, step, first);
    args.input[0].data = places.output;
    args.input[0].type = args.type;
    args.input[0].grid = args.grid;
    std::copy(args.strides, args.strides + args.dims, args.input[0].strides);
    launch_pointwise(args, stream);
}

const void* first_of(const Program& program, const View& view, const void* storage) {
    const auto bytes = memory::element_size(program.storage(view).type);
    return static_cast<const std::byte*>(storage) + static_cast<std::size_t>(view.offset) * bytes;
}

}  // namespace sluice::infer::cuda
