#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/graph.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

using Four = std::array<std::int64_t, 4>;

/// A convolution with its bias and the steps after it, as cuDNN is asked for it. Extents and
/// strides in the order batch, channel, row, column; channels lie side by side.
struct ConvProblem {
    memory::ElementType type = memory::ElementType::kF16;
    bool tf32 = false;  ///< fp32 may be computed on the matrix units
    Four x{};
    Four x_strides{};
    Four y{};
    Four y_strides{};
    Four w{};  ///< outputs, inputs of a group, rows, columns
    Window window;
    std::vector<PointStep> steps;
    std::vector<Four> operand_strides;  ///< of each step with an input; extents are y's

    /// Equal for problems that the same plan solves.
    std::string key() const;
};

struct ConvPointers {
    const void* x = nullptr;
    const void* weights = nullptr;  ///< output, row, column, input
    const void* bias = nullptr;     ///< fp32
    std::vector<const void*> operands;
    void* y = nullptr;
};

/// Steps from the first on that cuDNN can do inside the convolution. Operands must be as large as
/// the output, which `fits` says of a node's input.
std::size_t fusable_steps(const std::vector<PointStep>& steps, const std::vector<bool>& fits);

class Cudnn;

/// One way to solve a problem.
class ConvPlan {
public:
    struct Impl;

    ConvPlan() = default;
    explicit ConvPlan(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

    explicit operator bool() const { return impl_ != nullptr; }
    std::size_t workspace() const;
    /// cuDNN's: the engine and its knobs.
    const std::string& name() const;
    /// Queues it on the stream that cuDNN was given last.
    Result<void> run(const Cudnn& cudnn, const ConvPointers& pointers, void* workspace) const;

private:
    std::shared_ptr<Impl> impl_;
};

/// cuDNN, found when it is first wanted. Thread-bound.
class Cudnn {
public:
    /// kUnsupported where there is none, or too old a one.
    static Result<Cudnn> create();

    Result<void> use(const memory::cuda::Stream& stream) const;
    static std::size_t version();

    /// Up to `most` plans that this device can run, the one that cuDNN thinks fastest first; none
    /// where it cannot solve the problem. `only`, where not empty, is the one name wanted.
    std::vector<ConvPlan> plans(const ConvProblem& problem,
                                std::size_t most,
                                const std::string& only = {}) const;

    void* handle() const { return handle_.get(); }

private:
    std::shared_ptr<void> handle_;
};

}  // namespace sluice::infer::cuda
