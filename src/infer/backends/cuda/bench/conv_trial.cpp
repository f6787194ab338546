#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <variant>

#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cudnn_frontend.h>
#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/infer/backends/cuda/conv_plan.h"
#include "sluice/infer/backends/cuda/int8_conv.h"
#include "sluice/infer/backends/cuda/measure.h"

/// What cuDNN and our own kernel (the ways called "own") can do inside a convolution of 8-bit
/// numbers, how fast, and whether it is right: convolutions of ResNet-50 and YOLOX-s at batch 32
/// with several steps after them.
///
///   infer_cuda_conv_trial [shapes=TEXT] [ways=TEXT] [plans=6] [seconds=240]
///
/// shapes, ways: only those whose name has the text in it. seconds: no plan is begun after them.
/// A line for each shape and way: plans that are right of those built, the best time, TOP/s, and
/// how exact it is; or why there is none. For our own kernel, each config's time too.
namespace sluice::infer::cuda {
namespace {

namespace fe = cudnn_frontend;
using fe::DataType_t;
using fe::PointwiseMode_t;
using memory::cuda::Buffer;
using memory::cuda::Stream;
using Clock = std::chrono::steady_clock;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr std::int64_t kBatch = 32;
constexpr std::int64_t kLooks = 1500;  ///< outputs that are compared

struct Layer {
    const char* name;
    std::int64_t inputs, outputs, size;  ///< channels; rows and columns that go in
    int kernel, stride;
    std::int64_t pitch = 0;  ///< channels of the concatenation that it is the second part of

