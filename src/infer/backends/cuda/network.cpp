#include "sluice/infer/backends/cuda/network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <tuple>

#include <cuda_fp16.h>
#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/check.h"
#include "sluice/infer/backends/cuda/duel.h"
#include "sluice/infer/backends/cuda/launch.h"
#include "sluice/infer/backends/cuda/measure.h"
#include "sluice/infer/backends/cuda/plan_trial.h"
#include "sluice/infer/backends/cuda/stem.h"
#include "sluice/infer/backends/cuda/step_problem.h"
#include "sluice/infer/backends/cuda/upload.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using memory::cuda::Buffer;
using memory::cuda::check;
using memory::cuda::Stream;

constexpr std::size_t kAlignment = 256;

std::size_t bytes_of(const Storage& storage) {
    return static_cast<std::size_t>(storage.elements) * memory::element_size(storage.type);
}

/// [output][input][row][column] as [output][row][column][input], both channels padded with zeros.
std::vector<float> matrix_weights(const Conv& conv,
                                  const std::vector<float>& weights,
                                  std::int64_t outputs,
                                  std::int64_t inputs) {
    const std::int64_t area = conv.window.kernel[0] * conv.window.kernel[1];
    const auto from_outputs = static_cast<std::int64_t>(conv.bias.size());
    const std::int64_t from_inputs =
        static_cast<std::int64_t>(weights.size()) / from_outputs / area;
    std::vector<float> result(static_cast<std::size_t>(outputs * area * inputs), 0.0f);
    for (std::int64_t k = 0; k < from_outputs; ++k) {
        for (std::int64_t c = 0; c < from_inputs; ++c) {
            for (std::int64_t i = 0; i < area; ++i) {
                result[static_cast<std::size_t>((k * area + i) * inputs + c)] =
                    weights[static_cast<std::size_t>((k * from_inputs + c) * area + i)];
            }
        }
    }
    return result;
}

/// [channel][row][column] as [row][column][channel].
std::vector<float> depthwise_weights(const Conv& conv) {
    const std::size_t channels = conv.bias.size();
    const std::size_t area = conv.weights.size() / channels;
    std::vector<float> result(conv.weights.size());
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < area; ++i)
            result[i * channels + c] = conv.weights[c * area + i];
    }
    return result;
}

/// Weights of 8 bits as whole numbers, and what the sums of their products with the input's are to
/// be multiplied by.
struct Int8Weights {
    std::vector<float> numbers;  ///< in the order of Conv::weights
    std::vector<float> scale;

    Int8Weights(const Conv& conv, const Grid& input, std::vector<float>& bias) {
        const std::size_t length = conv.weights.size() / conv.bias.size();
        for (std::size_t k = 0; k < conv.bias.size(); ++k) {
            const float step = conv.weight_steps[k];
            scale.push_back(step * input.step);
            double sum = 0;
            for (std::size_t i = k * length; i < (k + 1) * length; ++i) {
                numbers.push_back(step == 0 ? 0 : std::nearbyint(conv.weights[i] / step));
                sum += numbers.back();
            }
            bias[k] -= static_cast<float>(sum * input.zero) * scale[k];
        }
    }
};

/// Milliseconds of one run, on made-up numbers.
Result<float> time_of(const Cudnn& cudnn, const ConvProblem& problem, const ConvPlan& plan) {
    PlanTrial trial = SLUICE_TRY(PlanTrial::create(problem, {plan}));
    return trial.time(cudnn, plan);
}

bool is_packed(const ConvProblem& problem) {
    return problem.y_strides[3] == problem.y[1];
}

/// Numbers that are no picture, but no zeros either.
Result<void> fill_inputs(const Program& program,
                         const NetworkMemory& memory,
                         const Stream& stream) {
    std::size_t next = 0;
    for (const Storage& storage : program.storages) {
        if (storage.place != Storage::Place::kInput) continue;
        const Buffer& input = memory.inputs[next++];
        if (storage.type == ElementType::kU8) {
            SLUICE_TRY(fill_with_pixels(input));
        } else {
            const Type type = storage.type == ElementType::kF16 ? Type::kF16 : Type::kF32;
            launch_fill(input.data(), type, static_cast<int>(storage.elements), 1, stream.get());
        }
    }
    return check(cudaGetLastError(), "making up an input");
}

