#include <cmath>
#include <cstdint>

#include "sluice/infer/backends/cuda/int8_conv_tile.h"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"
#include "sluice/infer/backends/cuda/int8_wide_tile.h"

namespace sluice::infer::cuda {
namespace {

constexpr Int8ConvConfig kConfigs[] = {
    {"64x32", 0, false},
    {"128x32", 1, false},
    {"64x64", 2, false},
    {"128x64", 3, false},
    {"256x64", 4, false},
    {"64x128", 5, false},
    {"128x128", 6, false},
    {"128x128 deep", 7, false},
    {"256x128", 8, false},
    {"64x64 deep", 9, false},
    {"128x64 deep", 10, false},
    {"128x32 kept", 1, true},
    {"128x64 kept", 3, true},
    {"256x64 kept", 4, true},
    {"64x128 kept", 5, true},
};
static_assert(sizeof(kConfigs) / sizeof(kConfigs[0]) == kTileConfigs);
static_assert(kTileConfigs + kHaloCutCount == kFirstWideConfig);
static_assert(kFirstWideConfig + kWideCutCount == kInt8ConvConfigs);

/// What a block may have on every device of compute capability 8.0 or later.
constexpr int kMostShared = 99 * 1024;
/// So that two blocks find room on a multiprocessor: one loads and stores while one multiplies.
constexpr int kMostKept = 72 * 1024;

int parts(int whole, int part) {
    return (whole + part - 1) / part;
}

bool aligned(const void* pointer, int to) {
    return reinterpret_cast<std::uintptr_t>(pointer) % static_cast<std::uintptr_t>(to) == 0;
}

int bytes_of(Int8Conv::Number number) {
    return number == Int8Conv::Number::kS8 ? 1 : 2;
}

bool is_valid(const Int8Conv& conv) {
    if (conv.batch < 1) return false;
    for (int i = 0; i < 2; ++i) {
        if (conv.kernel[i] < 1 || conv.stride[i] < 1 || conv.dilation[i] < 1 ||
            conv.pad_begin[i] < 0)
            return false;
    }
    for (int i = 0; i < 3; ++i) {
        if (conv.in[i] < 1 || conv.out[i] < 1) return false;
    }
    return conv.in[2] % kPiece == 0 && conv.out[2] % 8 == 0 && conv.x_pitch >= conv.in[2] &&
           conv.x_pitch % kPiece == 0 && conv.y_pitch >= conv.out[2] && conv.y_pitch % 8 == 0 &&
           (conv.join == Int8Conv::Join::kNone ||
            (conv.operand_pitch >= conv.out[2] && conv.operand_pitch % 8 == 0));
}

/// That all numbers fit where they are kept: 31 bits; rows and columns those of kNowhere.
bool is_small(const Int8Conv& conv) {
    const double most = 2147483647.0;
    const double x = 1.0 * conv.batch * conv.in[0] * conv.in[1] * conv.x_pitch;
    const double places = 1.0 * conv.batch * conv.out[0] * conv.out[1];
    const double weights = 1.0 * conv.kernel[0] * conv.kernel[1] * conv.in[2] * conv.out[2];
    const double reach = 1.0 * conv.in[1] * conv.x_pitch *
                         (conv.pad_begin[0] + 1.0 * conv.kernel[0] * conv.dilation[0] + 256);
    for (int i = 0; i < 2; ++i) {
        if (1.0 * conv.out[i] * conv.stride[i] + 1.0 * conv.kernel[i] * conv.dilation[i] >=
            -1.0 * kNowhere)
            return false;
    }
    return x + reach < most && places + 256 < most && weights < most;
}

bool is_aligned(const Int8Conv& conv) {
    return aligned(conv.x, kPiece) && aligned(conv.weights, kPiece) &&
           aligned(conv.y, 8 * bytes_of(conv.type)) &&
           aligned(conv.operand, 8 * bytes_of(conv.operand_type));
}

}  // namespace

const Int8ConvConfig& int8_conv_config(int config) {
    return kConfigs[config];
}

const char* int8_conv_name(int config) {
    if (config < 0 || config >= kInt8ConvConfigs) return nullptr;
    if (config >= kFirstWideConfig) return kWideCuts[config - kFirstWideConfig].name;
    return config < kTileConfigs ? kConfigs[config].name : kHaloCuts[config - kTileConfigs].name;
}

bool int8_conv_is_for_hopper(int config) {
    return config >= kTileConfigs;
}

bool int8_conv_is_sound(const Int8Conv& conv) {
    return is_valid(conv) && is_small(conv) && is_aligned(conv);
}

Int8ConvWork int8_conv_work(int config, const Int8Conv& conv) {
    const Cut& cut = kCuts[kConfigs[config].cut];
    Int8ConvWork work;
    work.conv = conv;
    work.places = conv.batch * conv.out[0] * conv.out[1];
    work.depth = conv.kernel[0] * conv.kernel[1] * conv.in[2];
    work.chunks = parts(work.depth, cut.chunk);
    work.across = parts(conv.out[2], cut.columns);
    work.down = parts(work.places, cut.rows);
    work.flat = conv.kernel[0] == 1 && conv.kernel[1] == 1 && conv.stride[0] == 1 &&
                conv.stride[1] == 1 && conv.pad_begin[0] == 0 && conv.pad_begin[1] == 0 &&
                conv.in[0] == conv.out[0] && conv.in[1] == conv.out[1];
    work.kept = kConfigs[config].kept;
    const bool sixteen = conv.out[2] % 16 == 0;
    work.wide_y = sixteen && conv.y_pitch % 16 == 0 && aligned(conv.y, 16);
    work.wide_operand = sixteen && conv.operand_pitch % 16 == 0 && aligned(conv.operand, 16);
    work.columns = Divisor::of(conv.out[1]);
    work.pixels = Divisor::of(conv.out[0] * conv.out[1]);

    // The swish of 8-bit numbers takes halves.
    if (conv.act == Int8Conv::Act::kSwish && conv.type == Int8Conv::Number::kS8) work.gain = 0.5f;
    work.floor = conv.act == Int8Conv::Act::kRelu ? 0.0f : -INFINITY;
    if (conv.type == Int8Conv::Number::kS8) {
        work.inverse = 1 / (conv.step * 255);
        work.zero = (conv.zero + 128) / 255;
    }
    if (conv.join == Int8Conv::Join::kBeforeAct) {
        work.before = conv.operand_step * work.gain;
        work.shift = -conv.operand_zero * conv.operand_step;
    }
    if (conv.join == Int8Conv::Join::kAfterAct) {
        work.after = conv.operand_step * work.inverse;
        work.zero -= conv.operand_zero * work.after;
    }
    return work;
}

int int8_conv_shared_bytes(const Cut& cut, const Int8ConvWork& work) {
    const int numbers = 2 * cut.columns * static_cast<int>(sizeof(float));
    const int x = cut.stages * cut.rows * cut.chunk;
    const int weights = (work.kept ? work.chunks : cut.stages) * cut.columns * cut.chunk;
    return numbers + x + weights;
}

bool int8_conv_fits(int config, const Int8Conv& conv) {
    if (int8_conv_name(config) == nullptr) return false;
    if (config >= kFirstWideConfig) return wide_fits(kWideCuts[config - kFirstWideConfig], conv);
    if (conv.has_second()) return false;
    if (config >= kTileConfigs) return halo_fits(kHaloCuts[config - kTileConfigs], conv);
    if (!int8_conv_is_sound(conv)) return false;
    const Cut& cut = kCuts[kConfigs[config].cut];
    if (cut.columns > 32 && cut.columns >= 2 * conv.out[2]) return false;
    const Int8ConvWork work = int8_conv_work(config, conv);
    if (work.kept && work.chunks * cut.columns * cut.chunk > kMostKept) return false;
    return int8_conv_shared_bytes(cut, work) <= kMostShared;
}

}  // namespace sluice::infer::cuda
