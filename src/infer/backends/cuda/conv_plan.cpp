#include "sluice/infer/backends/cuda/conv_plan.h"

#include <optional>
#include <unordered_map>

#include <cudnn_frontend.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/infer/backends/cuda/cudnn_library.h"
#include "sluice/infer/backends/cuda/own_conv.h"

namespace cudnn_frontend {
/// What the headers look cuDNN's functions up in.
void* cudnn_dlhandle = nullptr;
}  // namespace cudnn_frontend

namespace sluice::infer::cuda {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr std::size_t kOldest = 90100;  // 9.1: the first whose fused convolutions were tried
constexpr std::int64_t kX = 1;
constexpr std::int64_t kWeights = 2;
constexpr std::int64_t kBias = 3;
constexpr std::int64_t kY = 4;
constexpr std::int64_t kScale = 5;
constexpr std::int64_t kRate = 6;
constexpr std::int64_t kShift = 7;
constexpr std::int64_t kFirstOperand = 8;
/// An operand's step is as far behind the operand.
constexpr std::int64_t kToStep = 100;

cudnnHandle_t handle_of(const Cudnn& cudnn) {
    return static_cast<cudnnHandle_t>(cudnn.handle());
}

std::vector<std::int64_t> list(const Four& numbers) {
    return {numbers.begin(), numbers.end()};
}
std::vector<std::int64_t> list(const Pair& numbers) {
    return {numbers[0], numbers[1]};
}

fe::DataType_t data_type(memory::ElementType type) {
    switch (type) {
        case memory::ElementType::kF16:
            return fe::DataType_t::HALF;
        case memory::ElementType::kI8:
            return fe::DataType_t::INT8;
        default:
            return fe::DataType_t::FLOAT;
    }
}

Tensor tensor(fe::graph::Graph& graph,
              std::int64_t id,
              const Four& extents,
              const Four& strides,
              fe::DataType_t type) {
    return graph.tensor(fe::graph::Tensor_attributes()
                            .set_name(std::to_string(id))
                            .set_uid(id)
                            .set_dim(list(extents))
                            .set_stride(list(strides))
                            .set_data_type(type));
}

/// cuDNN's mode for a step, NOT_SET where it has none.
fe::PointwiseMode_t mode_of(const PointStep& step) {
    using enum PointOp;
    switch (step.op) {
        case kAdd:
            return step.input >= 0 ? fe::PointwiseMode_t::ADD : fe::PointwiseMode_t::NOT_SET;
        case kMul:
            return step.input >= 0 ? fe::PointwiseMode_t::MUL : fe::PointwiseMode_t::NOT_SET;
        case kRelu:
            return fe::PointwiseMode_t::RELU_FWD;
        case kLeakyRelu:
            return step.input < 0 ? fe::PointwiseMode_t::RELU_FWD : fe::PointwiseMode_t::NOT_SET;
        case kClamp:
            return step.a == 0 ? fe::PointwiseMode_t::RELU_FWD : fe::PointwiseMode_t::NOT_SET;
        case kSigmoid:
            return fe::PointwiseMode_t::SIGMOID_FWD;
        case kSwish:
            return fe::PointwiseMode_t::SWISH_FWD;
        case kTanh:
            return fe::PointwiseMode_t::TANH_FWD;
        default:
            return fe::PointwiseMode_t::NOT_SET;
    }
}

fe::graph::Pointwise_attributes attributes_of(const PointStep& step) {
    fe::graph::Pointwise_attributes attributes;
    attributes.set_mode(mode_of(step)).set_compute_data_type(fe::DataType_t::FLOAT);
    if (step.op == PointOp::kLeakyRelu) attributes.set_relu_lower_clip_slope(step.a);
    if (step.op == PointOp::kClamp) attributes.set_relu_lower_clip(0).set_relu_upper_clip(step.b);
    return attributes;
}

/// Numbers of fp32: one for each of `count` channels.
Tensor numbers(fe::graph::Graph& graph, std::int64_t id, std::int64_t count) {
    return tensor(graph, id, {1, count, 1, 1}, {count, 1, count, count}, fe::DataType_t::FLOAT);
}

Tensor joined(fe::graph::Graph& graph, PointOp op, const Tensor& a, const Tensor& b) {
    return graph.pointwise(a, b, attributes_of({op, 0}));
}

/// The problem's steps after the bias.
Tensor steps_after(fe::graph::Graph& graph, const ConvProblem& problem, Tensor y) {
    std::size_t next = 0;
    for (const PointStep& step : problem.steps) {
        if (step.input < 0) {
            y = graph.pointwise(y, attributes_of(step));
            continue;
        }
        const std::int64_t id = kFirstOperand + static_cast<std::int64_t>(next);
        const memory::ElementType type = problem.operand_types[next];
        Tensor operand =
            tensor(graph, id, problem.y, problem.operand_strides[next], data_type(type));
        if (type == memory::ElementType::kI8)
            operand = joined(graph, PointOp::kMul, operand, numbers(graph, id + kToStep, 1));
        ++next;
        y = graph.pointwise(y, operand, attributes_of(step));
    }
    return y;
}

std::shared_ptr<fe::graph::Graph> graph_of(const ConvProblem& problem) {
    auto graph = std::make_shared<fe::graph::Graph>();
    const fe::DataType_t type = data_type(problem.type);
    graph->set_io_data_type(type)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    const auto [k, c, r, s] = problem.w;
    Tensor x = tensor(*graph, kX, problem.x, problem.x_strides, type);
    Tensor w = tensor(*graph, kWeights, problem.w, {r * s * c, 1, s * c, c}, type);
    const Window& window = problem.window;
    fe::graph::Conv_fprop_attributes convolution;
    convolution.set_pre_padding(list(window.pad_begin))
        .set_post_padding(list(window.pad_end))
        .set_stride(list(window.stride))
        .set_dilation(list(window.dilation));
    // Whole numbers are summed as such; with fp32 cuDNN has no plan for them.
    if (problem.is_int8()) convolution.set_compute_data_type(fe::DataType_t::INT32);
    Tensor y = graph->conv_fprop(x, w, convolution);
    y->set_dim(list(problem.y)).set_stride(list(problem.y_strides));
    if (problem.is_int8()) {
        y->set_data_type(fe::DataType_t::INT32);
        y = joined(*graph, PointOp::kMul, y, numbers(*graph, kScale, k));
    }
    y = joined(*graph, PointOp::kAdd, y, numbers(*graph, kBias, k));
    y = steps_after(*graph, problem, y);
    if (problem.y_type == memory::ElementType::kI8)
        y = joined(*graph, PointOp::kMul, y, numbers(*graph, kRate, 1));
    if (problem.shifts) y = joined(*graph, PointOp::kAdd, y, numbers(*graph, kShift, 1));
    y->set_output(true)
        .set_uid(kY)
        .set_dim(list(problem.y))
        .set_stride(list(problem.y_strides))
        .set_data_type(data_type(problem.y_type));
    return graph;
}

const char* word(memory::ElementType type) {
    switch (type) {
        case memory::ElementType::kF16:
            return "fp16";
        case memory::ElementType::kI8:
            return "int8";
        default:
            return "fp32";
    }
}

}  // namespace