    std::int64_t out_size() const { return (size - 1) / stride + 1; }
    std::int64_t y_pitch() const { return pitch > 0 ? pitch : outputs; }
    std::int64_t y_offset() const { return pitch > 0 ? pitch - outputs : 0; }
    std::int64_t depth() const { return inputs * kernel * kernel; }
    double operations() const {
        return 2.0 * static_cast<double>(kBatch * out_size() * out_size() * outputs * depth());
    }
};

// The first three see every way, the rest the few that a network is made of.
constexpr std::size_t kThorough = 3;
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
};

enum class Act { kNone, kRelu, kSwish };
/// How a number is given: folded into others, a tensor of one element, or with the graph.
enum class By { kFolded, kTensor, kValue };
enum class Join { kNone, kBeforeAct, kAfterAct };

/// What is asked for; the order is scale, bias, [operand], activation, [operand], 1/step, zero.
struct Way {
    const char* name;
    DataType_t in = DataType_t::INT8;
    DataType_t out = DataType_t::INT8;
    Act act = Act::kRelu;
    bool common = false;  ///< asked for every layer
    DataType_t compute = DataType_t::INT32;
    DataType_t sum = DataType_t::INT32;      ///< what the convolution gives to its steps
    DataType_t between = DataType_t::FLOAT;  ///< what steps give to each other
    By step = By::kFolded;                   ///< of the output; folded: into scale, bias and swish
    Join join = Join::kNone;
    DataType_t operand = DataType_t::INT8;
    By operand_step = By::kFolded;  ///< folded: the operand has the output's step
    bool scaled = true;             ///< by a number for each channel
    float zero = 0;
    By zero_by = By::kFolded;
    bool own = false;  ///< our own kernel, which is told the steps
};

constexpr DataType_t kS8 = DataType_t::INT8, kS32 = DataType_t::INT32, kF32 = DataType_t::FLOAT,
                     kF16 = DataType_t::HALF, kF8 = DataType_t::FP8_E4M3;

// clang-format off
constexpr Way kWays[] = {
    {"fp16 relu", kF16, kF16, Act::kRelu, true, kF32, kF32, kF32, By::kFolded, Join::kNone, kF16,
     By::kFolded, false},
    {"fp16 swish", kF16, kF16, Act::kSwish, true, kF32, kF32, kF32, By::kFolded, Join::kNone,
     kF16, By::kFolded, false},
    {"fp16 add relu", kF16, kF16, Act::kRelu, false, kF32, kF32, kF32, By::kFolded,
     Join::kBeforeAct, kF16, By::kFolded, false},
    {"int8 relu, sum int32", kS8, kS8, Act::kRelu, true},
    {"int8 relu, sum fp32", kS8, kS8, Act::kRelu, true, kS32, kF32},
    {"int8 relu, compute fp32", kS8, kS8, Act::kRelu, false, kF32, kF32},
    {"int8 relu, steps fp16", kS8, kS8, Act::kRelu, false, kS32, kS32, kF16},
    {"int8 none", kS8, kS8, Act::kNone},
    {"int8 no scale, relu", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32, By::kFolded,
     Join::kNone, kS8, By::kFolded, false},
    {"int8 relu, step tensor", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32, By::kTensor},
    {"int8 relu, step value", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32, By::kValue},
    {"int8 swish folded", kS8, kS8, Act::kSwish, true},
    {"int8 swish folded, sum fp32", kS8, kS8, Act::kSwish, true, kS32, kF32},
    {"int8 swish, step tensor", kS8, kS8, Act::kSwish, true, kS32, kS32, kF32, By::kTensor},
    {"int8 swish, step value", kS8, kS8, Act::kSwish, false, kS32, kS32, kF32, By::kValue},
    {"int8 add same step relu", kS8, kS8, Act::kRelu, true, kS32, kS32, kF32, By::kFolded,
     Join::kBeforeAct},
    {"int8 add*tensor relu", kS8, kS8, Act::kRelu, true, kS32, kS32, kF32, By::kFolded,
     Join::kBeforeAct, kS8, By::kTensor},
    {"int8 add*tensor relu, sum fp32", kS8, kS8, Act::kRelu, false, kS32, kF32, kF32, By::kFolded,
     Join::kBeforeAct, kS8, By::kTensor},
    {"int8 add*value relu", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32, By::kFolded,
     Join::kBeforeAct, kS8, By::kValue},
    {"int8 swish add*tensor", kS8, kS8, Act::kSwish, true, kS32, kS32, kF32, By::kFolded,
     Join::kAfterAct, kS8, By::kTensor},
    {"int8 swish add fp16*tensor", kS8, kS8, Act::kSwish, false, kS32, kS32, kF32, By::kFolded,
     Join::kAfterAct, kF16, By::kTensor},
    {"int8 add fp16 relu, step tensor", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32,
     By::kTensor, Join::kBeforeAct, kF16},
    {"int8-fp16 none", kS8, kF16, Act::kNone, false},
    {"int8-fp16 relu", kS8, kF16, Act::kRelu, false},
    {"int8-fp16 swish", kS8, kF16, Act::kSwish, true},
    {"int8-fp16 add fp16 relu", kS8, kF16, Act::kRelu, false, kS32, kS32, kF32, By::kFolded,
     Join::kBeforeAct, kF16},
    {"int8-fp32 none", kS8, kF32, Act::kNone},
    {"fp16-int8 relu", kF16, kS8, Act::kRelu, true, kF32, kF32},
    {"fp16-int8 swish", kF16, kS8, Act::kSwish, true, kF32, kF32},
    {"int8 relu, zero tensor", kS8, kS8, Act::kRelu, false, kS32, kS32, kF32, By::kFolded,
     Join::kNone, kS8, By::kFolded, true, -100, By::kTensor},
    {"int8 swish, zero value", kS8, kS8, Act::kSwish, false, kS32, kS32, kF32, By::kFolded,
     Join::kNone, kS8, By::kFolded, true, -100, By::kValue},
    {"fp8 relu", kF8, kF8, Act::kRelu, true, kF32, kF32},
    {"fp8 relu, fast sums", kF8, kF8, Act::kRelu, true, DataType_t::FAST_FLOAT_FOR_FP8, kF32},
    {"fp8 swish", kF8, kF8, Act::kSwish, true, kF32, kF32},
    {"fp8 add*tensor relu", kF8, kF8, Act::kRelu, false, kF32, kF32, kF32, By::kFolded,
     Join::kBeforeAct, kF8, By::kTensor},
    {"fp8-fp16 swish", kF8, kF16, Act::kSwish, false, kF32, kF32},
    {"own relu", kS8, kS8, Act::kRelu, true, kS32, kS32, kF32, By::kValue, Join::kNone, kS8,
     By::kValue, true, 0, By::kFolded, true},
    {"own swish", kS8, kS8, Act::kSwish, true, kS32, kS32, kF32, By::kValue, Join::kNone, kS8,
     By::kValue, true, 0, By::kFolded, true},
    {"own add relu", kS8, kS8, Act::kRelu, true, kS32, kS32, kF32, By::kValue, Join::kBeforeAct,
     kS8, By::kValue, true, 0, By::kFolded, true},
    {"own swish add", kS8, kS8, Act::kSwish, true, kS32, kS32, kF32, By::kValue, Join::kAfterAct,
     kS8, By::kValue, true, 0, By::kFolded, true},
    {"own swish add fp16", kS8, kS8, Act::kSwish, false, kS32, kS32, kF32, By::kValue,
     Join::kAfterAct, kF16, By::kValue, true, 0, By::kFolded, true},
    {"own swish, zero", kS8, kS8, Act::kSwish, false, kS32, kS32, kF32, By::kValue, Join::kNone,
     kS8, By::kValue, true, -100, By::kFolded, true},
    {"own-fp16 swish", kS8, kF16, Act::kSwish, true, kS32, kS32, kF32, By::kValue, Join::kNone,
     kS8, By::kValue, true, 0, By::kFolded, true},
};
// clang-format on

constexpr float kStep = 0.05f;          ///< real numbers of one unit of the output
constexpr float kOperandStep = 0.075f;  ///< and of the operand, where it has its own

bool is_byte(DataType_t type) {
    return type == DataType_t::INT8 || type == DataType_t::FP8_E4M3;
}
std::size_t size_of(DataType_t type) {
    return is_byte(type) ? 1 : type == DataType_t::HALF ? 2 : 4;
}

float step_of(const Way& way) {
    return is_byte(way.out) ? kStep : 1;
}
float operand_step_of(const Way& way) {
    if (!is_byte(way.operand)) return 1;
    return way.operand_step == By::kFolded ? step_of(way) : kOperandStep;
}

// Numbers: a block of random ones, repeated.

float decode(DataType_t type, const std::byte* from) {
    if (type == DataType_t::INT8) return static_cast<float>(static_cast<std::int8_t>(*from));
    if (type == DataType_t::FP8_E4M3) {
        __nv_fp8_e4m3 number;
        std::memcpy(&number, from, 1);
        return static_cast<float>(number);
    }
    if (type == DataType_t::HALF) {
        __half number;
        std::memcpy(&number, from, 2);
        return __half2float(number);
    }
    float number = 0;
    std::memcpy(&number, from, 4);
    return number;
}

void encode(DataType_t type, float number, std::byte* to) {
    if (type == DataType_t::INT8) {
        *to = static_cast<std::byte>(static_cast<std::int8_t>(std::lround(number)));
    } else if (type == DataType_t::FP8_E4M3) {
        const __nv_fp8_e4m3 eight(number);
        std::memcpy(to, &eight, 1);
    } else if (type == DataType_t::HALF) {
        const __half half = __float2half(number);
        std::memcpy(to, &half, 2);
    } else {
        std::memcpy(to, &number, 4);
    }
}

struct Numbers {
    static constexpr std::size_t kBlock = 1'000'003;
    DataType_t type = DataType_t::FLOAT;
    std::vector<std::byte> bytes;

