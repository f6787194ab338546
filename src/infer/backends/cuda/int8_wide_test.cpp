#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/int8_conv_testing.h"
#include "sluice/infer/backends/cuda/int8_wide_tile.h"

namespace sluice::infer::cuda {
namespace {

const WideCut& cut_of(const std::string& name) {
    return *std::find_if(std::begin(kWideCuts), std::end(kWideCuts), [&](const WideCut& cut) {
        return name == cut.name;
    });
}

/// A tile's shared memory, chunk by chunk, filled and multiplied as the kernel does: the same
/// functions say where everything lies; wgmma's operands are laid out as the PTX manual has them.
template <int N>
class Emulated {
public:
    using Lanes = WideLanes<N>;

    Emulated(const WideWork& work, int first_channel, int tile) : work_(work) {
        for (int product = 0; product < work.part_count; ++product) {
            const WidePart& part = work.parts[product];
            sums_[product].assign(static_cast<std::size_t>(work.rows * work.columns), 0);
            for (int chunk = 0; chunk < part.chunks; ++chunk) {
                x_.assign(static_cast<std::size_t>(work.x_bytes), 99);
                weights_.assign(static_cast<std::size_t>(work.columns * kChunk), 99);
                load_x(part, chunk, tile);
                load_weights(part, chunk, first_channel);
                multiply(sums_[product], wide_pieces(part, chunk) / 2);
            }
        }
    }

    /// Of the tile: its row m, its column n of the weights as they lie.
    int sum(int product, int m, int n) const {
        return sums_[product].at(static_cast<std::size_t>(m * work_.columns + n));
    }

private:
    /// As a box of a matrix is copied or, where places do not follow each other, as a warp does.
    void load_x(const WidePart& part, int chunk, int tile) {
        for (int i = 0; i < work_.rows * kChunkPieces; ++i) {
            const int piece = i % kChunkPieces, row = i / kChunkPieces;
            const bool is_piece = piece < wide_pieces(part, chunk);
            if (!is_piece && !part.flat) continue;
            const int place = tile * work_.rows + row;
            std::int8_t* to = &x_.at(static_cast<std::size_t>(wide_piece_at(row, piece)));
            std::memset(to, 0, kPiece);
            if (place >= work_.base.places || !is_piece) continue;
            std::memcpy(
                to,
                part.x + (chunk * kChunkPieces + piece) * kPiece + wide_x_from(work_, part, place),
                kPiece);
        }
    }

    void load_weights(const WidePart& part, int chunk, int first_channel) {
        for (int i = 0; i < kChunkPieces * work_.columns; ++i) {
            const int piece = i % kChunkPieces, row = i / kChunkPieces;
            if (piece >= wide_pieces(part, chunk)) continue;
            const int channel = first_channel + Lanes::channel_of(row);
            std::int8_t* to = &weights_.at(static_cast<std::size_t>(wide_piece_at(row, piece)));
            std::memset(to, 0, kPiece);
            if (channel < work_.base.conv.out[2])
                std::memcpy(to,
                            part.weights + channel * part.pieces * kPiece +
                                (chunk * kChunkPieces + piece) * kPiece,
                            kPiece);
        }
    }

    /// Rows of 128 bytes, swizzled (PTX manual): bits 4 to 6 of where a byte lies are changed by
    /// bits 7 to 9. A unit begins at a multiple of 1024.
    static int byte_of(const std::vector<std::int8_t>& matrix, int row, int byte) {
        const int at = row * 128 + byte;
        return matrix.at(static_cast<std::size_t>(at ^ (at >> 7 & 7) << 4));
    }

    void multiply(std::vector<int>& sums, int steps) const {
        for (int m = 0; m < work_.rows; ++m) {
            for (int n = 0; n < work_.columns; ++n) {
                int& sum = sums[static_cast<std::size_t>(m * work_.columns + n)];
                for (int i = 0; i < steps * 32; ++i)
                    sum += byte_of(x_, m, i) * byte_of(weights_, n, i);
            }
        }
    }