struct ConvPlan::Impl {
    std::shared_ptr<fe::graph::Graph> graph;
    std::int64_t index = 0;
    std::int64_t workspace = 0;
    std::string name;
    ConvProblem problem;
    std::optional<OwnConv> own;  ///< goes before the graph
};

std::string ConvProblem::key() const {
    std::string text = fmt::format("{}{} x {} ({}) y {} ({}) w {} s {} d {} p {} {}",
                                   word(type),
                                   tf32 ? " tf32" : "",
                                   fmt::join(x, ","),
                                   fmt::join(x_strides, ","),
                                   fmt::join(y, ","),
                                   fmt::join(y_strides, ","),
                                   fmt::join(w, ","),
                                   fmt::join(window.stride, ","),
                                   fmt::join(window.dilation, ","),
                                   fmt::join(window.pad_begin, ","),
                                   fmt::join(window.pad_end, ","));
    for (const PointStep& step : steps)
        text += fmt::format(
            " {}{}:{}:{}", static_cast<int>(step.op), step.input < 0 ? "" : "y", step.a, step.b);
    for (const Four& strides : operand_strides)
        text += fmt::format(" ({})", fmt::join(strides, ","));
    // What was the same for all before there was int8 is not said, so that kept plans stay known.
    for (const memory::ElementType operand : operand_types) {
        if (operand != type) text += fmt::format(" with {}", word(operand));
    }
    if (y_type != type) text += fmt::format(" to {}", word(y_type));
    if (shifts) text += " shifted";
    if (has_second())
        text += fmt::format(" and x {} ({}) s {}",
                            fmt::join(second.x, ","),
                            fmt::join(second.x_strides, ","),
                            fmt::join(second.stride, ","));
    return text;
}

bool is_fusable(const PointStep& step) {
    return mode_of(step) != fe::PointwiseMode_t::NOT_SET;
}

std::size_t ConvPlan::workspace() const {
    return static_cast<std::size_t>(impl_->workspace);
}

const std::string& ConvPlan::name() const {
    return impl_->name;
}