/// A new place for an image, of a type and grid as `like` has.
View add_image(Program& program, const Shape& extents, const Storage& like) {
    const std::int64_t pitch = padded_channels(extents[1], like.type);
    const std::int64_t elements = extents[0] * extents[2] * extents[3] * pitch;
    program.storages.push_back({Storage::Place::kArena, like.type, elements, -1, like.grid});
    return image_view(static_cast<int>(program.storages.size() - 1), extents, pitch);
}

/// The convolution does its first `fused` steps and writes fp16, from which a step after it makes
/// the rest: 8 bits would be too few in between.
void split_steps(Program& program, std::size_t index, std::size_t fused) {
    Step rest{-1, program.steps[index].inputs, program.steps[index].output};
    Node& conv = program.graph.nodes[static_cast<std::size_t>(program.steps[index].node)];
    const auto middle = conv.steps.begin() + static_cast<std::ptrdiff_t>(fused);
    Node node{conv.name + " (steps)", Pointwise{}, {}, -1, {middle, conv.steps.end()}};
    conv.steps.erase(middle, conv.steps.end());
    Storage between;
    between.type = program.type;
    program.steps[index].output = add_image(program, rest.output.extents, between);
    rest.inputs[0] = program.steps[index].output;
    program.graph.nodes.push_back(std::move(node));
    rest.node = static_cast<int>(program.graph.nodes.size() - 1);
    program.steps.insert(program.steps.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                         std::move(rest));
}

/// The step writes a place of its own, from where a step after it copies.
void write_aside(Program& program, std::size_t index) {
    const View target = program.steps[index].output;
    const View aside = add_image(program, target.extents, program.storage(target));
    program.steps[index].output = aside;
    const std::string name = program.node(program.steps[index]).name + " (copy)";
    program.graph.nodes.push_back({name, Pointwise{}, {}, -1, {}});
    const auto node = static_cast<int>(program.graph.nodes.size() - 1);
    program.steps.insert(program.steps.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                         Step{node, {aside}, target});
}

double count(const Shape& shape) {
    return static_cast<double>(memory::element_count(shape));
}

}  // namespace

/// Weights and constants on their way to the device, one after the other.
class Network::Blob {
public:
    std::size_t add(const std::vector<float>& numbers, ElementType type) {
        const std::size_t begin = bytes_.size();
        const std::size_t size = numbers.size() * memory::element_size(type);
        bytes_.resize((begin + size + kAlignment - 1) / kAlignment * kAlignment);
        std::byte* to = bytes_.data() + begin;
        if (type == ElementType::kF32) {
            std::memcpy(to, numbers.data(), size);
        } else if (type == ElementType::kI8) {
            std::transform(numbers.begin(), numbers.end(), to, [](float number) {
                return static_cast<std::byte>(static_cast<std::int8_t>(std::lround(number)));
            });
        } else {
            for (float number : numbers) {
                const __half half = __float2half(number);
                std::memcpy(to, &half, sizeof half);
                to += sizeof half;
            }
        }
        return begin;
    }
    const std::vector<std::byte>& bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

Network::~Network() = default;

Result<std::unique_ptr<Network>> Network::create(Program program, const Options& options) {
    if (options.own_kernels != OwnKernels::kNever) gather_heads(program);
    std::unique_ptr<Network> network(new Network(std::move(program), options));
    network->cudnn_ = SLUICE_TRY(Cudnn::create());
    SLUICE_TRY(network->check_sizes());
    SLUICE_TRY(network->choose());
    SLUICE_TRY(network->join_pairs());
    SLUICE_TRY(network->upload());
    SLUICE_TRY(network->choose_stems());
    SLUICE_TRY(network->choose_heads());
    return network;
}

/// The kernels count in 32 bits.
Result<void> Network::check_sizes() const {
    for (const Storage& storage : program_.storages) {
        if (storage.elements > std::numeric_limits<int>::max())
            return unsupported("a tensor has more than 2^31 elements: choose a smaller batch");
    }
    for (const Step& step : program_.steps) {
        const Node& node = program_.node(step);
        const Conv* conv = matrix_conv(node);
        if (conv != nullptr && conv->groups > 1 &&
            (step.inputs[0].extents[1] % 8 != 0 || step.output.extents[1] % 8 != 0)) {
            return unsupported(fmt::format(
                "node '{}': a convolution in groups over channels that are no multiple of 8 is not "
                "supported on CUDA; depthwise ones are",
                node.name));
        }
        if (step.output.extents.size() > static_cast<std::size_t>(kMostDims))
            return unsupported(
                fmt::format("node '{}' has more than {} dimensions", node.name, kMostDims));
    }
    return {};
}

/// First with all that can be fused and outputs where they belong; then with less.
Result<void> Network::choose() {
    prepared_.resize(program_.steps.size());
    struct Way {
        bool aside;
        bool fused;
    };
    for (const auto [aside, fused] :
         {Way{false, true}, Way{false, false}, Way{true, true}, Way{true, false}}) {
        std::vector<ConvProblem> problems;
        for (std::size_t i = 0; i < program_.steps.size(); ++i) {
            if (matrix_conv(program_.node(program_.steps[i])) == nullptr || prepared_[i].plan)
                continue;
            ask(i, aside, fused);
            problems.push_back(prepared_[i].problem);
        }
        if (problems.empty()) return {};
        take_plans(SLUICE_TRY(choose_plans(cudnn_, problems, options_.plans, options_.device)));
    }
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        const Node& node = program_.node(program_.steps[i]);
        if (matrix_conv(node) != nullptr && !prepared_[i].plan)
            return unsupported(fmt::format("node '{}': cuDNN {} has no plan for this convolution",
                                           node.name,
                                           Cudnn::version()));
    }
    return {};
}