    /// From -largest to largest.
    static Numbers random(DataType_t type, float largest, unsigned seed) {
        Numbers numbers{type, std::vector<std::byte>(kBlock * size_of(type))};
        for (std::size_t i = 0; i < kBlock; ++i) {
            seed = seed * 1664525u + 1013904223u;
            const float number =
                (static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1) * largest;
            encode(type, number, &numbers.bytes[i * size_of(type)]);
        }
        return numbers;
    }
    float operator[](std::int64_t i) const {
        return decode(type, &bytes[static_cast<std::size_t>(i) % kBlock * size_of(type)]);
    }
    Result<Buffer> upload(std::int64_t count) const {
        const std::size_t size = static_cast<std::size_t>(count) * size_of(type);
        Buffer buffer = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, size + 256));
        for (std::size_t done = 0; done < size; done += bytes.size()) {
            SLUICE_TRY(memory::cuda::check(cudaMemcpy(buffer.data() + done,
                                                      bytes.data(),
                                                      std::min(bytes.size(), size - done),
                                                      cudaMemcpyHostToDevice),
                                           "uploading numbers"));
        }
        return buffer;
    }
};

/// Everything that one run reads; scale and bias are as the graph is given them.
struct Given {
    Numbers x, weights, operand;
    std::vector<float> scale, bias;

