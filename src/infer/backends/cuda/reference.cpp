#include "sluice/infer/backends/cuda/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sluice/infer/backends/cuda/reference_detail.h"

namespace sluice::infer::cuda {

using namespace reference;

namespace {

/// One output of a convolution.
float conv_at(const Conv& op, const Tensor& x, const Shape& out, const std::vector<Index>& place) {
    const Window& w = op.window;
    const Index inputs = x.shape[1] / op.groups;
    const Index group = place[1] / (out[1] / op.groups);
    float sum = op.bias[at(place[1])];
    for (Index c = 0; c < inputs; ++c) {
        for (int ky = 0; ky < w.kernel[0]; ++ky) {
            const Index y = place[2] * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0];
            if (y < 0 || y >= x.shape[2]) continue;
            for (int kx = 0; kx < w.kernel[1]; ++kx) {
                const Index column = place[3] * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1];
                if (column < 0 || column >= x.shape[3]) continue;
                const Index channel = group * inputs + c;
                const Index from =
                    ((place[0] * x.shape[1] + channel) * x.shape[2] + y) * x.shape[3] + column;
                const Index weight =
                    ((place[1] * inputs + c) * w.kernel[0] + ky) * w.kernel[1] + kx;
                sum += x.data[at(from)] * op.weights[at(weight)];
            }
        }
    }
    return sum;
}

float pool_at(const Pool& op, const Tensor& x, const std::vector<Index>& place) {
    const Window& w = op.window;
    float best = std::numeric_limits<float>::lowest();
    float sum = 0;
    int inside = 0;
    int whole = 0;
    for (int ky = 0; ky < w.kernel[0]; ++ky) {
        const Index y = place[2] * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0];
        for (int kx = 0; kx < w.kernel[1]; ++kx) {
            const Index column = place[3] * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1];
            // A window that hangs over the declared padding (rounding up) counts only what is in
            // it.
            if (y < x.shape[2] + w.pad_end[0] && column < x.shape[3] + w.pad_end[1]) ++whole;
            if (y < 0 || y >= x.shape[2] || column < 0 || column >= x.shape[3]) continue;
            const float value = x.data[at(
                ((place[0] * x.shape[1] + place[1]) * x.shape[2] + y) * x.shape[3] + column)];
            best = std::max(best, value);
            sum += value;
            ++inside;
        }
    }
    if (op.is_max) return best;
    return sum / static_cast<float>(op.counts_padding ? whole : std::max(inside, 1));
}

float source_place(const Resize& op, Index out, std::size_t axis) {
    const auto place = static_cast<float>(out);
    return op.place == Resize::Place::kHalfPixel ? (place + 0.5f) * op.step[axis] - 0.5f
                                                 : place * op.step[axis];
}

float resize_at(const Resize& op, const Tensor& x, const std::vector<Index>& place) {
    const float* plane = &x.data[at((place[0] * x.shape[1] + place[1]) * x.shape[2] * x.shape[3])];
    auto pixel = [&](Index y, Index column) {
        y = std::clamp<Index>(y, 0, x.shape[2] - 1);
        column = std::clamp<Index>(column, 0, x.shape[3] - 1);
        return plane[y * x.shape[3] + column];
    };
    float y = source_place(op, place[2], 0);
    float column = source_place(op, place[3], 1);
    if (!op.linear) {
        auto round = [&](float v) {
            return static_cast<Index>(op.floors ? std::floor(v) : std::ceil(v - 0.5f));
        };
        return pixel(round(y), round(column));
    }
    y = std::max(y, 0.0f);
    column = std::max(column, 0.0f);
    const auto top = static_cast<Index>(y);
    const auto left = static_cast<Index>(column);
    const float down = y - static_cast<float>(top);
    const float right = column - static_cast<float>(left);
    return (pixel(top, left) * (1 - right) + pixel(top, left + 1) * right) * (1 - down) +
           (pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right) * down;
}

void concat(const Concat& op, const std::vector<const Tensor*>& inputs, Tensor& out) {
    Index begin = 0;
    const auto strides = strides_of(out.shape, out.shape.size());
    for (const Tensor* input : inputs) {
        std::size_t next = 0;
        for_each_place(input->shape, [&](std::vector<Index> place) {
            place[at(op.axis)] += begin;
            out.data[at(offset(place, strides))] = input->data[next++];
        });
        begin += input->shape[at(op.axis)];
    }
}

