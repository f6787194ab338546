#include "sluice/infer/backends/cuda/step_problem.h"

#include <algorithm>

#include "sluice/infer/backends/cuda/launch.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

/// Does the output's grid have a zero point that the convolution has to add?
bool shifts_output(const Program& program, const Step& step) {
    const Storage& output = program.storage(step.output);
    return output.type == ElementType::kI8 && output.grid.zero != 0;
}

/// Extents with padded channels, and strides that say something for extents of 1 as well.
void describe_view(const Program& program, const View& view, Four& extents, Four& strides) {
    std::copy(view.extents.begin(), view.extents.end(), extents.begin());
    extents[1] = padded_channels(extents[1], program.storage(view).type);
    strides[1] = 1;
    strides[3] = extents[3] > 1 ? view.strides[3] : extents[1];
    strides[2] = extents[2] > 1 ? view.strides[2] : strides[3] * extents[3];
    strides[0] = extents[0] > 1 ? view.strides[0] : strides[2] * extents[2];
}

/// Without the node's steps.
ConvProblem plain_problem(const Program& program, const Step& step, const Conv& conv, bool tf32) {
    ConvProblem problem;
    problem.type = program.storage(step.inputs[0]).type;
    problem.y_type = program.storage(step.output).type;
    problem.tf32 = tf32;
    problem.window = conv.window;
    describe_view(program, step.inputs[0], problem.x, problem.x_strides);
    describe_view(program, step.output, problem.y, problem.y_strides);
    problem.w = {
        problem.y[1], problem.x[1] / conv.groups, conv.window.kernel[0], conv.window.kernel[1]};
    return problem;
}

/// Can step `which` of the node read its operand inside the convolution, like those before it?
bool fits_inside(const Program& program,
                 const Step& step,
                 std::size_t which,
                 const ConvProblem& problem) {
    const PointStep& now = program.node(step).steps[which];
    const View& view = step.inputs[static_cast<std::size_t>(now.input)];
    const ElementType type = program.storage(view).type;
    if (view.extents != step.output.extents || view.extents[1] != problem.y[1] ||
        !fits_matrix_units(program, view))
        return false;
    if (!problem.operand_types.empty() && problem.operand_types[0] != type) return false;
    if (type != ElementType::kI8) return true;
    return now.op == PointOp::kAdd && (zero_of(program, step, which) != ZeroIn::kShift ||
                                       which + 1 == step_count(program, step));
}

/// Without the matrix units cuDNN's good plans end in a ReLU at the most. Beyond that it offers its
/// last resort alone, 14 to 47 times as slow as the convolution (9.19 on an H200: eng8).
bool is_fused_well(const ConvProblem& problem, const PointStep& step) {
    if (problem.type != ElementType::kF32 || problem.tf32) return true;
    return problem.steps.empty() && step.op == PointOp::kRelu;
}

/// Adds to the problem what of the node's steps cuDNN can do; returns how many.
std::size_t fuse_steps(const Program& program, const Step& step, ConvProblem& problem) {
    for (std::size_t i = 0; i < step_count(program, step); ++i) {
        const PointStep& now = program.node(step).steps[i];
        if (!is_fusable(now) || !is_fused_well(problem, now)) break;
        if (now.input >= 0) {
            if (!fits_inside(program, step, i, problem)) break;
            const View& view = step.inputs[static_cast<std::size_t>(now.input)];
            Four extents{};
            Four strides{};
            describe_view(program, view, extents, strides);
            problem.operand_strides.push_back(strides);
            problem.operand_types.push_back(program.storage(view).type);
            if (zero_of(program, step, i) == ZeroIn::kShift) problem.shifts = true;
        }
        problem.steps.push_back(now);
    }
    return problem.steps.size();
}

}  // namespace

StepProblem problem_of(const Program& program, const Step& step, bool tf32, bool fuses) {
    StepProblem asked{plain_problem(program, step, *matrix_conv(program.node(step)), tf32)};
    ConvProblem& problem = asked.problem;
    if (fuses) asked.fused = fuse_steps(program, step, problem);
    problem.shifts = problem.shifts || shifts_output(program, step);
    return asked;
}

ConvProblem pair_problem(const ConvProblem& first,
                         const ConvProblem& second,
                         const ConvProblem& joining) {
    ConvProblem both = joining;
    both.x = first.x;
    both.x_strides = first.x_strides;
    both.w = first.w;
    both.window = first.window;
    both.second = {second.x, second.x_strides, second.window.stride};
    both.steps.erase(both.steps.begin());
    both.operand_strides.clear();
    both.operand_types.clear();
    return both;
}

ZeroIn zero_of(const Program& program, const Step& step, std::size_t which) {
    const PointStep& sum = program.node(step).steps[which];
    const Storage& operand = program.storage(step.inputs[static_cast<std::size_t>(sum.input)]);
    if (operand.type != ElementType::kI8 || operand.grid.zero == 0) return ZeroIn::kNone;
    return which == 0 ? ZeroIn::kBias : ZeroIn::kShift;
}

float shift_of(const Program& program, const Step& step, std::size_t fused) {
    const Storage& output = program.storage(step.output);
    const bool int8 = output.type == ElementType::kI8;
    float shift = int8 ? output.grid.zero : 0;
    for (std::size_t i = 0; i < fused; ++i) {
        const int input = program.node(step).steps[i].input;
        if (input < 0 || zero_of(program, step, i) != ZeroIn::kShift) continue;
        const Grid& grid = program.storage(step.inputs[static_cast<std::size_t>(input)]).grid;
        shift -= grid.zero * grid.step / (int8 ? output.grid.step : 1);
    }
    return shift;
}

}  // namespace sluice::infer::cuda
