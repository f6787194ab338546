#include "sluice/infer/backends/cuda/plan_trial.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sluice/infer/backends/cuda/check.h"
#include "sluice/infer/backends/cuda/launch.h"
#include "sluice/infer/backends/cuda/measure.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using memory::cuda::Buffer;
using memory::cuda::check;
using memory::cuda::Stream;

/// Of the norm. Rounding to fp16 alone is 3e-4; the order of summation is nothing beside it.
constexpr float kTolerance = 2e-3f;
constexpr float kFp32Tolerance = 1e-4f;
/// Halves fall to either side.
constexpr float kInt8Tolerance = 2e-2f;

// What made-up numbers of 8 bits stand for: sums are some units large, and few are cut off.
constexpr Grid kOutputGrid{0.05f, -7};
constexpr Grid kOperandGrid{0.02f, 0};
constexpr float kShift = 0.5f;        ///< of outputs that are not kI8
constexpr float kMeanProduct = 5400;  ///< of two made-up numbers
constexpr std::size_t kNumberBytes = 256;

/// What the outputs lie on: zero where the problem does not shift.
Grid output_grid(const ConvProblem& problem) {
    return {kOutputGrid.step, problem.shifts ? kOutputGrid.zero : 0};
}

/// Elements from the first to the last, gaps included.
int span_of(const Four& extents, const Four& strides) {
    std::int64_t last = 0;
    for (std::size_t i = 0; i < 4; ++i)
        last += (extents[i] - 1) * strides[i];
    return static_cast<int>(last + 1);
}

int weight_count(const ConvProblem& problem) {
    const Four& w = problem.w;
    return static_cast<int>(w[0] * w[1] * w[2] * w[3]);
}

int second_weight_count(const ConvProblem& problem) {
    return static_cast<int>(problem.w[0] * problem.second.x[1]);
}

int operand_span(const ConvProblem& problem) {
    int span = 0;
    for (const Four& strides : problem.operand_strides)
        span = std::max(span, span_of(problem.y, strides));
    return span;
}

Image image_of(void* data, const Four& extents, const Four& strides) {
    Image image;
    image.data = data;
    for (std::size_t i = 0; i < 4; ++i) {
        image.extents[i] = static_cast<int>(extents[i]);
        image.strides[i] = static_cast<int>(strides[i]);
    }
    return image;
}

Result<Buffer> buffer_of(int elements) {
    return Buffer::create(Buffer::Kind::kDevice,
                          static_cast<std::size_t>(elements) * sizeof(float) + 256);
}

}  // namespace

bool is_near(const float (&sums)[2], ElementType type, bool tf32) {
    float tolerance = kTolerance;
    if (type == ElementType::kF32 && !tf32) tolerance = kFp32Tolerance;
    if (type == ElementType::kI8) tolerance = kInt8Tolerance;
    // Written so that NaN is wrong.
    return std::sqrt(sums[0]) <= tolerance * std::sqrt(sums[1]);
}

Result<PlanTrial> PlanTrial::create(const ConvProblem& problem,
                                    const std::vector<ConvPlan>& plans) {
    std::size_t workspace = 0;
    for (const ConvPlan& plan : plans)
        workspace = std::max(workspace, plan.workspace());
    const int y = span_of(problem.y, problem.y_strides);
    const auto outputs = static_cast<int>(problem.w[0]);
    PlanTrial trial(problem);
    trial.stream_ = SLUICE_TRY(Stream::create());
    trial.x_ = SLUICE_TRY(buffer_of(span_of(problem.x, problem.x_strides)));
    trial.weights_ = SLUICE_TRY(buffer_of(weight_count(problem)));
    trial.bias_ = SLUICE_TRY(buffer_of(outputs));
    trial.scale_ = SLUICE_TRY(buffer_of(outputs));
    if (problem.has_second()) {
        const int x = span_of(problem.second.x, problem.second.x_strides);
        trial.second_x_ = SLUICE_TRY(buffer_of(x));
        trial.second_weights_ = SLUICE_TRY(buffer_of(second_weight_count(problem)));
        trial.second_scale_ = SLUICE_TRY(buffer_of(outputs));
    }
    trial.numbers_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, 3 * kNumberBytes));
    trial.operand_ = SLUICE_TRY(buffer_of(operand_span(problem)));
    trial.y_ = SLUICE_TRY(buffer_of(y));
    trial.right_ = SLUICE_TRY(buffer_of(y));
    trial.sums_ = SLUICE_TRY(buffer_of(2));
    trial.workspace_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, workspace + 256));
    SLUICE_TRY(trial.compute_right());
    return trial;
}