float matmul_at(const MatMul& op,
                const Tensor& a,
                const Tensor& b,
                const std::vector<Index>& place) {
    const std::size_t rank = place.size();
    std::vector<Index> a_strides = strides_of(a.shape, rank);
    std::vector<Index> b_strides = strides_of(b.shape, rank);
    if (op.transpose_a) std::swap(a_strides[rank - 1], a_strides[rank - 2]);
    if (op.transpose_b) std::swap(b_strides[rank - 1], b_strides[rank - 2]);
    const Index depth = op.transpose_a ? a.shape[a.shape.size() - 2] : a.shape.back();
    std::vector<Index> left = place;
    std::vector<Index> right = place;
    float sum = 0;
    for (Index k = 0; k < depth; ++k) {
        left[rank - 1] = k;
        right[rank - 2] = k;
        sum += a.data[at(offset(left, a_strides))] * b.data[at(offset(right, b_strides))];
    }
    return sum;
}

void softmax(const Softmax& op, const Tensor& x, Tensor& out) {
    Index inner = 1;
    for (std::size_t i = at(op.axis) + 1; i < x.shape.size(); ++i)
        inner *= x.shape[i];
    const Index length = x.shape[at(op.axis)];
    const Index rows = memory::element_count(x.shape) / length;
    for (Index row = 0; row < rows; ++row) {
        const Index first = row / inner * inner * length + row % inner;
        float highest = std::numeric_limits<float>::lowest();
        for (Index i = 0; i < length; ++i)
            highest = std::max(highest, x.data[at(first + i * inner)]);
        float sum = 0;
        for (Index i = 0; i < length; ++i)
            sum += std::exp(x.data[at(first + i * inner)] - highest);
        for (Index i = 0; i < length; ++i)
            out.data[at(first + i * inner)] =
                std::exp(x.data[at(first + i * inner)] - highest) / sum;
    }
}

float reduce_start(Reduce::Kind kind) {
    switch (kind) {
        case Reduce::Kind::kMax:
            return std::numeric_limits<float>::lowest();
        case Reduce::Kind::kMin:
            return std::numeric_limits<float>::max();
        case Reduce::Kind::kProduct:
            return 1;
        default:
            return 0;
    }
}

float reduce_step(Reduce::Kind kind, float sum, float x) {
    switch (kind) {
        case Reduce::Kind::kMax:
            return std::max(sum, x);
        case Reduce::Kind::kMin:
            return std::min(sum, x);
        case Reduce::Kind::kProduct:
            return sum * x;
        case Reduce::Kind::kL1:
            return sum + std::fabs(x);
        case Reduce::Kind::kL2:
            return sum + x * x;
        default:
            return sum + x;
    }
}

void reduce(const Reduce& op, const Tensor& x, Tensor& out) {
    std::fill(out.data.begin(), out.data.end(), reduce_start(op.kind));
    const auto strides = strides_of(out.shape, out.shape.size());
    std::size_t next = 0;
    for_each_place(x.shape, [&](const std::vector<Index>& place) {
        float& sum = out.data[at(offset(place, strides))];  // strides of 1-extents are 0
        sum = reduce_step(op.kind, sum, x.data[next++]);
    });
    const std::size_t count = x.data.size() / out.data.size();
    for (float& value : out.data) {
        if (op.kind == Reduce::Kind::kMean) value /= static_cast<float>(count);
        if (op.kind == Reduce::Kind::kL2) value = std::sqrt(value);
    }
}

/// The running input spread over the output, then every step.
void run_steps(const Node& node, const std::vector<const Tensor*>& inputs, Tensor& out) {
    std::vector<std::vector<Index>> strides;
    for (const Tensor* input : inputs)
        strides.push_back(strides_of(input->shape, out.shape.size()));
    std::size_t next = 0;
    for_each_place(out.shape, [&](const std::vector<Index>& place) {
        float x = out.data[next];
        if (node.is<Pointwise>()) x = inputs[0]->data[at(offset(place, strides[0]))];
        float saved = 0;
        for (const PointStep& step : node.steps) {
            const auto which = at(step.input);
            const float y =
                step.input < 0 ? step.a : inputs[which]->data[at(offset(place, strides[which]))];
            x = apply_step(step, x, y, saved);
        }
        out.data[next++] = x;
    });
}