    Given(const Layer& layer, const Way& way) {
        // So that real outputs are some 3 from 0, and some of them are cut off.
        const float largest = way.in == DataType_t::INT8       ? 127.0f
                              : way.in == DataType_t::FP8_E4M3 ? 8.0f
                                                               : 1.0f;
        const float norm = 3 * 3 / std::sqrt(static_cast<float>(layer.depth()));
        x = Numbers::random(way.in, largest, 1);
        weights = Numbers::random(way.in, way.in == DataType_t::HALF ? norm : largest, 2);
        operand = Numbers::random(way.operand, way.operand == DataType_t::INT8 ? 127.0f : 4.0f, 3);
        const float unit = way.step == By::kFolded ? step_of(way) : 1;
        const float real = way.in == DataType_t::HALF ? 1 : norm / (largest * largest);
        for (int k = 0; k < layer.outputs; ++k) {
            const float varied = 0.5f + static_cast<float>(k % 16) / 16;
            scale.push_back(way.scaled ? real * varied / unit : 1);
            bias.push_back((varied - 1) * 4 / unit);
        }
    }
};

std::size_t count_y(const Layer& layer) {
    return static_cast<std::size_t>(kBatch * layer.out_size() * layer.out_size() * layer.y_pitch());
}

/// The exact output, before it is rounded. `place` counts pixels of the output.
double exact(const Layer& layer, const Way& way, const Given& given, std::int64_t place, int k) {
    const std::int64_t out = layer.out_size();
    const std::int64_t n = place / (out * out), row = place / out % out, column = place % out;
    double sum = 0;
    for (int i = 0; i < layer.kernel * layer.kernel; ++i) {
        const std::int64_t y = row * layer.stride - layer.kernel / 2 + i / layer.kernel;
        const std::int64_t x = column * layer.stride - layer.kernel / 2 + i % layer.kernel;
        if (y < 0 || x < 0 || y >= layer.size || x >= layer.size) continue;
        const std::int64_t from = ((n * layer.size + y) * layer.size + x) * layer.inputs;
        const std::int64_t weight = (k * layer.kernel * layer.kernel + i) * layer.inputs;
        for (std::int64_t c = 0; c < layer.inputs; ++c)
            sum += static_cast<double>(given.x[from + c]) * given.weights[weight + c];
    }
    const auto channel = static_cast<std::size_t>(k);
    sum = sum * given.scale[channel] + given.bias[channel];
    const double unit = way.step == By::kFolded ? step_of(way) : 1;
    const double operand =
        given.operand[place * layer.outputs + k] * static_cast<double>(operand_step_of(way)) / unit;
    if (way.join == Join::kBeforeAct) sum += operand;
    if (way.act == Act::kRelu) sum = std::max(sum, 0.0);
    if (way.act == Act::kSwish) sum = sum / (1 + std::exp(-sum * unit));
    if (way.join == Join::kAfterAct) sum += operand;
    return sum / (way.step == By::kFolded ? 1 : step_of(way)) + way.zero;
}

// The graph.

enum Id : std::int64_t { kX = 1, kW, kScale, kBias, kY, kOperand, kStepId, kOperandStepId, kZero };

class Builder {
public:
    Builder(const Layer& layer, const Way& way) : layer_(layer), way_(way) {
        graph_->set_io_data_type(way.in)
            .set_intermediate_data_type(way.between)
            .set_compute_data_type(kF32);
    }