ConvPointers PlanTrial::pointers() const {
    const std::size_t operands = problem_.operand_strides.size();
    auto number = [&](std::size_t which) {
        return reinterpret_cast<const float*>(numbers_.data() + which * kNumberBytes);
    };
    ConvPointers pointers;
    pointers.x = x_.data();
    pointers.weights = weights_.data();
    pointers.bias = reinterpret_cast<const float*>(bias_.data());
    pointers.scale = reinterpret_cast<const float*>(scale_.data());
    pointers.second_x = second_x_.data();
    pointers.second_weights = second_weights_.data();
    pointers.second_scale = reinterpret_cast<const float*>(second_scale_.data());
    pointers.operands.assign(operands, operand_.data());
    pointers.operand_steps.assign(operands, number(0));
    pointers.y = y_.data();
    pointers.rate = number(1);
    pointers.shift = number(2);
    pointers.y_grid = output_grid(problem_);
    for (const ElementType type : problem_.operand_types) {
        // What an operand's zero point comes to is added at the end.
        Grid operand = type == ElementType::kI8 ? kOperandGrid : Grid{};
        if (problem_.shifts && problem_.y_type != ElementType::kI8)
            operand.zero = -kShift / operand.step;
        pointers.operand_grids.push_back(operand);
    }
    return pointers;
}

Result<void> PlanTrial::upload_numbers() const {
    const auto depth =
        static_cast<float>(problem_.w[1] * problem_.w[2] * problem_.w[3] + problem_.second.x[1]);
    auto scales = [&](std::int64_t first) {
        std::vector<float> scale;
        for (std::int64_t k = first; k < first + problem_.w[0]; ++k)
            scale.push_back((0.5f + static_cast<float>(k % 16) / 16) * 3 /
                            (kMeanProduct * std::sqrt(depth)));
        return scale;
    };
    const std::vector<float> scale = scales(0);
    const std::vector<float> second_scale = scales(5);
    std::array<float, 3 * kNumberBytes / sizeof(float)> numbers{};
    constexpr std::size_t kNext = kNumberBytes / sizeof(float);
    numbers[0] = kOperandGrid.step;
    numbers[kNext] = 1 / kOutputGrid.step;
    numbers[2 * kNext] = problem_.y_type == ElementType::kI8 ? kOutputGrid.zero : kShift;
    auto upload = [&](const Buffer& to, const float* from, std::size_t bytes) {
        return check(cudaMemcpyAsync(to.data(), from, bytes, cudaMemcpyHostToDevice, stream_.get()),
                     "uploading made-up numbers");
    };
    SLUICE_TRY(upload(scale_, scale.data(), scale.size() * sizeof(float)));
    if (problem_.has_second())
        SLUICE_TRY(upload(second_scale_, second_scale.data(), second_scale.size() * sizeof(float)));
    return upload(numbers_, numbers.data(), sizeof numbers);
}

void PlanTrial::add_second(ConvCheckArgs& args) const {
    const ConvProblem::Second& second = problem_.second;
    launch_fill(second_x_.data(), Type::kI8, span_of(second.x, second.x_strides), 6, stream_.get());
    launch_fill(second_weights_.data(), Type::kI8, second_weight_count(problem_), 7, stream_.get());
    args.second = image_of(second_x_.data(), second.x, second.x_strides);
    std::copy(second.stride.begin(), second.stride.end(), args.second_stride);
    args.second_weights = second_weights_.data();
    args.second_scale = reinterpret_cast<const float*>(second_scale_.data());
}

