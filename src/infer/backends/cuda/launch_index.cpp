#include <algorithm>

#include "sluice/infer/backends/cuda/launch.h"

namespace sluice::infer::cuda {
namespace {

void copy_numbers(const std::vector<std::int64_t>& from, int* to) {
    std::transform(
        from.begin(), from.end(), to, [](std::int64_t number) { return static_cast<int>(number); });
}

TopKArgs top_k_args(const Program& program,
                    const TopK& op,
                    const Step& step,
                    const StepPlaces& places) {
    TopKArgs args;
    const View& input = step.inputs[0];
    args.dims = static_cast<int>(input.extents.size());
    copy_numbers(input.extents, args.extents);
    args.input = operand_of(program, input, places.inputs[0], input.extents);
    args.count = static_cast<int>(step.output.extents[static_cast<std::size_t>(op.axis)]);
    args.largest = op.largest;
    args.output = places.output;
    args.type = type_of(program.storage(step.output).type);
    copy_numbers(step.output.strides, args.strides);
    for (int* numbers : {args.extents, args.input.strides, args.strides})
        std::rotate(numbers + op.axis, numbers + op.axis + 1, numbers + args.dims);
    return args;
}

GatherArgs gather_args(const Program& program,
                       const Gather& op,
                       const Step& step,
                       const StepPlaces& places) {
    GatherArgs args;
    args.dims = static_cast<int>(step.output.extents.size());
    copy_numbers(step.output.extents, args.extents);
    copy_numbers(step.output.strides, args.strides);
    args.output = places.output;
    args.type = type_of(program.storage(step.output).type);
    const View& data = step.inputs[0];
    args.data.data = places.inputs[0];
    args.data.type = type_of(program.storage(data).type);
    for (std::size_t d = 0; d < op.from.size(); ++d) {
        if (op.from[d] >= 0)
            args.data.strides[d] =
                static_cast<int>(data.strides[static_cast<std::size_t>(op.from[d])]);
    }
    args.axis_extent = static_cast<int>(data.extents[static_cast<std::size_t>(op.axis)]);
    args.axis_stride = static_cast<int>(data.strides[static_cast<std::size_t>(op.axis)]);
    args.index = operand_of(program, step.inputs[1], places.inputs[1], step.output.extents);
    return args;
}

GridSampleArgs grid_sample_args(const Program& program,
                                const GridSample& op,
                                const Step& step,
                                const StepPlaces& places) {
    GridSampleArgs args;
    const View& input = step.inputs[0];
    const View& grid = step.inputs[1];
    args.input = operand_of(program, input, places.inputs[0], input.extents);
    args.rows = static_cast<int>(input.extents[2]);
    args.columns = static_cast<int>(input.extents[3]);
    args.grid = operand_of(program, grid, places.inputs[1], grid.extents);
    args.output.data = places.output;
    copy_numbers(step.output.extents, args.output.extents);
    copy_numbers(step.output.strides, args.output.strides);
    args.type = type_of(program.storage(step.output).type);
    args.linear = op.linear;
    args.align_corners = op.align_corners;
    args.repeats_border = op.repeats_border;
    return args;
}

}  // namespace

bool launch_index_step(const Program& program,
                       const Step& step,
                       const StepPlaces& places,
                       cudaStream_t stream) {
    const Node& node = program.node(step);
    if (const auto* top = std::get_if<TopK>(&node.op)) {
        launch_top_k(top_k_args(program, *top, step, places), stream);
    } else if (const auto* gather = std::get_if<Gather>(&node.op)) {
        launch_gather(gather_args(program, *gather, step, places), stream);
    } else if (const auto* grid = std::get_if<GridSample>(&node.op)) {
        launch_grid_sample(grid_sample_args(program, *grid, step, places), stream);
    } else {
        return false;
    }
    return true;
}

}  // namespace sluice::infer::cuda