    std::shared_ptr<fe::graph::Graph> build() {
        const std::int64_t c = layer_.inputs, k = layer_.outputs, size = layer_.size,
                           out = layer_.out_size(), r = layer_.kernel, pitch = layer_.y_pitch();
        y_dims_ = {kBatch, k, out, out};
        Tensor x = tensor(kX, {kBatch, c, size, size}, {size * size * c, 1, size * c, c}, way_.in);
        Tensor w = tensor(kW, {k, c, r, r}, {r * r * c, 1, r * c, c}, way_.in);
        Tensor y = graph_->conv_fprop(x,
                                      w,
                                      fe::graph::Conv_fprop_attributes()
                                          .set_padding({r / 2, r / 2})
                                          .set_stride({layer_.stride, layer_.stride})
                                          .set_dilation({1, 1})
                                          .set_compute_data_type(way_.compute));
        y->set_data_type(way_.sum);
        y->set_dim(y_dims_).set_stride({out * out * k, 1, out * k, k});
        if (way_.scaled) y = with(PointwiseMode_t::MUL, y, per_channel(kScale));
        y = with(PointwiseMode_t::ADD, y, per_channel(kBias));
        if (way_.join == Join::kBeforeAct) y = joined(y);
        y = activated(y);
        if (way_.join == Join::kAfterAct) y = joined(y);
        if (way_.step != By::kFolded)
            y = with(PointwiseMode_t::MUL, y, number(kStepId, way_.step, 1 / step_of(way_)));
        if (way_.zero_by != By::kFolded)
            y = with(PointwiseMode_t::ADD, y, number(kZero, way_.zero_by, way_.zero));
        y->set_output(true)
            .set_uid(kY)
            .set_dim(y_dims_)
            .set_stride({out * out * pitch, 1, out * pitch, pitch})
            .set_data_type(way_.out);
        return graph_;
    }

private:
    Tensor tensor(std::int64_t id,
                  const std::vector<std::int64_t>& dims,
                  const std::vector<std::int64_t>& strides,
                  DataType_t type) {
        return graph_->tensor(fe::graph::Tensor_attributes()
                                  .set_name(std::to_string(id))
                                  .set_uid(id)
                                  .set_dim(dims)
                                  .set_stride(strides)
                                  .set_data_type(type));
    }
    Tensor per_channel(std::int64_t id) {
        const std::int64_t k = layer_.outputs;
        return tensor(id, {1, k, 1, 1}, {k, 1, k, k}, kF32);
    }
    Tensor number(std::int64_t id, By by, float value) {
        if (by == By::kTensor) return tensor(id, {1, 1, 1, 1}, {1, 1, 1, 1}, kF32);
        return graph_->tensor(fe::graph::Tensor_attributes(value)
                                  .set_name(std::to_string(id))
                                  .set_uid(id)
                                  .set_dim({1, 1, 1, 1})
                                  .set_stride({1, 1, 1, 1}));
    }
    Tensor with(PointwiseMode_t mode, const Tensor& a, const Tensor& b) {
        return graph_->pointwise(
            a, b, fe::graph::Pointwise_attributes().set_mode(mode).set_compute_data_type(kF32));
    }
    Tensor joined(const Tensor& y) {
        const std::int64_t k = layer_.outputs, out = layer_.out_size();
        Tensor operand = tensor(kOperand, y_dims_, {out * out * k, 1, out * k, k}, way_.operand);
        if (way_.operand_step != By::kFolded) {
            const float unit = way_.step == By::kFolded ? step_of(way_) : 1;
            operand = with(PointwiseMode_t::MUL,
                           operand,
                           number(kOperandStepId, way_.operand_step, operand_step_of(way_) / unit));
        }
        return with(PointwiseMode_t::ADD, y, operand);
    }
    Tensor activated(const Tensor& y) {
        if (way_.act == Act::kNone) return y;
        fe::graph::Pointwise_attributes attributes;
        attributes.set_compute_data_type(kF32).set_mode(
            way_.act == Act::kRelu ? PointwiseMode_t::RELU_FWD : PointwiseMode_t::SWISH_FWD);
        // x * sigmoid(step * x) is what swish does to x * step, in units of step.
        if (way_.act == Act::kSwish && way_.step == By::kFolded)
            attributes.set_swish_beta(step_of(way_));
        return graph_->pointwise(y, attributes);
    }

    const Layer& layer_;
    const Way& way_;
    std::vector<std::int64_t> y_dims_;
    std::shared_ptr<fe::graph::Graph> graph_ = std::make_shared<fe::graph::Graph>();
};

// Building on all cores, then running one after the other.

struct Plan {
    std::int64_t index = 0;
    std::int64_t workspace = 0;
    std::string name;
};

struct Job {
    const Layer* layer;
    const Way* way;
    std::shared_ptr<fe::graph::Graph> graph;
    std::vector<Plan> plans;
    std::int64_t offered = 0;
    std::string why;  ///< there is no plan
};