    const WideWork& work_;
    std::vector<std::int8_t> x_, weights_;
    std::vector<int> sums_[2];
};

/// Every output comes out once, and its sums are right.
template <int N>
void expect_moved_right(const std::string& name, const Problem& problem) {
    using Lanes = WideLanes<N>;
    const WideCut& cut = cut_of(name);
    ASSERT_EQ(cut.channels, N);
    ASSERT_TRUE(wide_fits(cut, problem.conv)) << name;
    const WideWork work = wide_work(cut, problem.conv);
    const Int8Conv& conv = work.base.conv;
    std::vector<int> seen(static_cast<std::size_t>(work.base.places * conv.out[2]));
    int wrong = 0;
    for (int block = 0; block < work.across * work.down; ++block) {
        const int first_channel = block % work.across * work.columns, tile = block / work.across;
        const Emulated<N> emulated(work, first_channel, tile);
        for (int j = 0; j < work.rows * work.columns; ++j) {
            const int c = j % 16, i = j / 16 % 2, time = j / 32 % Lanes::kTimes;
            const int thread = j / 32 / Lanes::kTimes % 128;
            const int group = j / 32 / Lanes::kTimes / 128;
            const int down = group / cut.across, across = group % cut.across;
            const int place = tile * work.rows + down * kUnitRows + Lanes::row_in_unit(thread, i);
            const int channel = first_channel + across * N + thread % 4 * 16 + time * 64 + c;
            if (place >= work.base.places || channel >= conv.out[2]) continue;
            ++seen[static_cast<std::size_t>(place * conv.out[2] + channel)];
            // wgmma's layout of sums: a warp has 16 rows, a lane of it rows g and g + 8, columns
            // 2 * t and 2 * t + 1 of each 8 (g is lane / 4, t is lane % 4).
            const int at = HaloLanes<N>::sum_at(time, i, c);
            const int m = down * kUnitRows + thread / 32 * 16 + thread % 32 / 4 + at % 4 / 2 * 8;
            const int n = across * N + at / 4 * 8 + thread % 4 * 2 + at % 2;
            if (emulated.sum(0, m, n) != problem.sum(place, channel)) ++wrong;
            if (conv.has_second() && emulated.sum(1, m, n) != problem.second_sum(place, channel))
                ++wrong;
        }
    }
    EXPECT_EQ(wrong, 0) << name;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()))
        << name;
}

TEST(Int8Wide, MovesOneProduct) {
    expect_moved_right<128>("wide 64x256", Problem(conv_of({7, 13, 64}, 256, 1, 1)));
    expect_moved_right<128>("wide 128x128", Problem(conv_of({9, 9, 128}, 256, 1, 1)));
    expect_moved_right<64>("wide 64x256 thin", Problem(conv_of({7, 9, 160}, 512, 1, 1)));
    Int8Conv conv = conv_of({9, 10, 96}, 208, 1, 1);
    conv.x_pitch = 112;
    expect_moved_right<64>("wide 64x256 thin", Problem(conv));
    expect_moved_right<128>("wide 128x128", Problem(conv));
}

TEST(Int8Wide, MovesFewChannels) {
    Int8Conv conv = conv_of({20, 17, 64}, 64, 1, 1);
    conv.x_pitch = 128;
    expect_moved_right<64>("wide 256x64", Problem(conv));
    expect_moved_right<64>("wide 128x64", Problem(conv));
}

TEST(Int8Wide, MovesTwoProducts) {
    Int8Conv conv = conv_of({9, 11, 64}, 256, 1, 1);
    add_second(conv, 96, 2);
    expect_moved_right<128>("wide 64x256", Problem(conv));
    add_second(conv, 64, 1);
    expect_moved_right<128>("wide 64x128", Problem(conv));
    conv = conv_of({7, 6, 256}, 128, 1, 2);
    add_second(conv, 32, 3);
    expect_moved_right<128>("wide 128x128", Problem(conv));
}

TEST(Int8Wide, PutsEightRowsIntoAllBanks) {
    for (int first : {0, 8, 56}) {
        for (int piece = 0; piece < kChunkPieces; ++piece) {
            std::set<int> banks, pieces;
            for (int i = 0; i < 8; ++i) {
                banks.insert(wide_piece_at(first + i, piece) / kPiece % 8);
                pieces.insert(wide_piece_at(first + i, i));
            }
            EXPECT_EQ(banks.size(), 8u);
            EXPECT_EQ(pieces.size(), 8u);
        }
    }
}

