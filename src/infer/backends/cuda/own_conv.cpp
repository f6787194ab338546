#include "sluice/infer/backends/cuda/own_conv.h"

#include <algorithm>

#include "sluice/infer/backends/cuda/int8_conv_tile.h"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"
#include "sluice/infer/backends/cuda/int8_wide_tile.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

/// Do places follow each other, whole rows and images too?
bool is_regular(const Four& extents, const Four& strides) {
    return strides[2] == strides[3] * extents[3] && strides[0] == strides[2] * extents[2];
}

void copy_extents(const Four& from, int (&to)[3]) {
    to[0] = static_cast<int>(from[2]);
    to[1] = static_cast<int>(from[3]);
    to[2] = static_cast<int>(from[1]);
}

Int8Conv::Number number_of(ElementType type) {
    return type == ElementType::kI8 ? Int8Conv::Number::kS8 : Int8Conv::Number::kF16;
}

/// One activation at the most, and one sum before or after it.
bool take_steps(const ConvProblem& problem, Int8Conv& conv) {
    for (const PointStep& step : problem.steps) {
        if (step.input >= 0) {
            if (step.op != PointOp::kAdd || conv.join != Int8Conv::Join::kNone) return false;
            conv.join = conv.act == Int8Conv::Act::kNone ? Int8Conv::Join::kBeforeAct
                                                         : Int8Conv::Join::kAfterAct;
        } else if (conv.act != Int8Conv::Act::kNone) {
            return false;
        } else if (step.op == PointOp::kRelu) {
            conv.act = Int8Conv::Act::kRelu;
        } else if (step.op == PointOp::kSwish) {
            conv.act = Int8Conv::Act::kSwish;
        } else {
            return false;
        }
    }
    if (conv.join == Int8Conv::Join::kNone) return true;
    if (!is_regular(problem.y, problem.operand_strides[0])) return false;
    conv.operand_pitch = static_cast<int>(problem.operand_strides[0][3]);
    conv.operand_type = number_of(problem.operand_types[0]);
    return true;
}

/// Which way should be fastest: rectangles for windows; for those of one place "wide" tiles, tall
/// where much is summed over; a tile as wide as the output, and not so tall that few
/// multiprocessors have one; weights that stay where they are, if they fit; short chunks. Less is
/// better.
int rank_of(const Int8Conv& conv, int config) {
    constexpr int kMultiprocessors = 132;
    if (config >= kFirstWideConfig) {
        const WideCut& cut = kWideCuts[config - kFirstWideConfig];
        return -512 + (conv.in[2] > 512 ? -cut.down : cut.down) * 16 + config - kFirstWideConfig;
    }
    if (int8_conv_is_for_hopper(config)) {
        const HaloCut& cut = kHaloCuts[config - kTileConfigs];
        const bool is_window = conv.kernel[0] > 1 || conv.kernel[1] > 1;
        return (is_window ? -256 : 256) - cut.channels + cut.rows * cut.columns / 128;
    }
    const int channels = conv.out[2];
    const int places = conv.batch * conv.out[0] * conv.out[1];
    const int across = (channels + 127) / 128;
    const bool few = places / 128 * across < 2 * kMultiprocessors;
    const Int8ConvConfig& way = int8_conv_config(config);
    const Cut& cut = kCuts[way.cut];
    int rank = 0;
    if (cut.columns != (channels <= 32 ? 32 : channels <= 64 ? 64 : 128)) rank += 8;
    if (cut.rows != (few ? 64 : 128)) rank += 4;
    if (!way.kept) rank += 2;
    if (cut.chunk > 64) rank += 1;
    return rank;
}

/// The problem in the kernel's words; nothing where it is none for the kernel.
std::optional<Int8Conv> own_conv_of(const ConvProblem& problem) {
    if (!problem.is_int8() || problem.w[1] != problem.x[1] || problem.y_type == ElementType::kF32 ||
        !is_regular(problem.x, problem.x_strides) || !is_regular(problem.y, problem.y_strides))
        return {};
    Int8Conv conv;
    conv.batch = static_cast<int>(problem.x[0]);
    copy_extents(problem.x, conv.in);
    copy_extents(problem.y, conv.out);
    for (std::size_t i = 0; i < 2; ++i) {
        conv.kernel[i] = problem.window.kernel[i];
        conv.stride[i] = problem.window.stride[i];
        conv.dilation[i] = problem.window.dilation[i];
        conv.pad_begin[i] = problem.window.pad_begin[i];
    }
    conv.x_pitch = static_cast<int>(problem.x_strides[3]);
    conv.y_pitch = static_cast<int>(problem.y_strides[3]);
    conv.type = number_of(problem.y_type);
    if (!take_steps(problem, conv)) return {};
    if (problem.has_second()) {
        const ConvProblem::Second& second = problem.second;
        if (!is_regular(second.x, second.x_strides)) return {};
        copy_extents(second.x, conv.second.in);
        std::copy(second.stride.begin(), second.stride.end(), conv.second.stride);
        conv.second.x_pitch = static_cast<int>(second.x_strides[3]);
    }
    return conv;
}

}  // namespace

bool is_hopper() {
    int device = 0, major = 0, minor = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    return major == 9 && minor == 0;
}

std::string OwnConv::name() const {
    return std::string(kOwnPlan) + int8_conv_name(config);
}

Result<void> OwnConv::run(const ConvPointers& pointers, cudaStream_t stream) const {
    Int8Conv args = conv;
    args.x = static_cast<const std::int8_t*>(pointers.x);
    args.weights = static_cast<const std::int8_t*>(pointers.weights);
    args.scale = pointers.scale;
    args.bias = pointers.bias;
    args.second.x = static_cast<const std::int8_t*>(pointers.second_x);
    args.second.weights = static_cast<const std::int8_t*>(pointers.second_weights);
    args.second.scale = pointers.second_scale;
    args.y = pointers.y;
    args.step = pointers.y_grid.step;
    args.zero = pointers.y_grid.zero;
    if (!pointers.operands.empty()) {
        args.operand = pointers.operands[0];
        args.operand_step = pointers.operand_grids[0].step;
        args.operand_zero = pointers.operand_grids[0].zero;
    }
    launch_int8_conv(config, args, stream);
    return memory::cuda::check(cudaGetLastError(), "our own convolution");
}

std::vector<OwnConv> own_convs(const ConvProblem& problem, bool hopper) {
    std::vector<OwnConv> found;
    const auto conv = own_conv_of(problem);
    if (!conv) return found;
    for (int config = 0; config < kInt8ConvConfigs; ++config) {
        if (int8_conv_is_for_hopper(config) && !hopper) continue;
        if (int8_conv_fits(config, *conv)) found.push_back({config, *conv});
    }
    std::stable_sort(found.begin(), found.end(), [&](const OwnConv& a, const OwnConv& b) {
        return rank_of(*conv, a.config) < rank_of(*conv, b.config);
    });
    return found;
}

}  // namespace sluice::infer::cuda