/// Writes down the problem of a step, after changing the program where it has to be another.
void Network::ask(std::size_t index, bool aside, bool fused) {
    Prepared& prepared = prepared_[index];
    auto describe = [&] {
        StepProblem asked = problem_of(program_, program_.steps[index], options_.tf32, fused);
        prepared.problem = std::move(asked.problem);
        prepared.fused = asked.fused;
    };
    describe();
    const Step& step = program_.steps[index];
    const bool splits = program_.storage(step.output).type == ElementType::kI8 &&
                        prepared.fused < step_count(program_, step);
    if (splits) {
        split_steps(program_, index, prepared.fused);
    } else if (aside && fused && !is_packed(prepared.problem)) {
        write_aside(program_, index);
    } else {
        return;
    }
    describe();
    prepared_.insert(prepared_.begin() + static_cast<std::ptrdiff_t>(index) + 1, Prepared());
}

void Network::keep_names(const std::map<std::string, ConvPlan>& plans) {
    for (const auto& [key, plan] : plans)
        plan_names_[key] = plan ? plan.name() : kNoPlan;
}

void Network::take_plans(const std::map<std::string, ConvPlan>& plans) {
    keep_names(plans);
    for (Prepared& prepared : prepared_) {
        if (prepared.plan || prepared.problem.w[0] == 0) continue;
        prepared.plan = plans.at(prepared.problem.key());
    }
}

/// The step's pair, where all else that the step does is in its plan too.
std::optional<ConvPair> Network::pair_at(std::size_t step) const {
    auto pair = pair_of(program_, step);
    if (pair && prepared_[step].fused < step_count(program_, program_.steps[step])) pair.reset();
    return pair;
}

ConvProblem Network::problem_of_pair(const ConvPair& pair) const {
    return pair_problem(prepared_[pair.first()].problem,
                        prepared_[pair.second()].problem,
                        prepared_[pair.joining].problem);
}

Result<void> Network::join_pairs() {
    if (options_.own_kernels == OwnKernels::kNever || !options_.plans.own) return {};
    std::vector<ConvProblem> problems;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        const auto pair = pair_at(i);
        if (pair && !own_plans(problem_of_pair(*pair)).empty())
            problems.push_back(problem_of_pair(*pair));
    }
    if (problems.empty()) return {};
    auto plans = SLUICE_TRY(choose_plans(cudnn_, problems, options_.plans, options_.device));
    std::set<std::string> judged;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        const auto pair = pair_at(i);
        if (!pair) continue;
        const ConvProblem problem = problem_of_pair(*pair);
        const auto found = plans.find(problem.key());
        if (found == plans.end() || !found->second) continue;
        if (judged.insert(found->first).second &&
            !SLUICE_TRY(pair_wins(*pair, problem, found->second))) {
            found->second = ConvPlan();
            continue;
        }
        join(program_, *pair);
        prepared_[i].problem = problem;
        prepared_[i].plan = found->second;
        --prepared_[i].fused;  // the sum is no step any more
        prepared_.erase(prepared_.begin() + static_cast<std::ptrdiff_t>(pair->summand));
        --i;
    }
    keep_names(plans);
    return {};
}