TEST(Int8Wide, BeginsMatricesAtWholeLines) {
    for (const WideCut& cut : kWideCuts) {
        const WideWork work = wide_work(cut, conv_of({56, 56, 96}, 256, 1, 1));
        EXPECT_EQ(wide_weights_at(work) % 1024, 0) << cut.name;
        EXPECT_EQ(wide_stages_at(work) % 1024, 0) << cut.name;
        EXPECT_EQ(work.stage_bytes % 1024, 0) << cut.name;
        EXPECT_GE(wide_weights_at(work), kWideBarrierBytes + 12 * work.columns) << cut.name;
        EXPECT_LE(work.rows * kChunk, work.stage_bytes) << cut.name;
    }
}

TEST(Int8Wide, ReadsNumbersOfFourLanesSideBySide) {
    std::set<int> all;
    for (int channel = 0; channel < 256; ++channel)
        all.insert(WideLanes<128>::number_at(channel));
    EXPECT_EQ(all.size(), 256u);
    EXPECT_EQ(*all.rbegin(), 255);
    for (int time : {0, 1}) {
        for (int lane = 0; lane < 4; ++lane) {
            for (int c = 0; c < 16; ++c)
                EXPECT_EQ(WideLanes<128>::number_at(time * 64 + lane * 16 + c),
                          time * 64 + c / 4 * 16 + lane * 4 + c % 4);
        }
    }
}

/// A block's warps on their way from chunk to chunk, as WideBlock has them go, in an order that
/// looks random: one warp after the other goes some steps, if it can.
class Crew {
public:
    Crew(const WideWork& work, int groups, int chunks)
        : chunks_(chunks),
          stages_(work.stages),
          copiers_(work.copiers),
          filled_(static_cast<std::size_t>(stages_), kNone),
          full_(static_cast<std::size_t>(stages_), Phases(1)),
          empty_(static_cast<std::size_t>(stages_), Phases(groups * 4)) {
        for (int i = 0; i < copiers_; ++i)
            warps_.push_back({i, kNone, true});
        for (int i = 0; i < groups * 4; ++i)
            warps_.push_back({0, kNone, false});
    }

    /// Whether all come to the end, and each stage holds its chunk from when it is full until the
    /// last has read it.
    bool arrives(Random& random) {
        const int last = static_cast<int>(warps_.size()) - 1;
        for (int idle = 0; is_right_ && idle < 1000;) {
            Warp& warp = warps_[static_cast<std::size_t>(random.next(0, last))];
            ++idle;
            for (int steps = random.next(1, 12); steps > 0 && step(warp); --steps)
                idle = 0;
        }
        return is_right_ && std::all_of(warps_.begin(), warps_.end(), [&](const Warp& warp) {
                   return warp.chunk >= chunks_ && warp.before == kNone;
               });
    }

private:
    static constexpr int kNone = -1;
    /// `before`: the chunk that is copied or read in the background.
    struct Warp {
        int chunk, before;
        bool copies;
    };

    std::size_t stage(int chunk) const { return static_cast<std::size_t>(chunk % stages_); }

    void end_with(Warp& warp) {
        const auto at = stage(warp.before);
        if (warp.copies) {
            filled_[at] = warp.before;
            full_[at].arrive();
        } else {
            if (filled_[at] != warp.before) is_right_ = false;
            empty_[at].arrive();
        }
        warp.before = kNone;
    }

    /// Begins with a chunk, and then ends with the one before; false where it has to wait or is
    /// done.
    bool step(Warp& warp) {
        if (warp.chunk >= chunks_) {
            if (warp.before == kNone) return false;
            end_with(warp);
            return true;
        }
        const auto at = stage(warp.chunk);
        const int round = warp.chunk / stages_;
        if (warp.copies) {
            if (round > 0 && !empty_[at].seems_ended(round - 1)) return false;
            filled_[at] = kNone;
        } else {
            if (!full_[at].seems_ended(round)) return false;
            if (filled_[at] != warp.chunk) is_right_ = false;
        }
        if (warp.before != kNone) end_with(warp);
        warp.before = warp.chunk;
        warp.chunk += warp.copies ? copiers_ : 1;
        return true;
    }