/// What our own kernel is given; the pointers are filled in later.
Int8Conv own_conv(const Layer& layer, const Way& way) {
    const auto number = [](DataType_t type) {
        return type == DataType_t::INT8 ? Int8Conv::Number::kS8 : Int8Conv::Number::kF16;
    };
    Int8Conv conv;
    conv.batch = static_cast<int>(kBatch);
    for (int i = 0; i < 2; ++i) {
        conv.in[i] = static_cast<int>(layer.size);
        conv.out[i] = static_cast<int>(layer.out_size());
        conv.kernel[i] = layer.kernel;
        conv.stride[i] = layer.stride;
        conv.pad_begin[i] = layer.kernel / 2;
    }
    conv.in[2] = conv.x_pitch = static_cast<int>(layer.inputs);
    conv.out[2] = conv.operand_pitch = static_cast<int>(layer.outputs);
    conv.y_pitch = static_cast<int>(layer.y_pitch());
    conv.act = way.act == Act::kSwish  ? Int8Conv::Act::kSwish
               : way.act == Act::kRelu ? Int8Conv::Act::kRelu
                                       : Int8Conv::Act::kNone;
    conv.join = way.join == Join::kNone        ? Int8Conv::Join::kNone
                : way.join == Join::kBeforeAct ? Int8Conv::Join::kBeforeAct
                                               : Int8Conv::Join::kAfterAct;
    conv.operand_type = number(way.operand);
    conv.operand_step = operand_step_of(way);
    conv.type = number(way.out);
    conv.step = step_of(way);
    conv.zero = way.zero;
    return conv;
}

void find_configs(Job& job) {
    const Int8Conv conv = own_conv(*job.layer, *job.way);
    job.offered = kInt8ConvConfigs;
    for (int config = 0; config < kInt8ConvConfigs; ++config) {
        if (int8_conv_fits(config, conv)) job.plans.push_back({config, 0, int8_conv_name(config)});
    }
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text.substr(0, 200);
}

void build(Job& job, cudnnHandle_t handle, std::size_t most) {
    try {
        job.graph = Builder(*job.layer, *job.way).build();
        fe::error_t status = job.graph->validate();
        if (status.is_good()) status = job.graph->build_operation_graph(handle);
        if (status.is_good())
            status =
                job.graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK});
        if (status.is_good()) status = job.graph->check_support(handle);
        if (status.is_bad()) {
            job.why = one_line(status.get_message());
            return;
        }
        job.offered = job.graph->get_execution_plan_count();
        for (std::int64_t i = 0; i < job.offered && job.plans.size() < most; ++i) {
            Plan plan{i, 0, {}};
            status = job.graph->build_plan_at_index(handle, i);
            if (status.is_good())
                status = job.graph->get_workspace_size_plan_at_index(i, plan.workspace);
            if (status.is_good()) status = job.graph->get_plan_name_at_index(i, plan.name);
            if (status.is_good()) {
                job.plans.push_back(plan);
            } else {
                job.why = one_line(status.get_message());
            }
        }
    } catch (const std::exception& exception) {
        job.why = one_line(exception.what());
    }
}