/// That is not asked again where an engine file has the answer: kNoPlan is one, too.
Result<bool> Network::pair_wins(const ConvPair& pair,
                                const ConvProblem& problem,
                                const ConvPlan& plan) const {
    if (options_.own_kernels == OwnKernels::kAlways || options_.plans.known.contains(problem.key()))
        return true;
    float apart = 0;
    for (const std::size_t step : {pair.joining, pair.summand})
        apart += SLUICE_TRY(time_of(cudnn_, prepared_[step].problem, prepared_[step].plan));
    const float together = SLUICE_TRY(time_of(cudnn_, problem, plan));
    log_info("infer",
             "{}: with {} {:.0f} us, apart {:.0f} us",
             program_.node(program_.steps[pair.joining]).name,
             program_.node(program_.steps[pair.summand]).name,
             1000 * together,
             1000 * apart);
    return together < apart;
}

Result<void> Network::upload() {
    Blob blob;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        const auto* conv = std::get_if<Conv>(&program_.node(program_.steps[i]).op);
        if (conv == nullptr) continue;
        Prepared& prepared = prepared_[i];
        if (is_depthwise(*conv)) {
            prepared.weights = blob.add(depthwise_weights(*conv), ElementType::kF32);
            prepared.bias = blob.add(conv->bias, ElementType::kF32);
        } else {
            pack(i, *conv, blob);
        }
    }
    for (const Storage& storage : program_.storages) {
        constants_.push_back(0);
        if (storage.place == Storage::Place::kConstant)
            constants_.back() =
                blob.add(*program_.graph.value(storage.value).data, ElementType::kF32);
    }
    weights_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, blob.bytes().size()));
    return cuda::upload(blob.bytes().data(), weights_, "uploading weights");
}

/// All that the convolution's plan reads beside activations.
void Network::pack(std::size_t index, const Conv& conv, Blob& blob) {
    const Step& step = program_.steps[index];
    Prepared& prepared = prepared_[index];
    const ConvProblem& problem = prepared.problem;
    const auto outputs = static_cast<std::size_t>(problem.w[0]);
    std::vector<float> bias = conv.bias;
    if (problem.is_int8()) {
        auto add = [&](const Conv& of, std::size_t input, std::int64_t inputs) {
            Int8Weights weights(of, program_.storage(step.inputs[input]).grid, bias);
            weights.scale.resize(outputs, 0.0f);
            const auto numbers = matrix_weights(of, weights.numbers, problem.w[0], inputs);
            return std::pair(blob.add(numbers, ElementType::kI8),
                             blob.add(weights.scale, ElementType::kF32));
        };
        std::tie(prepared.weights, prepared.scale) = add(conv, 0, problem.w[1]);
        if (conv.second) {
            std::tie(prepared.second_weights, prepared.second_scale) =
                add(*conv.second, 1, problem.second.x[1]);
            for (std::size_t k = 0; k < bias.size(); ++k)
                bias[k] += conv.second->bias[k];
        }
    } else {
        prepared.weights =
            blob.add(matrix_weights(conv, conv.weights, problem.w[0], problem.w[1]), problem.type);
    }
    const Node& node = program_.node(step);
    for (std::size_t i = 0; i < prepared.fused; ++i) {
        if (node.steps[i].input < 0) continue;
        const View& view = step.inputs[static_cast<std::size_t>(node.steps[i].input)];
        const Grid& grid = program_.storage(view).grid;
        prepared.operand_steps.push_back(blob.add({grid.step}, ElementType::kF32));
        if (zero_of(program_, step, i) != ZeroIn::kBias) continue;
        for (float& number : bias)
            number -= grid.zero * grid.step;
    }
    bias.resize(outputs, 0.0f);
    prepared.bias = blob.add(bias, ElementType::kF32);
    prepared.rate = blob.add({1 / program_.storage(step.output).grid.step}, ElementType::kF32);
    prepared.shift = blob.add({shift_of(program_, step, prepared.fused)}, ElementType::kF32);
}