void space_to_depth(const Node& node, const std::vector<const Tensor*>& inputs, Tensor& out) {
    Node before{node.name, Pointwise{}, node.inputs, -1, node.steps};
    Tensor x{inputs[0]->shape, Numbers(inputs[0]->data.size())};
    run_steps(before, inputs, x);
    const auto strides = strides_of(out.shape, 4);
    std::size_t next = 0;
    for_each_place(x.shape, [&](const std::vector<Index>& place) {
        const Index corner = place[2] % 2 * 2 + place[3] % 2;
        out.data[at(offset({place[0], corner * x.shape[1] + place[1], place[2] / 2, place[3] / 2},
                           strides))] = x.data[next++];
    });
}

void rearrange(const std::vector<Index>& strides, Index first, const Tensor& x, Tensor& out) {
    std::size_t next = 0;
    for_each_place(out.shape, [&](const std::vector<Index>& place) {
        out.data[next++] = x.data[at(first + offset(place, strides))];
    });
}

void run_windowed(const Node& node, const std::vector<const Tensor*>& inputs, Tensor& out) {
    using Place = const std::vector<Index>&;
    const Tensor& x = *inputs[0];
    if (const auto* conv = std::get_if<Conv>(&node.op)) {
        fill(out, [&](Place place) {
            const float sum = conv_at(*conv, x, out.shape, place);
            if (!conv->second) return sum;
            return sum + conv_at(*conv->second, *inputs[1], out.shape, place);
        });
    } else if (const auto* pool = std::get_if<Pool>(&node.op)) {
        fill(out, [&](Place place) { return pool_at(*pool, x, place); });
    } else if (const auto* resize = std::get_if<Resize>(&node.op)) {
        fill(out, [&](Place place) { return resize_at(*resize, x, place); });
    }
}

void run_moving(const Node& node, const Tensor& x, Tensor& out) {
    if (node.is<Reshape>()) {
        out.data = x.data;
    } else if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
        const auto from = dense_strides(x.shape);
        std::vector<Index> strides;
        for (int dimension : transpose->order)
            strides.push_back(from[at(dimension)]);
        rearrange(strides, 0, x, out);
    } else if (const auto* slice = std::get_if<Slice>(&node.op)) {
        auto strides = dense_strides(x.shape);
        const Index first = offset(slice->begin, strides);
        for (std::size_t i = 0; i < strides.size(); ++i)
            strides[i] *= slice->step[i];
        rearrange(strides, first, x, out);
    }
}

void run_node(const Node& node, const std::vector<const Tensor*>& inputs, Tensor& out) {
    const Tensor& x = *inputs[0];
    run_windowed(node, inputs, out);
    run_moving(node, x, out);
    if (const auto* op = std::get_if<Concat>(&node.op)) concat(*op, inputs, out);
    if (const auto* op = std::get_if<MatMul>(&node.op)) {
        fill(out,
             [&](const std::vector<Index>& place) { return matmul_at(*op, x, *inputs[1], place); });
    }
    if (const auto* op = std::get_if<Softmax>(&node.op)) softmax(*op, x, out);
    if (const auto* op = std::get_if<Reduce>(&node.op)) reduce(*op, x, out);
    if (const auto* op = std::get_if<Normalize>(&node.op)) normalize(*op, x, out);
    if (const auto* op = std::get_if<TopK>(&node.op)) top_places(*op, x, out);
    if (const auto* op = std::get_if<Gather>(&node.op)) gather(*op, x, *inputs[1], out);
    if (const auto* op = std::get_if<GridSample>(&node.op)) grid_sample(*op, x, *inputs[1], out);
    if (node.is<SpaceToDepth>()) {
        space_to_depth(node, inputs, out);
    } else if (node.is<Pointwise>() || !node.steps.empty()) {
        run_steps(node, inputs, out);
    }
}

