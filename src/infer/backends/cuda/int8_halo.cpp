#include <algorithm>
#include <utility>
#include <vector>

#include "sluice/infer/backends/cuda/int8_halo_tile.h"

namespace sluice::infer::cuda {
namespace {

/// Of a multiprocessor of compute capability 9.0; each block takes kOfBlock beside its own.
constexpr int kShared = 228 * 1024;
constexpr int kOfBlock = 1024;

int parts(int whole, int part) {
    return (whole + part - 1) / part;
}

/// The first number from `least` on that is `rest` modulo 8: of 16 bytes each, 8 are all banks.
int with_rest(int least, int rest) {
    return least + ((rest - least) % 8 + 8) % 8;
}

bool is_one_place(const Int8Conv& conv) {
    return conv.kernel[0] == 1 && conv.kernel[1] == 1 && conv.pad_begin[0] == 0 &&
           conv.pad_begin[1] == 0;
}

void see_x(HaloWork& work) {
    Int8Conv& conv = work.base.conv;
    if (work.base.flat) {  // one image of 8 columns
        conv.batch = 1;
        conv.out[0] = work.base.places / kUnit;
        conv.out[1] = kUnit;
        for (int i = 0; i < 2; ++i)
            conv.in[i] = conv.out[i];
    }
    work.x_place = conv.x_pitch;
    work.x_row = conv.in[1] * conv.x_pitch;
    work.x_image = conv.in[0] * work.x_row;
    for (int i = 0; i < 2; ++i) {
        work.in[i] = conv.in[i];
        work.stride[i] = conv.stride[i];
    }
    if (!is_one_place(conv)) return;
    work.x_place *= conv.stride[1];
    work.x_row *= conv.stride[0];
    for (int i = 0; i < 2; ++i) {
        work.in[i] = conv.out[i];
        work.stride[i] = 1;
    }
}

/// So that 8 threads side by side, that copy all pieces of a place and then those of the next,
/// write to all banks.
void set_pitches(HaloWork& work) {
    const int stride = work.stride[1];
    const int pieces = work.pieces;
    const int places = parts(8, pieces);  // of 8 threads
    int phase = parts(work.x_columns, stride);
    if (stride == 2) phase = with_rest(phase, std::max(1, places / 2));
    const int row = phase * stride;
    work.phase_pitch = phase * kPiece;
    work.row_pitch = row * kPiece;
    work.plane = with_rest(work.x_rows * row, pieces > 4 ? 1 : places % 8) * kPiece;
    work.x_bytes = work.pieces * work.plane;
}

/// The halves in the order of their places in the rectangle, since the distance from one to the
/// next cannot be negative; two and two are a step.
void set_steps(HaloWork& work) {
    const Int8Conv& conv = work.base.conv;
    std::vector<std::pair<int, int>> halves;  // where of x, which of the weights
    for (int i = 0; i < conv.kernel[0] * conv.kernel[1]; ++i) {
        const int row = i / conv.kernel[1] * conv.dilation[0];
        const int column = i % conv.kernel[1] * conv.dilation[1];
        for (int piece = 0; piece < work.pieces; ++piece)
            halves.emplace_back(halo_x_at(work, piece, row, column), i * work.pieces + piece);
    }
    std::sort(halves.begin(), halves.end());
    for (std::size_t i = 0; i < halves.size(); ++i)
        work.half_of[halves[i].second] = static_cast<std::uint8_t>(i);
    if (halves.size() % 2 != 0) halves.push_back(halves.back());
    work.steps = static_cast<int>(halves.size() / 2);
    for (std::size_t i = 0; i < halves.size(); i += 2) {
        const int at = halves[i].first / kPiece;
        const int further = halves[i + 1].first / kPiece - at;
        work.reach[i / 2] = static_cast<unsigned>(at) | static_cast<unsigned>(further) << 16;
    }
}

int bytes_of_weights(const HaloCut& cut, const HaloWork& work) {
    return work.steps * 2 * cut.channels * kPiece;
}

}  // namespace

int halo_shared_bytes(const HaloCut& cut, const HaloWork& work) {
    return work.weights_at + bytes_of_weights(cut, work);
}

HaloWork halo_work(const HaloCut& cut, const Int8Conv& given) {
    HaloWork work{};
    work.base = int8_conv_work(0, given);
    see_x(work);
    const Int8Conv& conv = work.base.conv;
    work.rows = cut.rows;
    work.columns = cut.columns;
    if (work.base.flat) {  // the same number of places
        work.rows = cut.rows * cut.columns / kUnit;
        work.columns = kUnit;
    }
    work.units_across = Divisor::of(work.columns / kUnit);
    work.units = work.rows / kUnit * work.units_across.by;
    const int tiles_across = parts(conv.out[1], work.columns);
    const int tiles_of_image = parts(conv.out[0], work.rows) * tiles_across;
    work.tiles_across = Divisor::of(tiles_across);
    work.tiles_of_image = Divisor::of(tiles_of_image);
    work.tiles = conv.batch * tiles_of_image;
    work.across = parts(conv.out[2], cut.channels);

    const auto reach = [&](int i, int outputs) {
        return (outputs - 1) * work.stride[i] + (conv.kernel[i] - 1) * conv.dilation[i] + 1;
    };
    work.x_rows = reach(0, work.rows);
    work.x_columns = reach(1, work.columns);
    work.pieces = conv.in[2] / kPiece;
    const int at_once = 32 / work.pieces;
    work.rows_at_once = at_once / work.x_columns;
    work.columns_at_once = at_once % work.x_columns;
    set_pitches(work);
    set_steps(work);

    // As many as leave room for the blocks that there should be; two at the least.
    constexpr int kLine = 128;  // of all banks: so are weights read
    const int begin = halo_rectangles_at(cut.channels);
    const int rest = begin + kLine - kPiece + bytes_of_weights(cut, work);
    const int room = kShared / halo_crew(cut.channels).blocks - kOfBlock - rest;
    work.stages = std::clamp(room / work.x_bytes, 2, kMostHaloStages);
    work.copiers = std::min(halo_crew(cut.channels).copiers, work.stages);
    work.weights_at = parts(begin + work.stages * work.x_bytes, kLine) * kLine;
    return work;
}

bool halo_fits(const HaloCut& cut, const Int8Conv& conv) {
    if (!int8_conv_is_sound(conv)) return false;
    // Alignment, as lanes read and write it.
    const int together = cut.channels % 64 == 0 ? 16 : cut.channels % 32 == 0 ? 8 : 4;
    const auto is_aligned = [&](const void* p, Int8Conv::Number number, int pitch) {
        const int bytes = std::min(16, together * (number == Int8Conv::Number::kS8 ? 1 : 2));
        return reinterpret_cast<std::uintptr_t>(p) % static_cast<std::uintptr_t>(bytes) == 0 &&
               pitch % together == 0;
    };
    if (conv.out[2] % cut.channels != 0 || !is_aligned(conv.y, conv.type, conv.y_pitch))
        return false;
    if (conv.join != Int8Conv::Join::kNone &&
        !is_aligned(conv.operand, conv.operand_type, conv.operand_pitch))
        return false;
    if (cut.channels < 64 && conv.out[2] >= 2 * cut.channels) return false;  // a waste
    for (int i = 0; i < 2; ++i) {
        // Most of the rectangle would not be read.
        if (!is_one_place(conv) && conv.kernel[i] < conv.stride[i]) return false;
    }
    const int halves = conv.kernel[0] * conv.kernel[1] * (conv.in[2] / kPiece);
    if (!is_one_place(conv) && (conv.stride[1] > 2 || conv.x_outside != 0)) return false;
    if (conv.in[2] / kPiece > 32 || halves > 2 * kMostSteps) return false;
    const Int8ConvWork base = int8_conv_work(0, conv);
    if (base.flat && base.places % kUnit != 0) return false;
    if (!base.flat && (conv.out[0] <= cut.rows - kUnit || conv.out[1] <= cut.columns - kUnit))
        return false;  // units without an output in every tile
    const HaloWork work = halo_work(cut, conv);
    return halo_shared_bytes(cut, work) <= kShared - kOfBlock;
}

}  // namespace sluice::infer::cuda