ConvPointers Network::pointers(std::size_t index,
                               const std::vector<const void*>& inputs,
                               void* output) const {
    const Step& step = program_.steps[index];
    const Prepared& prepared = prepared_[index];
    auto numbers = [&](std::size_t offset) {
        return reinterpret_cast<const float*>(weights_.data() + offset);
    };
    ConvPointers pointers;
    pointers.x = inputs[0];
    pointers.weights = weights_.data() + prepared.weights;
    pointers.bias = numbers(prepared.bias);
    pointers.scale = numbers(prepared.scale);
    if (prepared.problem.has_second()) {
        pointers.second_x = inputs[1];
        pointers.second_weights = weights_.data() + prepared.second_weights;
        pointers.second_scale = numbers(prepared.second_scale);
    }
    pointers.y = output;
    pointers.rate = numbers(prepared.rate);
    pointers.shift = numbers(prepared.shift);
    pointers.y_grid = program_.storage(step.output).grid;
    const Node& node = program_.node(step);
    for (std::size_t i = 0; i < prepared.fused; ++i) {
        if (node.steps[i].input < 0) continue;
        const auto input = static_cast<std::size_t>(node.steps[i].input);
        Grid grid = program_.storage(step.inputs[input]).grid;
        if (zero_of(program_, step, i) == ZeroIn::kBias) grid.zero = 0;
        pointers.operand_steps.push_back(numbers(prepared.operand_steps[pointers.operands.size()]));
        pointers.operands.push_back(inputs[input]);
        pointers.operand_grids.push_back(grid);
    }
    return pointers;
}

Network::Int8Share Network::int8_share() const {
    Int8Share share;
    for (const Prepared& prepared : prepared_) {
        if (prepared.problem.w[0] == 0) continue;
        const int layers = prepared.problem.has_second() ? 2 : 1;
        share.of += layers;
        if (prepared.problem.is_int8()) share.layers += layers;
    }
    return share;
}

Result<void> Network::choose_stems() {
    if (options_.own_kernels == OwnKernels::kNever) return {};
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        const auto stem = stem_of(program_, i);
        if (!stem) continue;
        if (options_.own_kernels == OwnKernels::kAlways || SLUICE_TRY(stem_wins(i)))
            use_stem(i, stem);
    }
    return {};
}

void Network::use_stem(std::size_t step, std::optional<StemArgs> stem) {
    prepared_[step - 1].done_by_next = stem.has_value();
    prepared_[step].stem = std::move(stem);
}

Result<bool> Network::stem_wins(std::size_t index) {
    const NetworkMemory memory = SLUICE_TRY(allocate());
    const Stream stream = SLUICE_TRY(Stream::create());
    SLUICE_TRY(cudnn_.use(stream));
    SLUICE_TRY(fill_inputs(program_, memory, stream));
    auto both = [&]() -> Result<void> {
        SLUICE_TRY(run(index - 1, memory, stream));
        return run(index, memory, stream);
    };
    const View& output = program_.steps[index].output;
    const Storage& storage = program_.storage(output);
    Duel duel(program_.node(program_.steps[index]).name,
              storage,
              storage.type,
              memory.storages[static_cast<std::size_t>(output.storage)]);
    SLUICE_TRY(duel.theirs(stream, both));
    use_stem(index, stem_of(program_, index));
    auto won = duel.ours_wins(stream, both);
    use_stem(index, std::nullopt);
    return won;
}

Result<void> Network::choose_heads() {
    if (options_.own_kernels == OwnKernels::kNever) return {};
    std::optional<NetworkMemory> memory;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        if (prepared_[i].done_before) continue;
        const auto head = head_of(program_, i);
        if (!head) continue;
        if (options_.own_kernels != OwnKernels::kAlways) {
            if (!memory) memory = SLUICE_TRY(allocate());
            if (!SLUICE_TRY(head_wins(i, *head, *memory))) continue;
        }
        use_head(i, head);
    }
    return {};
}

void Network::use_head(std::size_t step, std::optional<CopiedHead> head) {
    const bool does = head.has_value();
    const CopiedHead& parts = does ? *head : *prepared_[step].head;
    for (std::size_t conv : parts.convs)
        prepared_[conv].done_before = does && conv != step;
    for (std::size_t copy : parts.copies)
        prepared_[copy].done_before = does;
    prepared_[step].head = std::move(head);
}