    int chunks_, stages_, copiers_;
    std::vector<int> filled_;  ///< with which chunk
    std::vector<Phases> full_, empty_;
    std::vector<Warp> warps_;
    bool is_right_ = true;
};

/// In several orders, of many chunks.
bool arrives(const WideCut& cut, const WideWork& work) {
    Random random(11);
    for (int i = 0; i < 8; ++i) {
        if (!Crew(work, wide_groups(cut), 40).arrives(random)) return false;
    }
    return true;
}

struct Layer {
    int size, inputs, outputs;
    int second = 0, stride = 1;  ///< channels of the second tensor
};
// Of ResNet-50 and YOLOX.
constexpr Layer kLayers[] = {
    {56, 64, 256},
    {56, 64, 256, 64},
    {28, 128, 512},
    {28, 128, 512, 256, 2},
    {14, 256, 1024},
    {14, 256, 1024, 512, 2},
    {7, 512, 2048},
    {7, 512, 2048, 1024, 2},
    {56, 256, 128},
    {28, 512, 128},
    {14, 1024, 256},
    {7, 2048, 512},
    {80, 128, 128},
    {20, 512, 256},
    {40, 384, 384},
    {40, 96, 192},
};

/// By all cuts that fit; how many those are.
int expect_arrives(const Int8Conv& conv) {
    int fit = 0;
    for (const WideCut& cut : kWideCuts) {
        if (!wide_fits(cut, conv)) continue;
        ++fit;
        const WideWork work = wide_work(cut, conv);
        EXPECT_GE(work.copiers, 1);
        EXPECT_LE(wide_shared_bytes(work), 227 * 1024);
        EXPECT_TRUE(arrives(cut, work)) << cut.name << ", " << conv.in[2] << " to " << conv.out[2];
    }
    return fit;
}

TEST(Int8Wide, GoesFromChunkToChunk) {
    int fit = 0;
    for (const Layer& layer : kLayers) {
        for (const int batch : {1, 8, 32}) {
            Int8Conv conv = conv_of({layer.size, layer.size, layer.inputs}, layer.outputs, 1, 1);
            conv.batch = batch;
            if (layer.second > 0) add_second(conv, layer.second, layer.stride);
            fit += expect_arrives(conv);
            conv.join = Int8Conv::Join::kBeforeAct;
            fit += expect_arrives(conv);
        }
    }
    EXPECT_GT(fit, 250);
}

TEST(Int8Wide, WouldNotArriveWithMoreCopiers) {
    const WideCut& cut = cut_of("wide 64x256");
    WideWork work = wide_work(cut, conv_of({14, 14, 256}, 1024, 1, 1));
    work.stages = 5;
    work.copiers = 3;
    EXPECT_TRUE(arrives(cut, work));
    work.copiers = 4;
    EXPECT_FALSE(arrives(cut, work));
}

bool fits(const char* name, const Int8Conv& conv) {
    return wide_fits(cut_of(name), conv);
}

TEST(Int8Wide, FitsItsNetworks) {
    for (const Layer& layer : kLayers) {
        Int8Conv conv = conv_of({layer.size, layer.size, layer.inputs}, layer.outputs, 1, 1);
        conv.join = Int8Conv::Join::kBeforeAct;
        EXPECT_TRUE(fits(layer.outputs > 64 ? "wide 128x128" : "wide 128x64", conv))
            << layer.inputs;
        conv.join = Int8Conv::Join::kNone;
        if (layer.second > 0) add_second(conv, layer.second, layer.stride);
        EXPECT_TRUE(fits(layer.outputs > 64 ? "wide 64x128" : "wide 256x64", conv)) << layer.inputs;
    }
    EXPECT_TRUE(wide_work(cut_of("wide 64x256"), conv_of({56, 56, 64}, 256, 1, 1)).kept);
    EXPECT_FALSE(wide_work(cut_of("wide 64x256"), conv_of({7, 7, 2048}, 512, 1, 1)).kept);
}