Result<void> ConvPlan::run(const Cudnn& cudnn,
                           const ConvPointers& pointers,
                           void* workspace,
                           cudaStream_t stream) const {
    if (impl_->own) return impl_->own->run(pointers, stream);
    std::unordered_map<std::int64_t, void*> pack{{kY, pointers.y}};
    // cuDNN takes what it only reads as if it would write it.
    auto give = [&](std::int64_t id, const void* from) { pack[id] = const_cast<void*>(from); };
    give(kX, pointers.x);
    give(kWeights, pointers.weights);
    give(kBias, pointers.bias);
    const ConvProblem& problem = impl_->problem;
    if (problem.is_int8()) give(kScale, pointers.scale);
    if (problem.y_type == memory::ElementType::kI8) give(kRate, pointers.rate);
    if (problem.shifts) give(kShift, pointers.shift);
    for (std::size_t i = 0; i < pointers.operands.size(); ++i) {
        const std::int64_t id = kFirstOperand + static_cast<std::int64_t>(i);
        give(id, pointers.operands[i]);
        if (problem.operand_types[i] == memory::ElementType::kI8)
            give(id + kToStep, pointers.operand_steps[i]);
    }
    try {
        auto status =
            impl_->graph->execute_plan_at_index(handle_of(cudnn), pack, workspace, impl_->index);
        if (status.is_good()) return {};
        return internal_error(fmt::format("cuDNN: {}", status.get_message()));
    } catch (const std::exception& exception) {
        return internal_error(fmt::format("cuDNN: {}", exception.what()));
    }
}

Result<void> Cudnn::load() {
    fe::cudnn_dlhandle = SLUICE_TRY(open_cudnn());
    if (version() < kOldest)
        return unsupported(fmt::format("cuDNN {}.{} is too old: 9.1 or newer is needed",
                                       version() / 10000,
                                       version() % 10000 / 100));
    return {};
}

Result<Cudnn> Cudnn::create() {
    SLUICE_TRY(load());
    try {
        cudnnHandle_t handle = nullptr;
        if (fe::detail::create_handle(&handle) != CUDNN_STATUS_SUCCESS)
            return internal_error("cuDNN cannot be started on this device");
        Cudnn cudnn;
        cudnn.handle_ = {handle, [](void* made) {
                             fe::detail::destroy_handle(static_cast<cudnnHandle_t>(made));
                         }};
        return cudnn;
    } catch (const std::exception& exception) {
        return internal_error(fmt::format("cuDNN: {}", exception.what()));
    }
}

Result<void> Cudnn::use(const memory::cuda::Stream& stream) const {
    if (fe::detail::set_stream(handle_of(*this), stream.get()) == CUDNN_STATUS_SUCCESS) return {};
    return internal_error("cuDNN does not take the stream");
}

std::size_t Cudnn::version() {
    return fe::detail::get_backend_version();
}

std::vector<ConvPlan> Cudnn::plans(const ConvProblem& problem,
                                   std::size_t most,
                                   const std::string& only) const {
    std::vector<ConvPlan> plans;
    if (problem.has_second()) return plans;
    try {
        auto graph = graph_of(problem);
        if (graph->validate().is_bad() || graph->build_operation_graph(handle_of(*this)).is_bad() ||
            graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}).is_bad())
            return plans;
        if (problem.type == memory::ElementType::kF32 && !problem.tf32)
            graph->deselect_numeric_notes({fe::NumericalNote_t::TENSOR_CORE});
        if (graph->check_support(handle_of(*this)).is_bad()) return plans;
        for (std::int64_t i = 0; i < graph->get_execution_plan_count() && plans.size() < most;
             ++i) {
            auto impl = std::make_shared<ConvPlan::Impl>();
            if (graph->get_plan_name_at_index(i, impl->name).is_bad()) continue;
            if (!only.empty() && impl->name != only) continue;
            if (graph->build_plan_at_index(handle_of(*this), i).is_bad()) continue;
            if (graph->get_workspace_size_plan_at_index(i, impl->workspace).is_bad()) continue;
            impl->graph = graph;
            impl->problem = problem;
            impl->index = i;
            plans.emplace_back(std::move(impl));
        }
    } catch (const std::exception&) {
        // A plan that cannot be built is one that is not there; others may be.
    }
    return plans;
}

std::vector<ConvPlan> own_plans(const ConvProblem& problem, const std::string& only) {
    std::vector<ConvPlan> plans;
    for (OwnConv& own : own_convs(problem, is_hopper())) {
        if (!only.empty() && own.name() != only) continue;
        auto impl = std::make_shared<ConvPlan::Impl>();
        impl->name = own.name();
        impl->own = std::move(own);
        plans.emplace_back(std::move(impl));
    }
    return plans;
}

}  // namespace sluice::infer::cuda