Result<bool> Network::head_wins(std::size_t index,
                                const CopiedHead& head,
                                const NetworkMemory& memory) {
    const Stream stream = SLUICE_TRY(Stream::create());
    SLUICE_TRY(cudnn_.use(stream));
    // The arena holds anything yet, also what is no number.
    for (std::size_t conv : head.convs) {
        const View& x = program_.steps[conv].inputs[0];
        launch_fill(memory.storages[static_cast<std::size_t>(x.storage)],
                    Type::kF16,
                    static_cast<int>(program_.storage(x).elements),
                    1,
                    stream.get());
    }
    SLUICE_TRY(check(cudaGetLastError(), "making up what a last layer reads"));
    auto all = [&]() -> Result<void> {
        for (const auto& steps : {head.convs, head.copies}) {
            for (std::size_t step : steps)
                SLUICE_TRY(run(step, memory, stream));
        }
        return {};
    };
    const View& output = program_.steps[head.copies[0]].output;
    // cuDNN's numbers went through fp16.
    Duel duel(program_.node(program_.steps[index]).name,
              program_.storage(output),
              ElementType::kF16,
              memory.storages[static_cast<std::size_t>(output.storage)]);
    SLUICE_TRY(duel.theirs(stream, all));
    use_head(index, head);
    auto won = duel.ours_wins(stream, all);
    use_head(index, std::nullopt);
    return won;
}

Result<NetworkMemory> Network::allocate() const {
    NetworkMemory memory;
    const ArenaPlan plan = plan_arena(arena_blocks(program_));
    memory.arena = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, plan.bytes));
    std::size_t workspace = 0;
    for (const Prepared& prepared : prepared_) {
        if (prepared.plan) workspace = std::max(workspace, prepared.plan.workspace());
    }
    memory.workspace = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, workspace));
    // Streams do not wait for the default one: what it clears late would be a request's first
    // input.
    const Stream stream = SLUICE_TRY(Stream::create());
    std::size_t next = 0;
    for (std::size_t i = 0; i < program_.storages.size(); ++i) {
        const Storage& storage = program_.storages[i];
        if (storage.place == Storage::Place::kArena) {
            memory.storages.push_back(memory.arena.data() + plan.offsets[next++]);
        } else if (storage.place == Storage::Place::kConstant) {
            memory.storages.push_back(weights_.data() + constants_[i]);
        } else {
            Buffer buffer = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, bytes_of(storage)));
            SLUICE_TRY(check(cudaMemsetAsync(buffer.data(), 0, buffer.bytes(), stream.get()),
                             "clearing memory"));
            memory.storages.push_back(buffer.data());
            auto& owners = storage.place == Storage::Place::kInput    ? memory.inputs
                           : storage.place == Storage::Place::kOutput ? memory.outputs
                                                                      : memory.kept;
            owners.push_back(std::move(buffer));
        }
    }
    SLUICE_TRY(stream.wait());
    return memory;
}

Result<void> Network::enqueue(const NetworkMemory& memory, const Stream& stream) const {
    SLUICE_TRY(cudnn_.use(stream));
    for (std::size_t i = 0; i < program_.steps.size(); ++i)
        SLUICE_TRY(run(i, memory, stream));
    return {};
}

Result<void> Network::run(std::size_t index,
                          const NetworkMemory& memory,
                          const Stream& stream) const {
    const Step& step = program_.steps[index];
    const Prepared& prepared = prepared_[index];
    if (prepared.done_by_next || prepared.done_before) return {};
    if (prepared.stem || prepared.head) {
        prepared.stem ? run_stem(index, memory, stream.get())
                      : run_head(index, memory, stream.get());
        return check(cudaGetLastError(), program_.node(step).name.c_str());
    }
    StepPlaces places;
    for (const View& view : step.inputs)
        places.inputs.push_back(place(view, memory));
    places.output = place(step.output, memory);
    places.weights = reinterpret_cast<const float*>(weights_.data() + prepared.weights);
    places.bias = reinterpret_cast<const float*>(weights_.data() + prepared.bias);
    if (prepared.plan) {
        SLUICE_TRY(prepared.plan.run(cudnn_,
                                     pointers(index, places.inputs, places.output),
                                     memory.workspace.data(),
                                     stream.get()));
        if (prepared.fused < step_count(program_, step))
            launch_rest(program_, step, prepared.fused, places, stream.get());
    } else {
        launch_step(program_, step, places, stream.get());
    }
    return check(cudaGetLastError(), program_.node(step).name.c_str());
}

void* Network::place(const View& view, const NetworkMemory& memory) const {
    return const_cast<void*>(
        first_of(program_, view, memory.storages[static_cast<std::size_t>(view.storage)]));
}