Result<void> PlanTrial::compute_right() {
    SLUICE_TRY(upload_numbers());
    const Type type = type_of(problem_.type);
    const cudaStream_t stream = stream_.get();
    launch_fill(x_.data(), type, span_of(problem_.x, problem_.x_strides), 1, stream);
    launch_fill(weights_.data(), type, weight_count(problem_), 2, stream);
    launch_fill(bias_.data(), Type::kF32, static_cast<int>(problem_.w[0]), 3, stream);
    // Operands of several types would want a memory each; there is one operand in practice.
    for (const ElementType operand : problem_.operand_types)
        launch_fill(operand_.data(), type_of(operand), operand_span(problem_), 4, stream);
    launch_fill(right_.data(),
                type_of(problem_.y_type),
                span_of(problem_.y, problem_.y_strides),
                5,
                stream);
    ConvCheckArgs args;
    args.window.input = image_of(x_.data(), problem_.x, problem_.x_strides);
    args.window.output = image_of(right_.data(), problem_.y, problem_.y_strides);
    args.window.input.type = type;
    args.window.output.type = type_of(problem_.y_type);
    args.window.output.grid = output_grid(problem_);
    if (problem_.shifts && problem_.y_type != ElementType::kI8) args.shift = kShift;
    args.scale = reinterpret_cast<const float*>(scale_.data());
    for (std::size_t i = 0; i < 2; ++i) {
        args.window.kernel[i] = problem_.window.kernel[i];
        args.window.stride[i] = problem_.window.stride[i];
        args.window.dilation[i] = problem_.window.dilation[i];
        args.window.pad_begin[i] = problem_.window.pad_begin[i];
    }
    args.groups = static_cast<int>(problem_.x[1] / problem_.w[1]);
    args.weights = weights_.data();
    args.bias = reinterpret_cast<const float*>(bias_.data());
    if (problem_.has_second()) add_second(args);
    int next = 0;
    for (const PointStep& step : problem_.steps) {
        KernelStep& to = args.steps.step[args.steps.count++];
        to = {static_cast<std::uint8_t>(step.op), -1, step.a, step.b};
        if (step.input < 0) continue;
        const auto which = static_cast<std::size_t>(next);
        const Image image = image_of(operand_.data(), problem_.y, problem_.operand_strides[which]);
        args.operand[next].data = image.data;
        args.operand[next].type = type_of(problem_.operand_types[which]);
        args.operand[next].grid = kOperandGrid;
        std::copy(image.strides, image.strides + 4, args.operand[next].strides);
        to.input = static_cast<std::int8_t>(next++);
    }
    launch_conv_check(args, stream);
    SLUICE_TRY(check(cudaGetLastError(), "computing what plans are compared with"));
    // A fault found later is then the plan's.
    return check(cudaStreamSynchronize(stream), "computing what plans are compared with");
}

Result<bool> PlanTrial::is_right(const Cudnn& cudnn, const ConvPlan& plan) {
    const Type type = type_of(problem_.y_type);
    const int span = span_of(problem_.y, problem_.y_strides);
    launch_fill(y_.data(), type, span, 5, stream_.get());
    SLUICE_TRY(cudnn.use(stream_));
    SLUICE_TRY(plan.run(cudnn, pointers(), workspace_.data(), stream_.get()));
    SLUICE_TRY(
        check(cudaMemsetAsync(sums_.data(), 0, 2 * sizeof(float), stream_.get()), "clearing sums"));
    launch_compare(y_.data(),
                   right_.data(),
                   type,
                   span,
                   reinterpret_cast<float*>(sums_.data()),
                   stream_.get());
    SLUICE_TRY(stream_.wait());
    float sums[2] = {};
    SLUICE_TRY(
        check(cudaMemcpy(sums, sums_.data(), sizeof sums, cudaMemcpyDeviceToHost), "reading sums"));
    return is_near(sums, problem_.y_type, problem_.tf32);
}

Result<void> PlanTrial::still_works() const {
    return stream_.wait();
}

Result<float> PlanTrial::time(const Cudnn& cudnn, const ConvPlan& plan) {
    SLUICE_TRY(cudnn.use(stream_));
    return shortest_time(
        stream_, [&] { return plan.run(cudnn, pointers(), workspace_.data(), stream_.get()); });
}

}  // namespace sluice::infer::cuda