/// Those from kFloor on.
float apply_late_step(const PointStep& step, float x, float y, float& saved) {
    using enum PointOp;
    switch (step.op) {
        case kFloor:
            return std::floor(x);
        case kCeil:
            return std::ceil(x);
        case kRound:
            return std::nearbyint(x);
        case kTruncate:
            return std::trunc(x);
        case kSign:
            return static_cast<float>((x > 0) - (x < 0));
        case kSin:
            return std::sin(x);
        case kCos:
            return std::cos(x);
        case kMod:
            return std::fmod(x, y);
        case kFloorMod:
            return x - y * std::floor(x / y);
        case kEqual:
            return x == y ? 1.0f : 0.0f;
        case kNotEqual:
            return x != y ? 1.0f : 0.0f;
        case kLess:
            return x < y ? 1.0f : 0.0f;
        case kLessEqual:
            return x <= y ? 1.0f : 0.0f;
        case kGreater:
            return x > y ? 1.0f : 0.0f;
        case kGreaterEqual:
            return x >= y ? 1.0f : 0.0f;
        case kSave:
            saved = x;
            return x;
        case kMulSaved:
            return x * saved;
        case kTake:
            return y;
        case kChoose:
            return y != 0 ? x : saved;
        case kRound8:
            return (std::clamp(std::nearbyint(x / step.a) + step.b, -128.0f, 127.0f) - step.b) *
                   step.a;
        default:
            return x;
    }
}

}  // namespace

float apply_step(const PointStep& step, float x, float y, float& saved) {
    using enum PointOp;
    if (step.op >= kFloor) return apply_late_step(step, x, y, saved);
    auto sigmoid = [](float v) { return 1.0f / (1.0f + std::exp(-v)); };
    auto softplus = [](float v) { return v > 20 ? v : std::log1p(std::exp(v)); };
    switch (step.op) {
        case kAdd:
            return x + y;
        case kSub:
            return x - y;
        case kSubFrom:
            return y - x;
        case kMul:
            return x * y;
        case kDiv:
            return x / y;
        case kDivFrom:
            return y / x;
        case kMax:
            return std::max(x, y);
        case kMin:
            return std::min(x, y);
        case kPow:
            return std::pow(x, y);
        case kLeakyRelu:
            return x < 0 ? x * y : x;
        case kRelu:
            return std::max(x, 0.0f);
        case kClamp:
            return std::min(std::max(x, step.a), step.b);
        case kSigmoid:
            return sigmoid(x);
        case kSwish:
            return x * sigmoid(x);
        case kHardSwish:
            return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f;
        case kHardSigmoid:
            return std::clamp(step.a * x + step.b, 0.0f, 1.0f);
        case kTanh:
            return std::tanh(x);
        case kExp:
            return std::exp(x);
        case kLog:
            return std::log(x);
        case kSqrt:
            return std::sqrt(x);
        case kAbs:
            return std::fabs(x);
        case kElu:
            return x < 0 ? step.a * std::expm1(x) : x;
        case kSoftplus:
            return softplus(x);
        case kMish:
            return x * std::tanh(softplus(x));
        case kGelu:
            return 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
        case kErf:
            return std::erf(x);
        default:
            return x;
    }
}

std::vector<Numbers> run_reference(const Graph& graph, const std::vector<Numbers>& inputs) {
    std::vector<Tensor> tensors(graph.values.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        tensors[i].shape = graph.values[i].shape;
        if (graph.values[i].data) tensors[i].data = *graph.values[i].data;
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
        tensors[at(graph.inputs[i])].data = inputs[i];
    for (const Node& node : graph.nodes) {
        std::vector<const Tensor*> from;
        for (ValueId input : node.inputs)
            from.push_back(&tensors[at(input)]);
        Tensor& out = tensors[at(node.output)];
        out.data.assign(at(memory::element_count(out.shape)), 0.0f);
        run_node(node, from, out);
    }
    std::vector<Numbers> outputs;
    for (ValueId output : graph.outputs)
        outputs.push_back(tensors[at(output)].data);
    return outputs;
}

}  // namespace sluice::infer::cuda
