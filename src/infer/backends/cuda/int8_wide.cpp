#include <algorithm>
#include <cmath>

#include "sluice/infer/backends/cuda/int8_wide_tile.h"

namespace sluice::infer::cuda {
namespace {

/// Of a multiprocessor of compute capability 9.0; each block takes kOfBlock beside its own.
constexpr int kShared = 228 * 1024;
constexpr int kOfBlock = 1024;
constexpr int kFewestStages = 3;
/// Rather than fewer, the weights do not stay.
constexpr int kFewestStagesOfKept = 4;

int parts(int whole, int part) {
    return (whole + part - 1) / part;
}

bool aligned(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % kPiece == 0;
}

WidePart part_of(const std::int8_t* x,
                 const std::int8_t* weights,
                 const int (&in)[3],
                 int pitch,
                 const int (&stride)[2],
                 const int (&out)[3]) {
    WidePart part{};
    part.x = x;
    part.weights = weights;
    part.x_place = stride[1] * pitch;
    part.x_row = stride[0] * in[1] * pitch;
    part.x_image = in[0] * in[1] * pitch;
    part.flat = stride[0] == 1 && stride[1] == 1 && in[0] == out[0] && in[1] == out[1];
    part.pieces = in[2] / kPiece;
    part.chunks = parts(part.pieces, kChunkPieces);
    return part;
}

void set_parts(WideWork& work) {
    const Int8Conv& conv = work.base.conv;
    work.parts[0] = part_of(conv.x, conv.weights, conv.in, conv.x_pitch, conv.stride, conv.out);
    work.part_count = 1;
    if (!conv.has_second()) return;
    const Int8Conv::Second& second = conv.second;
    work.parts[1] =
        part_of(second.x, second.weights, second.in, second.x_pitch, second.stride, conv.out);
    work.parts[1].first_chunk = work.parts[0].chunks;
    work.part_count = 2;
}

/// Whether the operand, if there is one, comes where an end wants it, as 16 bytes at once.
bool joins_at(const Int8ConvWork& base, Int8Conv::Join join) {
    const Int8Conv& conv = base.conv;
    return conv.join == Int8Conv::Join::kNone ||
           (conv.join == join && conv.operand_type == Int8Conv::Number::kS8 && base.wide_operand);
}

/// See WideWork::end.
void set_end(WideWork& work) {
    const Int8ConvWork& base = work.base;
    const Int8Conv& conv = base.conv;
    const bool is_swish = conv.act == Int8Conv::Act::kSwish;
    const bool is_relu = conv.act == Int8Conv::Act::kRelu;
    const float low = is_relu ? std::max(conv.zero, -128.0f) : -128.0f;
    work.gain = base.gain;
    work.shift = base.shift;
    work.end = WideEnd::kAny;
    if (conv.type != Int8Conv::Number::kS8 || !base.wide_y) return;
    if (is_swish && work.part_count == 2) return;
    if (!joins_at(base, is_swish ? Int8Conv::Join::kAfterAct : Int8Conv::Join::kBeforeAct)) return;
    if (low >= 127 || low != std::rint(low)) return;
    if (conv.join != Int8Conv::Join::kNone) work.operand_boxes = parts(work.columns, kChunk);
    work.range = 127 - low;
    // From 2^23 on, the lowest byte of a float is that of a whole number.
    work.low = 8388608.0f + 256 + low;
    if (is_swish) {
        work.end = WideEnd::kSwish;
        work.inverse = base.inverse;
        work.zero = base.zero;
        work.joined = base.after;
    } else {
        work.end = WideEnd::kLinear;
        work.gain = 1 / (conv.step * work.range);
        work.begin = (conv.zero - low) / work.range;
        work.joined = conv.operand_step * work.gain;
    }
}

void set_stages(const WideCut& cut, WideWork& work, bool kept) {
    work.kept = kept;
    const int chunks = work.parts[0].chunks + work.parts[1].chunks;
    work.x_bytes = work.rows * kChunk;
    work.weight_bytes = kept ? chunks * work.columns * kChunk : 0;
    work.stage_bytes = work.x_bytes + (kept ? 0 : work.columns * kChunk);
    work.stages = 0;
    const int room = kShared / cut.blocks - kOfBlock - wide_shared_bytes(work);
    work.stages = std::clamp(room / work.stage_bytes, 0, kMostWideStages);
    work.copiers = std::min(cut.copiers, work.stages - 2);
}

/// That numbers are whole, and fit into 31 bits.
bool is_sound_second(const Int8Conv& conv) {
    const Int8Conv::Second& second = conv.second;
    for (int i = 0; i < 2; ++i) {
        if (second.stride[i] < 1 || second.in[i] < 1) return false;
        if (1.0 * (conv.out[i] - 1) * second.stride[i] >= second.in[i]) return false;
    }
    const double most = 2147483647.0;
    const double x = 1.0 * conv.batch * second.in[0] * second.in[1] * second.x_pitch;
    const double weights = 1.0 * second.in[2] * conv.out[2];
    return second.in[2] % kPiece == 0 && second.x_pitch >= second.in[2] &&
           second.x_pitch % kPiece == 0 && x < most && weights < most && aligned(second.x) &&
           aligned(second.weights);
}

/// A window of one place, and all that it reads is there.
bool is_one_place(const Int8Conv& conv) {
    for (int i = 0; i < 2; ++i) {
        if (conv.kernel[i] != 1 || conv.pad_begin[i] != 0) return false;
        if (1.0 * (conv.out[i] - 1) * conv.stride[i] >= conv.in[i]) return false;
    }
    return true;
}

}  // namespace

WideWork wide_work(const WideCut& cut, const Int8Conv& conv) {
    WideWork work{};
    work.base = int8_conv_work(0, conv);
    work.rows = cut.down * kUnitRows;
    work.columns = cut.across * cut.channels;
    set_parts(work);
    set_end(work);
    work.down = parts(work.base.places, work.rows);
    work.across = parts(conv.out[2], work.columns);
    set_stages(cut, work, true);
    if (work.stages < kFewestStagesOfKept) set_stages(cut, work, false);
    return work;
}

bool wide_fits(const WideCut& cut, const Int8Conv& conv) {
    if (!int8_conv_is_sound(conv) || !is_one_place(conv)) return false;
    if (conv.in[2] % (2 * kPiece) != 0) return false;
    if (conv.has_second()) {
        if (!wide_takes_two(cut) || !is_sound_second(conv)) return false;
        if (conv.second.in[2] % (2 * kPiece) != 0) return false;
    }
    const WideWork work = wide_work(cut, conv);
    // More than a third of the tiles would be for nothing; or x would be read again and again.
    if (3 * work.across * work.columns > 4 * conv.out[2]) return false;
    if (work.columns < 128 && work.across > 2) return false;
    return work.stages >= kFewestStages;
}

}  // namespace sluice::infer::cuda