void Network::run_stem(std::size_t index, const NetworkMemory& memory, cudaStream_t stream) const {
    const Prepared& prepared = prepared_[index];
    StemArgs args = *prepared.stem;
    args.input.data = place(program_.steps[index - 1].inputs[0], memory);
    args.output.data = place(program_.steps[index].output, memory);
    args.weights = weights_.data() + prepared.weights;
    args.bias = reinterpret_cast<const float*>(weights_.data() + prepared.bias);
    launch_stem(args, stream);
}

void Network::run_head(std::size_t index, const NetworkMemory& memory, cudaStream_t stream) const {
    const CopiedHead& head = *prepared_[index].head;
    HeadConv conv = head.conv;
    for (std::size_t i = 0; i < head.convs.size(); ++i) {
        const Prepared& prepared = prepared_[head.convs[i]];
        conv.part[i].x = place(program_.steps[head.convs[i]].inputs[0], memory);
        conv.part[i].weights = weights_.data() + prepared.weights;
        conv.part[i].bias = reinterpret_cast<const float*>(weights_.data() + prepared.bias);
    }
    conv.y = static_cast<float*>(place(program_.steps[head.copies[0]].output, memory));
    launch_head_conv(conv, stream);
}

LayerTime Network::describe(std::size_t index) const {
    const Step& step = program_.steps[index];
    const Node& node = program_.node(step);
    LayerTime time;
    time.name = node.name;
    time.kind = kind_name(node);
    time.plan = "own kernel";
    for (const View& view : step.inputs)
        time.bytes += count(view.extents) *
                      static_cast<double>(memory::element_size(program_.storage(view).type));
    time.bytes += count(step.output.extents) *
                  static_cast<double>(memory::element_size(program_.storage(step.output).type));
    if (const auto* conv = std::get_if<Conv>(&node.op)) {
        const auto outputs = static_cast<double>(conv->bias.size());
        auto weights = static_cast<double>(conv->weights.size());
        std::string second;
        if (conv->second) {
            weights += static_cast<double>(conv->second->weights.size());
            second =
                fmt::format(" + s{} {}", conv->second->window.stride[0], step.inputs[1].extents[1]);
        }
        time.operations = 2 * count(step.output.extents) * weights / outputs;
        const ElementType type = program_.storage(step.inputs[0]).type;
        time.bytes += weights * static_cast<double>(memory::element_size(type));
        time.kind = fmt::format("Conv {}x{} s{} {}{}->{} on {}x{}{}",
                                conv->window.kernel[0],
                                conv->window.kernel[1],
                                conv->window.stride[0],
                                step.inputs[0].extents[1],
                                second,
                                step.output.extents[1],
                                step.output.extents[2],
                                step.output.extents[3],
                                type == ElementType::kI8 ? " int8" : "");
    }
    if (prepared_[index].done_by_next) {
        time.plan = "in the next layer's kernel";
    } else if (prepared_[index].done_before) {
        time.plan = "in an earlier kernel";
    } else if (prepared_[index].plan && !prepared_[index].stem && !prepared_[index].head) {
        time.plan = prepared_[index].plan.name();
        if (prepared_[index].fused < step_count(program_, step)) time.plan += " + own kernel";
    }
    return time;
}

Result<std::vector<LayerTime>> Network::profile(const NetworkMemory& memory,
                                                const Stream& stream,
                                                int repeats) const {
    SLUICE_TRY(cudnn_.use(stream));
    using memory::cuda::Event;
    const Event from = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    const Event to = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    std::vector<LayerTime> times;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        auto repeated = [&]() -> Result<void> {
            for (int repeat = 0; repeat < repeats; ++repeat)
                SLUICE_TRY(run(i, memory, stream));
            return {};
        };
        const ExecutableGraph graph = SLUICE_TRY(captured(stream, repeated));
        SLUICE_TRY(launch(graph, stream));
        SLUICE_TRY(from.record(stream));
        SLUICE_TRY(launch(graph, stream));
        SLUICE_TRY(to.record(stream));
        SLUICE_TRY(to.wait());
        LayerTime time = describe(i);
        time.milliseconds = SLUICE_TRY(Event::milliseconds(from, to)) / static_cast<float>(repeats);
        times.push_back(std::move(time));
    }
    return times;
}

}  // namespace sluice::infer::cuda