void build_all(std::vector<Job>& jobs, std::size_t most, int seconds) {
    const auto end = Clock::now() + std::chrono::seconds(seconds);
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
        threads.emplace_back([&] {
            if (!memory::cuda::use_device(0)) return;
            auto cudnn = Cudnn::create();
            for (std::size_t j = next++; cudnn && j < jobs.size(); j = next++) {
                if (jobs[j].way->own) {
                    find_configs(jobs[j]);
                } else if (Clock::now() > end) {
                    jobs[j].why = "no time left";
                } else {
                    build(jobs[j], static_cast<cudnnHandle_t>(cudnn->handle()), most);
                }
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
}

struct Exactness {
    int same = 0, near = 0, wrong = 0;
    double worst = 0;  ///< in units of the output
    std::string text() const {
        return fmt::format("{} same {} near {} wrong, worst {:.3g}", same, near, wrong, worst);
    }
};

void judge(const Way& way, double wanted, double got, Exactness& sum) {
    double same = 1e-6, near = 1;
    if (way.out == DataType_t::INT8) {
        wanted = std::nearbyint(std::clamp(wanted, -128.0, 127.0));
    } else {
        if (way.out == DataType_t::FP8_E4M3) wanted = std::clamp(wanted, -448.0, 448.0);
        const double digits = way.out == DataType_t::FP8_E4M3 ? 1.0 / 16 : 1.0 / 1024;
        same = digits * std::abs(wanted) + 2e-3;
        near = 2 * same;
    }
    const double error = std::abs(wanted - got);
    ++(error <= same ? sum.same : error <= near ? sum.near : sum.wrong);
    sum.worst = std::max(sum.worst, error);
}

class Trial {
public:
    static Result<Trial> create() {
        Trial trial;
        trial.stream_ = SLUICE_TRY(Stream::create());
        trial.cudnn_ = SLUICE_TRY(Cudnn::create());
        SLUICE_TRY(trial.cudnn_.use(trial.stream_));
        return trial;
    }

    Result<std::string> run(const Job& job) {
        const Layer& layer = *job.layer;
        const Way& way = *job.way;
        const Given given(layer, way);
        const auto pixels = kBatch * layer.out_size() * layer.out_size();
        const std::size_t y_bytes = count_y(layer) * size_of(way.out);
        buffers_.clear();
        pack_.clear();
        SLUICE_TRY(keep(kX, given.x.upload(kBatch * layer.size * layer.size * layer.inputs)));
        SLUICE_TRY(keep(kW, given.weights.upload(layer.outputs * layer.depth())));
        SLUICE_TRY(keep(kOperand, given.operand.upload(pixels * layer.outputs)));
        SLUICE_TRY(keep(kScale, upload(given.scale)));
        SLUICE_TRY(keep(kBias, upload(given.bias)));
        const float unit = way.step == By::kFolded ? step_of(way) : 1;
        if (way.step == By::kTensor) SLUICE_TRY(keep(kStepId, upload({1 / step_of(way)})));
        if (way.operand_step == By::kTensor)
            SLUICE_TRY(keep(kOperandStepId, upload({operand_step_of(way) / unit})));
        if (way.zero_by == By::kTensor) SLUICE_TRY(keep(kZero, upload({way.zero})));
        Buffer y = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, y_bytes + 256));
        pack_[kY] = y.data() + static_cast<std::size_t>(layer.y_offset()) * size_of(way.out);
        std::vector<double> wanted;
        for (std::int64_t i = 0; i < kLooks && !job.plans.empty(); ++i) {
            const auto [place, k] = look_at(layer, i);
            wanted.push_back(exact(layer, way, given, place, k));
        }
        return best(job, wanted, y, y_bytes);
    }

private:
    static Result<Buffer> upload(const std::vector<float>& numbers) {
        const std::size_t size = numbers.size() * sizeof(float);
        Buffer buffer = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, size + 256));
        SLUICE_TRY(memory::cuda::check(
            cudaMemcpy(buffer.data(), numbers.data(), size, cudaMemcpyHostToDevice),
            "uploading numbers"));
        return buffer;
    }
    Result<void> keep(std::int64_t id, Result<Buffer> buffer) {
        buffers_.push_back(SLUICE_TRY(std::move(buffer)));
        pack_[id] = buffers_.back().data();
        return {};
    }

    Result<void> execute_own(const Job& job, const Plan& plan) {
        Int8Conv conv = own_conv(*job.layer, *job.way);
        conv.x = static_cast<const std::int8_t*>(pack_[kX]);
        conv.weights = static_cast<const std::int8_t*>(pack_[kW]);
        conv.scale = static_cast<const float*>(pack_[kScale]);
        conv.bias = static_cast<const float*>(pack_[kBias]);
        conv.operand = pack_[kOperand];
        conv.y = pack_[kY];
        launch_int8_conv(static_cast<int>(plan.index), conv, stream_.get());
        return memory::cuda::check(cudaGetLastError(), "launching our own kernel");
    }

    Result<void> execute(const Job& job, const Plan& plan, void* workspace) {
        if (job.way->own) return execute_own(job, plan);
        auto status = job.graph->execute_plan_at_index(
            static_cast<cudnnHandle_t>(cudnn_.handle()), pack_, workspace, plan.index);
        if (status.is_good()) return {};
        return internal_error(one_line(status.get_message()));
    }

    /// Where the output is looked at: the pixel and the channel of look `i`.
    static std::pair<std::int64_t, int> look_at(const Layer& layer, std::int64_t i) {
        const std::int64_t pixels = kBatch * layer.out_size() * layer.out_size();
        return {i * (pixels - 1) / (kLooks - 1), static_cast<int>(i * 7 % layer.outputs)};
    }

    Result<std::string> best(const Job& job,
                             const std::vector<double>& wanted,
                             const Buffer& y,
                             std::size_t bytes) {
        int right = 0;
        float time = 0;
        std::string name, exactness, times, trouble = job.why;
        for (const Plan& plan : job.plans) {
            const Buffer workspace = SLUICE_TRY(Buffer::create(
                Buffer::Kind::kDevice, static_cast<std::size_t>(plan.workspace) + 256));
            SLUICE_TRY(memory::cuda::check(cudaMemset(y.data(), 0x55, bytes), "filling"));
            SLUICE_TRY(memory::cuda::check(cudaDeviceSynchronize(), "filling"));
            auto ran = execute(job, plan, workspace.data());
            if (ran) ran = stream_.wait();
            if (!ran) {
                trouble = ran.error().message;
                continue;
            }
            const Exactness found = SLUICE_TRY(look(job, wanted, y, bytes));
            if (found.wrong > 0) {
                trouble = (job.way->own ? plan.name + " is " : "") + "wrong: " + found.text();
                continue;
            }
            auto each =
                shortest_time(stream_, [&] { return execute(job, plan, workspace.data()); });
            if (!each) {
                trouble = each.error().message;
                continue;
            }
            if (job.way->own) times += fmt::format("  {} {:.1f}", plan.name, *each * 1000);
            if (right++ == 0 || *each < time) {
                time = *each;
                name = plan.name;
                exactness = found.text();
            }
        }
        const std::string counts =
            fmt::format("{:2} right of {} built of {}", right, job.plans.size(), job.offered);
        if (right == 0) return counts + "  " + trouble;
        return fmt::format("{}  {:7.1f} us {:5.0f} TOP/s  {}  {}{}",
                           counts,
                           time * 1000,
                           job.layer->operations() / time / 1e9,
                           exactness,
                           name,
                           trouble.empty() ? times : times + "  [" + trouble + "]");
    }

    /// Some places of the output, and whether the other parts of the concatenation were left alone.
    static Result<Exactness> look(const Job& job,
                                  const std::vector<double>& wanted,
                                  const Buffer& y,
                                  std::size_t bytes) {
        const Layer& layer = *job.layer;
        const Way& way = *job.way;
        std::vector<std::byte> got(bytes);
        SLUICE_TRY(memory::cuda::check(
            cudaMemcpy(got.data(), y.data(), bytes, cudaMemcpyDeviceToHost), "downloading"));
        Exactness sum;
        for (std::int64_t i = 0; i < kLooks; ++i) {
            const auto [place, k] = look_at(layer, i);
            const auto at = static_cast<std::size_t>(place * layer.y_pitch());
            const std::size_t size = size_of(way.out);
            judge(
                way,
                wanted[static_cast<std::size_t>(i)],
                decode(way.out, &got[(at + static_cast<std::size_t>(layer.y_offset() + k)) * size]),
                sum);
            if (layer.y_offset() > 0 && got[at * size] != std::byte{0x55}) ++sum.wrong;
        }
        return sum;
    }

    Stream stream_;
    Cudnn cudnn_;
    std::vector<Buffer> buffers_;
    std::unordered_map<std::int64_t, void*> pack_;
};

