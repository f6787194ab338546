#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/conv_pair.h"
#include "sluice/infer/backends/cuda/head_match.h"
#include "sluice/infer/backends/cuda/kernels.h"
#include "sluice/infer/backends/cuda/lower.h"
#include "sluice/infer/backends/cuda/plan_choice.h"
#include "sluice/infer/engine_build.h"

namespace sluice::infer::cuda {

/// What one run needs, beside the network: activations, and inputs and outputs on the device.
struct NetworkMemory {
    memory::cuda::Buffer arena;
    memory::cuda::Buffer workspace;
    std::vector<memory::cuda::Buffer> kept;
    std::vector<memory::cuda::Buffer> inputs;   ///< in the order of the graph's
    std::vector<memory::cuda::Buffer> outputs;  ///< likewise; fp32, row-major
    std::vector<void*> storages;                ///< where each storage of the program begins
};

/// When our kernels that do two steps in one (stem.h, head_match.h, conv_pair.h) go before cuDNN.
enum class OwnKernels { kIfFaster, kAlways, kNever };

/// A program made ready to run on one device: weights there, a plan for each convolution.
class Network {
public:
    struct Options {
        int device = 0;
        bool tf32 = false;
        PlanOptions plans{};
        OwnKernels own_kernels = OwnKernels::kIfFaster;  ///< for tests
    };
    /// The device must be the calling thread's own.
    static Result<std::unique_ptr<Network>> create(Program program, const Options& options);
    ~Network();

    const Program& program() const { return program_; }
    std::size_t weight_bytes() const { return weights_.bytes(); }
    /// How many convolutions (but for depthwise ones) compute in 8 bits, and of how many.
    struct Int8Share {
        int layers = 0;
        int of = 0;
    };
    Int8Share int8_share() const;
    /// What was decided, also that some problem has no plan.
    const PlanNames& plan_names() const { return plan_names_; }

    Result<NetworkMemory> allocate() const;

    /// Queues every step. Not thread-safe.
    Result<void> enqueue(const NetworkMemory& memory, const memory::cuda::Stream& stream) const;

    /// Queues one of them. cuDNN must have been given the stream, which enqueue does.
    Result<void> run(std::size_t step,
                     const NetworkMemory& memory,
                     const memory::cuda::Stream& stream) const;

    /// What the step does and costs at the least; its time is left out.
    LayerTime describe(std::size_t step) const;

    /// Each step's time, run by itself `repeats` times in a CUDA graph.
    Result<std::vector<LayerTime>> profile(const NetworkMemory& memory,
                                           const memory::cuda::Stream& stream,
                                           int repeats) const;

private:
    /// What is decided about a step before it runs.
    struct Prepared {
        ConvProblem problem;
        ConvPlan plan;
        std::size_t fused = 0;    ///< steps that the plan does; the rest follow as a kernel
        std::size_t weights = 0;  ///< offsets into weights_
        std::size_t bias = 0;
        std::size_t scale = 0;  ///< these where the problem has them
        std::size_t second_weights = 0;
        std::size_t second_scale = 0;
        std::size_t rate = 0;
        std::size_t shift = 0;
        std::vector<std::size_t> operand_steps{};
        std::optional<StemArgs> stem;    ///< goes before the plan; does the step before as well
        std::optional<CopiedHead> head;  ///< goes before the plan; does all of the head's steps
        bool done_by_next = false;
        bool done_before = false;
    };

    Network(Program program, const Options& options)
        : program_(std::move(program)), options_(options) {}

    Result<void> check_sizes() const;
    Result<void> upload();
    Result<void> choose();
    class Blob;
    void pack(std::size_t step, const Conv& conv, Blob& blob);
    void ask(std::size_t step, bool aside, bool fused);
    void keep_names(const std::map<std::string, ConvPlan>& plans);
    void take_plans(const std::map<std::string, ConvPlan>& plans);
    /// Two steps become one where our kernel for both is faster.
    Result<void> join_pairs();
    std::optional<ConvPair> pair_at(std::size_t step) const;
    ConvProblem problem_of_pair(const ConvPair& pair) const;
    Result<bool> pair_wins(const ConvPair& pair,
                           const ConvProblem& problem,
                           const ConvPlan& plan) const;
    Result<void> choose_stems();
    Result<void> choose_heads();
    /// Is our kernel for this first layer right, and faster than cuDNN with the step before it?
    Result<bool> stem_wins(std::size_t step);
    /// Likewise for these last layers and their copies. What `memory` holds is lost.
    Result<bool> head_wins(std::size_t step, const CopiedHead& head, const NetworkMemory& memory);
    ConvPointers pointers(std::size_t step,
                          const std::vector<const void*>& inputs,
                          void* output) const;
    void use_stem(std::size_t step, std::optional<StemArgs> stem);
    void run_stem(std::size_t step, const NetworkMemory& memory, cudaStream_t stream) const;
    void use_head(std::size_t step, std::optional<CopiedHead> head);
    void run_head(std::size_t step, const NetworkMemory& memory, cudaStream_t stream) const;
    void* place(const View& view, const NetworkMemory& memory) const;

    Program program_;
    Options options_;
    Cudnn cudnn_;
    memory::cuda::Buffer weights_;
    std::vector<std::size_t> constants_;  ///< offsets into weights_, by storage
    std::vector<Prepared> prepared_;      ///< by step
    PlanNames plan_names_;
};

}  // namespace sluice::infer::cuda