TEST(Int8Wide, RefusesWhatItCannotDo) {
    const Int8Conv good = conv_of({14, 14, 64}, 256, 1, 1);
    EXPECT_TRUE(fits("wide 64x256", good));
    EXPECT_FALSE(fits("wide 64x256", conv_of({14, 14, 64}, 256, 3, 1)));
    EXPECT_FALSE(fits("wide 64x256", conv_of({14, 14, 48}, 256, 1, 1)));
    EXPECT_FALSE(fits("wide 64x256", conv_of({14, 14, 64}, 128, 1, 1)));  // half for nothing
    const auto fits_with_second = [&](auto change) {
        Int8Conv conv = good;
        add_second(conv, 64, 2);
        change(conv.second);
        return fits("wide 64x256", conv);
    };
    using Second = Int8Conv::Second;
    EXPECT_TRUE(fits_with_second([](Second&) {}));
    EXPECT_FALSE(fits_with_second([](Second& second) { second.in[2] = 72; }));
    EXPECT_FALSE(fits_with_second([](Second& second) { second.x_pitch = 48; }));
    EXPECT_FALSE(fits_with_second([](Second& second) { --second.in[0]; }));
    EXPECT_FALSE(fits_with_second([](Second& second) { second.stride[1] = 0; }));
    EXPECT_FALSE(fits_with_second([](Second& second) {
        second.weights = reinterpret_cast<const std::int8_t*>(std::uintptr_t{8});
    }));
    Int8Conv conv = conv_of({14, 14, 64}, 64, 1, 1);
    EXPECT_TRUE(fits("wide 128x64", conv));
    add_second(conv, 64, 1);
    EXPECT_FALSE(fits("wide 128x64", conv));
}

/// As the kernel ends by a short way, in exact numbers.
double finished(const Problem& problem, int place, int channel) {
    const WideWork work = wide_work(cut_of("wide 64x128"), problem.conv);
    EXPECT_NE(work.end, WideEnd::kAny);
    const auto k = static_cast<std::size_t>(channel);
    double part = problem.sum(place, channel) * static_cast<double>(problem.scale[k] * work.gain) +
                  (problem.bias[k] + work.shift) * work.gain + work.begin;
    if (work.end == WideEnd::kSwish)
        part = (part + part * std::tanh(part)) * work.inverse + work.zero;
    if (work.operand_boxes > 0) {
        const int at = place * work.base.conv.operand_pitch + channel;
        part += problem.operand[static_cast<std::size_t>(at)] * static_cast<double>(work.joined);
    }
    return std::clamp(part, 0.0, 1.0) * work.range + work.low - 8388608 - 256;
}

TEST(Int8Wide, FoldsStepsAndZeroPoints) {
    using Act = Int8Conv::Act;
    using Join = Int8Conv::Join;
    for (const auto& [act, join] : {std::pair{Act::kNone, Join::kNone},
                                    {Act::kNone, Join::kBeforeAct},
                                    {Act::kRelu, Join::kNone},
                                    {Act::kRelu, Join::kBeforeAct},
                                    {Act::kSwish, Join::kNone},
                                    {Act::kSwish, Join::kAfterAct}}) {
        for (const float zero : {0.0f, -128.0f, 30.0f}) {
            Int8Conv conv = conv_of({3, 3, 32}, 128, 1, 1);
            conv.act = act;
            conv.join = join;
            conv.operand_step = 0.02f;
            conv.operand_zero = 12;
            conv.step = 0.05f;
            conv.zero = zero;
            const Problem problem(conv);
            for (int channel = 0; channel < 128; ++channel)
                EXPECT_NEAR(finished(problem, 4, channel),
                            std::clamp(problem.number(4, channel), -128.0, 127.0),
                            1e-3)
                    << static_cast<int>(act) << ' ' << static_cast<int>(join) << ' ' << zero;
        }
    }
}

}  // namespace
}  // namespace sluice::infer::cuda
