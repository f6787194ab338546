#include "sluice/infer/backends/cuda/conv_plan.h"

#include <unordered_map>

#include <cudnn_frontend.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/infer/backends/cuda/cudnn_library.h"

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
constexpr std::int64_t kFirstOperand = 5;

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
    return type == memory::ElementType::kF16 ? fe::DataType_t::HALF : fe::DataType_t::FLOAT;
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

std::shared_ptr<fe::graph::Graph> graph_of(const ConvProblem& problem) {
    auto graph = std::make_shared<fe::graph::Graph>();
    const fe::DataType_t type = data_type(problem.type);
    graph->set_io_data_type(type)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    const auto [k, c, r, s] = problem.w;
    Tensor x = tensor(*graph, kX, problem.x, problem.x_strides, type);
    Tensor w = tensor(*graph, kWeights, problem.w, {r * s * c, 1, s * c, c}, type);
    Tensor bias = tensor(*graph, kBias, {1, k, 1, 1}, {k, 1, k, k}, fe::DataType_t::FLOAT);
    const Window& window = problem.window;
    Tensor y = graph->conv_fprop(x,
                                 w,
                                 fe::graph::Conv_fprop_attributes()
                                     .set_pre_padding(list(window.pad_begin))
                                     .set_post_padding(list(window.pad_end))
                                     .set_stride(list(window.stride))
                                     .set_dilation(list(window.dilation)));
    y->set_dim(list(problem.y)).set_stride(list(problem.y_strides));
    y = graph->pointwise(y, bias, attributes_of({PointOp::kAdd, 0}));
    std::size_t next = 0;
    for (const PointStep& step : problem.steps) {
        if (step.input < 0) {
            y = graph->pointwise(y, attributes_of(step));
            continue;
        }
        Tensor operand = tensor(*graph,
                                kFirstOperand + static_cast<std::int64_t>(next),
                                problem.y,
                                problem.operand_strides[next],
                                type);
        ++next;
        y = graph->pointwise(y, operand, attributes_of(step));
    }
    y->set_output(true)
        .set_uid(kY)
        .set_dim(list(problem.y))
        .set_stride(list(problem.y_strides))
        .set_data_type(type);
    return graph;
}

}  // namespace

struct ConvPlan::Impl {
    std::shared_ptr<fe::graph::Graph> graph;
    std::int64_t index = 0;
    std::int64_t workspace = 0;
    std::string name;
};

std::string ConvProblem::key() const {
    std::string text = fmt::format("{}{} x {} ({}) y {} ({}) w {} s {} d {} p {} {}",
                                   type == memory::ElementType::kF16 ? "fp16" : "fp32",
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
    return text;
}

std::size_t fusable_steps(const std::vector<PointStep>& steps, const std::vector<bool>& fits) {
    std::size_t count = 0;
    for (const PointStep& step : steps) {
        if (mode_of(step) == fe::PointwiseMode_t::NOT_SET) break;
        if (step.input >= 0 && !fits[static_cast<std::size_t>(step.input)]) break;
        ++count;
    }
    return count;
}

std::size_t ConvPlan::workspace() const {
    return static_cast<std::size_t>(impl_->workspace);
}

const std::string& ConvPlan::name() const {
    return impl_->name;
}

Result<void> ConvPlan::run(const Cudnn& cudnn,
                           const ConvPointers& pointers,
                           void* workspace) const {
    // cuDNN takes what it only reads as if it would write it.
    std::unordered_map<std::int64_t, void*> pack{{kX, const_cast<void*>(pointers.x)},
                                                 {kWeights, const_cast<void*>(pointers.weights)},
                                                 {kBias, const_cast<void*>(pointers.bias)},
                                                 {kY, pointers.y}};
    for (std::size_t i = 0; i < pointers.operands.size(); ++i)
        pack[kFirstOperand + static_cast<std::int64_t>(i)] =
            const_cast<void*>(pointers.operands[i]);
    try {
        auto status =
            impl_->graph->execute_plan_at_index(handle_of(cudnn), pack, workspace, impl_->index);
        if (status.is_good()) return {};
        return internal_error(fmt::format("cuDNN: {}", status.get_message()));
    } catch (const std::exception& exception) {
        return internal_error(fmt::format("cuDNN: {}", exception.what()));
    }
}

Result<Cudnn> Cudnn::create() {
    fe::cudnn_dlhandle = SLUICE_TRY(open_cudnn());
    if (version() < kOldest)
        return unsupported(fmt::format("cuDNN {} is too old: 9.1 or newer is wanted", version()));
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
            impl->index = i;
            plans.emplace_back(std::move(impl));
        }
    } catch (const std::exception&) {
        // A plan that cannot be built is one that is not there; others may be.
    }
    return plans;
}

}  // namespace sluice::infer::cuda
