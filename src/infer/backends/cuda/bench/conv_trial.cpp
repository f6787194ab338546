#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/plan_trial.h"

/// Convolutions of ResNet-50, YOLOX-s and YOLOX-m at batch 32, by every plan that plan_choice.h
/// chooses from: cuDNN's, and each configuration of our own kernel. What int8_conv.cpp is tuned by.
/// Pairs are of two convolutions that are added (conv_pair.h); cuDNN has no plans for them.
///
///   infer_cuda_conv_trial [shapes=TEXT] [ways=TEXT] [own=TEXT] [plans=4]
///
/// shapes, ways, own: only those whose name has the text in it, own being our kernel's
/// configurations. plans: of cuDNN's list, how many; each takes up to seconds to build. A line for
/// each plan: its time and TOP/s, or what is wrong.
namespace sluice::infer::cuda {
namespace {

using enum memory::ElementType;

constexpr std::int64_t kBatch = 32;

struct Layer {
    const char* name;
    std::int64_t inputs, outputs, size;  ///< channels; rows and columns that go in
    int kernel, stride;
    std::int64_t pitch = 0;   ///< channels of the concatenation that it is a part of
    std::int64_t second = 0;  ///< channels of the other convolution's input, where it is a pair
    int second_stride = 1;

    std::int64_t out_size() const { return (size - 1) / stride + 1; }
    double operations() const {
        return 2.0 * static_cast<double>(kBatch * out_size() * out_size() * outputs *
                                         (inputs * kernel * kernel + second));
    }
};

constexpr Layer kLayers[] = {
    {"resnet 3x3 256 14", 256, 256, 14, 3, 1},
    {"resnet 1x1 256-1024 14", 256, 1024, 14, 1, 1},
    {"yolox 1x1 64 80 slice", 64, 64, 80, 1, 1, 128},
    {"resnet 1x1 64-256 56", 64, 256, 56, 1, 1},
    {"resnet 1x1 256-64 56", 256, 64, 56, 1, 1},
    {"resnet 3x3 64 56", 64, 64, 56, 3, 1},
    {"resnet 3x3/2 128 56", 128, 128, 56, 3, 2},
    {"resnet 1x1 512-128 28", 512, 128, 28, 1, 1},
    {"resnet 3x3 128 28", 128, 128, 28, 3, 1},
    {"resnet 1x1/2 256-512 56", 256, 512, 56, 1, 2},
    {"resnet 1x1 1024-256 14", 1024, 256, 14, 1, 1},
    {"resnet 1x1 2048-512 7", 2048, 512, 7, 1, 1},
    {"resnet 3x3 512 7", 512, 512, 7, 3, 1},
    {"yolox stem 3x3 16-32 320", 16, 32, 320, 3, 1},
    {"yolox 3x3/2 32-64 320", 32, 64, 320, 3, 2},
    {"yolox 3x3 32 160", 32, 32, 160, 3, 1},
    {"yolox 1x1 64 160", 64, 64, 160, 1, 1},
    {"yolox 3x3/2 64-128 160", 64, 128, 160, 3, 2},
    {"yolox 3x3 64 80", 64, 64, 80, 3, 1},
    {"yolox 3x3 128 80", 128, 128, 80, 3, 1},
    {"yolox 3x3 256 20", 256, 256, 20, 3, 1},
    {"yolox 1x1 1024-512 20", 1024, 512, 20, 1, 1},
    {"resnet 1x1 128-512 28", 128, 512, 28, 1, 1},
    {"yolox 1x1 128 80", 128, 128, 80, 1, 1},
    {"yolox 3x3 128 40", 128, 128, 40, 3, 1},
    {"yoloxm 3x3/2 48-96 320", 48, 96, 320, 3, 2},
    {"yoloxm 3x3 48 160", 48, 48, 160, 3, 1},
    {"yoloxm 1x1 96 160", 96, 96, 160, 1, 1},
    {"yoloxm 3x3 96 80", 96, 96, 80, 3, 1},
    {"resnet pair 64+64-256 56", 64, 256, 56, 1, 1, 0, 64, 1},
    {"resnet pair 128+256-512 28", 128, 512, 28, 1, 1, 0, 256, 2},
    {"resnet pair 256+512-1024 14", 256, 1024, 14, 1, 1, 0, 512, 2},
    {"resnet pair 512+1024-2048 7", 512, 2048, 7, 1, 1, 0, 1024, 2},
    {"yoloxm 1x1 192 80", 192, 192, 80, 1, 1},
    {"yoloxm 3x3 192 40", 192, 192, 40, 3, 1},
    {"resnet 1x1 512-2048 7", 512, 2048, 7, 1, 1},
    {"yolox 1x1 256 40", 256, 256, 40, 1, 1},
    {"yolox 1x1 256-128 80", 256, 128, 80, 1, 1},
};

struct Way {
    const char* name;
    memory::ElementType type;    ///< of input and weights
    memory::ElementType y_type;  ///< of the output
    std::vector<PointStep> steps;
    memory::ElementType operand = kI8;  ///< of the step that has one
    bool shifts = false;
};

std::vector<Way> all_ways() {
    const PointStep relu{PointOp::kRelu};
    const PointStep swish{PointOp::kSwish};
    const PointStep add{PointOp::kAdd, 1};
    return {{"fp16 relu", kF16, kF16, {relu}},
            {"fp16 swish", kF16, kF16, {swish}},
            {"fp16 add relu", kF16, kF16, {add, relu}, kF16},
            {"fp16-int8 swish", kF16, kI8, {swish}},
            {"int8 relu", kI8, kI8, {relu}},
            {"int8 swish", kI8, kI8, {swish}},
            {"int8 swish, zero point", kI8, kI8, {swish}, kI8, true},
            {"int8 add relu", kI8, kI8, {add, relu}},
            {"int8 swish add", kI8, kI8, {swish, add}},
            {"int8 swish add fp16", kI8, kI8, {swish, add}, kF16},
            {"int8-fp16 swish", kI8, kF16, {swish}}};
}

/// Pixel by pixel.
Four strides_of(const Four& extents, std::int64_t pitch) {
    return {extents[2] * extents[3] * pitch, 1, extents[3] * pitch, pitch};
}

ConvProblem problem_of(const Layer& layer, const Way& way) {
    ConvProblem problem;
    problem.type = way.type;
    problem.y_type = way.y_type;
    problem.shifts = way.shifts;
    problem.x = {kBatch, layer.inputs, layer.size, layer.size};
    problem.x_strides = strides_of(problem.x, layer.inputs);
    problem.y = {kBatch, layer.outputs, layer.out_size(), layer.out_size()};
    problem.y_strides = strides_of(problem.y, std::max(layer.pitch, layer.outputs));
    problem.w = {layer.outputs, layer.inputs, layer.kernel, layer.kernel};
    problem.window.kernel = {layer.kernel, layer.kernel};
    problem.window.stride = {layer.stride, layer.stride};
    problem.window.pad_begin = {layer.kernel / 2, layer.kernel / 2};
    problem.window.pad_end = problem.window.pad_begin;
    if (layer.second > 0) {
        const std::int64_t size = layer.out_size() * layer.second_stride;
        problem.second.x = {kBatch, layer.second, size, size};
        problem.second.x_strides = strides_of(problem.second.x, layer.second);
        problem.second.stride = {layer.second_stride, layer.second_stride};
    }
    problem.steps = way.steps;
    for (const PointStep& step : way.steps) {
        if (step.input < 0) continue;
        problem.operand_strides.push_back(strides_of(problem.y, layer.outputs));
        problem.operand_types.push_back(way.operand);
    }
    return problem;
}

std::string result_of(const Cudnn& cudnn,
                      PlanTrial& trial,
                      const ConvPlan& plan,
                      double operations) {
    auto right = trial.is_right(cudnn, plan);
    if (!right) return right.error().text();
    if (!*right) return "wrong";
    auto time = trial.time(cudnn, plan);
    if (!time) return time.error().text();
    return fmt::format("{:.1f} us  {:.0f} TOP/s", *time * 1e3, operations / *time / 1e9);
}

Result<void> try_plans(const Cudnn& cudnn,
                       const Layer& layer,
                       const Way& way,
                       const std::string& own,
                       std::size_t most) {
    const ConvProblem problem = problem_of(layer, way);
    std::vector<ConvPlan> plans = own_plans(problem);
    std::erase_if(plans, [&](const ConvPlan& plan) {
        return plan.name().find(own, std::string_view(kOwnPlan).size()) == std::string::npos;
    });
    for (ConvPlan& plan : cudnn.plans(problem, most))
        plans.push_back(std::move(plan));
    if (plans.empty()) return {};
    PlanTrial trial = SLUICE_TRY(PlanTrial::create(problem, plans));
    for (const ConvPlan& plan : plans) {
        const std::string result = result_of(cudnn, trial, plan, layer.operations());
        fmt::print("{:27} {:23} {:22} {}\n", layer.name, way.name, plan.name(), result);
        std::fflush(stdout);
        SLUICE_TRY(trial.still_works());
    }
    return {};
}

std::string word(int count, char** words, const std::string& key, const std::string& otherwise) {
    for (int i = 1; i < count; ++i) {
        if (std::string(words[i]).starts_with(key + "=")) return words[i] + key.size() + 1;
    }
    return otherwise;
}

Result<void> run(int count, char** words) {
    const std::string layers = word(count, words, "shapes", "");
    const std::string ways = word(count, words, "ways", "");
    const std::string own = word(count, words, "own", "");
    const auto most = static_cast<std::size_t>(std::stoi(word(count, words, "plans", "4")));
    SLUICE_TRY(memory::cuda::use_device(0));
    const Cudnn cudnn = SLUICE_TRY(Cudnn::create());
    fmt::print("{}, cuDNN {}\n", SLUICE_TRY(memory::cuda::device_name(0)), Cudnn::version());
    for (const Layer& layer : kLayers) {
        if (std::string(layer.name).find(layers) == std::string::npos) continue;
        for (const Way& way : all_ways()) {
            if (std::string(way.name).find(ways) == std::string::npos) continue;
            SLUICE_TRY(try_plans(cudnn, layer, way, own, most));
        }
    }
    return {};
}

}  // namespace
}  // namespace sluice::infer::cuda

int main(int count, char** words) {
    auto done = sluice::infer::cuda::run(count, words);
    if (done) return 0;
    fmt::print(stderr, "{}\n", done.error().message);
    return 1;
}
