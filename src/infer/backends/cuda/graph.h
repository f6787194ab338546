#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/memory/tensor.h"

/// A network as the CUDA backend sees it: few kinds of nodes, every shape fixed, shapes in the
/// order of the model (NCHW). How numbers lie in memory is decided later (lower.h).
namespace sluice::infer::cuda {

using memory::Shape;

/// An index into Graph::values.
using ValueId = int;

struct Value {
    std::string name;
    Shape shape;
    memory::ElementType type = memory::ElementType::kF32;  ///< of graph inputs; others follow
    std::shared_ptr<const std::vector<float>> data{};      ///< of constants, row-major; else null
    /// Of constants that are whole multiples, -128 to 127, of a step: one for all, or one for each
    /// of the first data.size() / steps.size() numbers, and so on.
    std::vector<float> steps{};
    /// Of integers, such as places: they lie in fp32 (exact up to 2^24) whatever is computed in.
    bool whole = false;
};

/// What one step does to the running number x. "y" is the operand: an input of the node, or the
/// step's own number `a`.
enum class PointOp : std::uint8_t {
    kAdd,          ///< x + y
    kSub,          ///< x - y
    kSubFrom,      ///< y - x
    kMul,          ///< x * y
    kDiv,          ///< x / y
    kDivFrom,      ///< y / x
    kMax,          ///< max(x, y)
    kMin,          ///< min(x, y)
    kPow,          ///< x ^ y
    kLeakyRelu,    ///< x < 0 ? x * y : x
    kRelu,         ///< max(x, 0)
    kClamp,        ///< min(max(x, a), b)
    kSigmoid,      ///< 1 / (1 + exp(-x))
    kSwish,        ///< x * sigmoid(x)
    kHardSwish,    ///< x * clamp(x + 3, 0, 6) / 6
    kHardSigmoid,  ///< clamp(a * x + b, 0, 1)
    kTanh,
    kExp,
    kLog,
    kSqrt,
    kAbs,
    kElu,       ///< x < 0 ? a * (exp(x) - 1) : x
    kSoftplus,  ///< log(1 + exp(x))
    kMish,      ///< x * tanh(softplus(x))
    kGelu,      ///< x * (1 + erf(x / sqrt(2))) / 2
    kErf,
    kFloor,
    kCeil,
    kRound,     ///< to the nearest, halves to the even one
    kTruncate,  ///< towards 0
    kSign,
    kSin,
    kCos,
    kMod,       ///< what is left of x / y rounded towards 0: as x in sign
    kFloorMod,  ///< what is left of x / y rounded down: as y in sign
    kEqual,     ///< 1 where x = y, else 0; so are the next
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kSave,      ///< remembers x
    kMulSaved,  ///< x * what was remembered
    kTake,      ///< y
    kChoose,    ///< y is not 0 ? x : what was remembered
    kRound8,    ///< to the nearest number of the grid of 256 whose step is a and whose zero is b
};

struct PointStep {
    PointOp op = PointOp::kRelu;
    int input = -1;  ///< which of the node's inputs y is; -1: y is `a`
    float a = 0;
    float b = 0;
    friend bool operator==(const PointStep&, const PointStep&) = default;
};

/// Rows, then columns.
using Pair = std::array<int, 2>;

struct Window {
    Pair kernel{1, 1};
    Pair stride{1, 1};
    Pair dilation{1, 1};
    Pair pad_begin{0, 0};
    Pair pad_end{0, 0};
};

struct Conv {
    Window window;
    int groups = 1;
    std::vector<float> weights;  ///< output channel, input channel of the group, row, column
    std::vector<float> bias;     ///< one for each output channel
    /// Where not empty: the weights of output channel k are whole multiples, -128 to 127, of
    /// weight_steps[k], so that they can be numbers of 8 bits.
    std::vector<float> weight_steps{};
    /// Where not null: what it makes of the node's input 1 is added before the node's steps
    /// (conv_pair.h).
    std::shared_ptr<const Conv> second{};
};
/// Steps alone: the output is as large as what its inputs spread to.
struct Pointwise {};
struct Pool {
    Window window;
    bool is_max = true;
    bool counts_padding = false;  ///< the average's divisor is the whole window
};
struct Resize {
    enum class Place { kHalfPixel, kAsymmetric, kAlignCorners };
    bool linear = false;
    Place place = Place::kAsymmetric;
    bool floors = true;           ///< nearest: rounds down; else half down, as "round_prefer_floor"
    std::array<float, 2> step{};  ///< input rows (columns) per output row (column)
};
struct Concat {
    int axis = 1;
};
struct Reshape {};
struct Transpose {
    std::vector<int> order;  ///< output dimension i is input dimension order[i]
};
struct Slice {
    std::vector<std::int64_t> begin;
    std::vector<std::int64_t> step;  ///< above 0
};
struct MatMul {
    bool transpose_a = false;
    bool transpose_b = false;
};
struct Softmax {
    int axis = -1;
};
struct Reduce {
    enum class Kind { kMean, kSum, kMax, kMin, kProduct, kL1, kL2 };
    Kind kind = Kind::kMean;
    std::vector<int> axes;
};
/// Output channel (row % 2 * 2 + column % 2) * channels + c, half the rows and columns. Steps come
/// before it. What feeds a first layer of stride 2, so that it has channels enough to be fast.
struct SpaceToDepth {};
/// (x - mean) / sqrt(variance + epsilon) over some dimensions.
struct Normalize {
    std::vector<int> axes;
    float epsilon = 0;
};
/// What TopK can give at most.
inline constexpr std::int64_t kMostTop = 4096;
/// Places along an axis of its largest (smallest) numbers, in their order; of equal ones the first
/// comes first. As many as the output has there.
struct TopK {
    int axis = -1;
    bool largest = true;
};
/// Numbers of input 0 at the places along `axis` that input 1 says, which spreads to the output;
/// places below 0 count from the end.
struct Gather {
    int axis = 0;
    std::vector<int> from;  ///< which dimension of input 0 each of the output follows; -1: none
};
/// Pixels of input 0 at the places of input 1, [batch, row, column, (x, y)], -1..1 from edge to
/// edge.
struct GridSample {
    bool linear = true;
    bool align_corners = false;   ///< -1 and 1 are the middles of the outer pixels, not their edges
    bool repeats_border = false;  ///< else all around the image is 0
};

using Op = std::variant<Conv,
                        Pointwise,
                        Pool,
                        Resize,
                        Concat,
                        Reshape,
                        Transpose,
                        Slice,
                        MatMul,
                        Softmax,
                        Reduce,
                        SpaceToDepth,
                        Normalize,
                        TopK,
                        Gather,
                        GridSample>;

struct Node {
    std::string name;  ///< as in the model, for messages and tables
    Op op;
    std::vector<ValueId> inputs;
    ValueId output = -1;
    /// Applied to the result; of Conv, Pointwise and SpaceToDepth only.
    std::vector<PointStep> steps{};

    template <class T>
    bool is() const {
        return std::holds_alternative<T>(op);
    }
};

struct Graph {
    std::vector<Value> values;
    std::vector<Node> nodes;  ///< in an order in which they can run
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;

    const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
    Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
    ValueId add(Value value) {
        values.push_back(std::move(value));
        return static_cast<ValueId>(values.size() - 1);
    }
};

/// The shape that two spread to by the usual rule (aligned at the end, 1 spreads).
Shape spread(const Shape& a, const Shape& b);

/// How often each value is read, outputs of the graph included.
std::vector<int> use_counts(const Graph& graph);

/// The node that makes each value, or -1.
std::vector<int> producers(const Graph& graph);

/// Drops nodes that no output depends on.
void drop_unused(Graph& graph);

/// "Conv", "Pool", ...
const char* kind_name(const Node& node);

}  // namespace sluice::infer::cuda
