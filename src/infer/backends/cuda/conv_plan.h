#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/graph.h"
#include "sluice/infer/backends/cuda/grid.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

using Four = std::array<std::int64_t, 4>;

/// A convolution with its bias and the steps after it, as cuDNN is asked for it. Extents and
/// strides in the order batch, channel, row, column; channels lie side by side. The numbers that
/// tensors of 8 bits stand for are no part of it: one plan does for all of them.
struct ConvProblem {
    memory::ElementType type = memory::ElementType::kF16;    ///< of x and the weights: or kF32, kI8
    memory::ElementType y_type = memory::ElementType::kF16;  ///< as type, or kI8 of kF16, or kF16
    bool tf32 = false;    ///< fp32 may be computed on the matrix units
    bool shifts = false;  ///< something is added to all that comes out (ConvPointers::shift)
    Four x{};
    Four x_strides{};
    Four y{};
    Four y_strides{};
    Four w{};  ///< outputs, inputs of a group, rows, columns
    Window window;
    std::vector<PointStep> steps;
    std::vector<Four> operand_strides;  ///< of each step with an input; extents are y's
    std::vector<memory::ElementType> operand_types;

    /// A convolution of 1x1 places over another tensor of 8 bits, whose sums are added before the
    /// steps; none where the tensor has no channels. cuDNN cannot do it.
    struct Second {
        Four x{};
        Four x_strides{};
        Pair stride{1, 1};
    };
    Second second{};
    bool has_second() const { return second.x[1] != 0; }

    bool is_int8() const { return type == memory::ElementType::kI8; }

    /// Equal for problems that the same plan solves.
    std::string key() const;
};

/// What comes out is (sum of products * scale + bias, then the steps) / step + shift. Of a problem
/// with a second convolution, its sum * second_scale is added to the first one's.
struct ConvPointers {
    const void* x = nullptr;
    const void* weights = nullptr;  ///< output, row, column, input
    const float* bias = nullptr;  ///< for each output; zero points of x are in it, and the second's
    const float* scale = nullptr;  ///< for each output, where x and the weights are kI8
    const void* second_x = nullptr;
    const void* second_weights = nullptr;
    const float* second_scale = nullptr;
    std::vector<const void*> operands;
    std::vector<const float*> operand_steps;  ///< of those that are kI8; else null
    void* y = nullptr;
    const float* rate = nullptr;   ///< 1 / step of y, where it is kI8
    const float* shift = nullptr;  ///< where the problem shifts: also what operands need
    // The same numbers, for a plan that wants them on the host.
    Grid y_grid{};
    std::vector<Grid> operand_grids;  ///< without a zero where the bias has it
};

/// Can cuDNN do the step inside the convolution? Its operand must be as large as the output.
bool is_fusable(const PointStep& step);

/// What names of our own kernel's plans begin with.
inline constexpr const char* kOwnPlan = "own:";

class Cudnn;

/// One way to solve a problem.
class ConvPlan {
public:
    struct Impl;

    ConvPlan() = default;
    explicit ConvPlan(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

    explicit operator bool() const { return impl_ != nullptr; }
    std::size_t workspace() const;
    /// cuDNN's: the engine and its knobs. Of our own kernel "own:" and its configuration.
    const std::string& name() const;
    /// Queues it on the stream that cuDNN was given last, which is this one.
    Result<void> run(const Cudnn& cudnn,
                     const ConvPointers& pointers,
                     void* workspace,
                     cudaStream_t stream) const;

private:
    std::shared_ptr<Impl> impl_;
};

/// cuDNN, found when it is first wanted. Thread-bound.
class Cudnn {
public:
    /// Loads the library, if it is not yet. kUnsupported where there is none, or too old a one.
    static Result<void> load();
    /// Loads it and starts it on the current device.
    static Result<Cudnn> create();

    Result<void> use(const memory::cuda::Stream& stream) const;
    /// Once it is loaded.
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

/// Our own kernel's ways to solve the problem on the current device, the one that should be fastest
/// first; none where it is not of 8 bits.
std::vector<ConvPlan> own_plans(const ConvProblem& problem, const std::string& only = {});

}  // namespace sluice::infer::cuda