std::string word(int count, char** words, const std::string& key, const std::string& otherwise) {
    for (int i = 1; i < count; ++i) {
        if (std::string(words[i]).starts_with(key + "=")) return words[i] + key.size() + 1;
    }
    return otherwise;
}

Result<void> run(int count, char** words) {
    const std::string layers = word(count, words, "shapes", "");
    const std::string ways = word(count, words, "ways", "");
    std::vector<Job> jobs;
    for (const Layer& layer : kLayers) {
        for (const Way& way : kWays) {
            const bool thorough = &layer < kLayers + kThorough;
            if ((thorough || way.common) &&
                std::string(layer.name).find(layers) != std::string::npos &&
                std::string(way.name).find(ways) != std::string::npos)
                jobs.push_back({&layer, &way, {}, {}, 0, {}});
        }
    }
    SLUICE_TRY(memory::cuda::use_device(0));
    Trial trial = SLUICE_TRY(Trial::create());
    fmt::print("{}, cuDNN {}\n", SLUICE_TRY(memory::cuda::device_name(0)), Cudnn::version());
    const auto begin = Clock::now();
    build_all(jobs,
              static_cast<std::size_t>(std::stoi(word(count, words, "plans", "6"))),
              std::stoi(word(count, words, "seconds", "240")));
    fmt::print("{} graphs built in {:.0f} s\n",
               jobs.size(),
               std::chrono::duration<double>(Clock::now() - begin).count());
    for (const Job& job : jobs) {
        auto line = trial.run(job);
        fmt::print("{:25} {:32} {}\n",
                   job.layer->name,
                   job.way->name,
                   line ? *line : "error: " + line.error().message);
        std::fflush(stdout);
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
