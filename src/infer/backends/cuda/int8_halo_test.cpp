#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/int8_conv_testing.h"
#include "sluice/infer/backends/cuda/int8_halo_tile.h"

namespace sluice::infer::cuda {
namespace {

const HaloCut& cut_of(const std::string& name) {
    return *std::find_if(std::begin(kHaloCuts), std::end(kHaloCuts), [&](const HaloCut& cut) {
        return name == cut.name;
    });
}

/// A tile's shared memory, filled and multiplied as the kernel does: the same functions say where
/// everything lies; wgmma's operands and sums are laid out as the PTX manual has them.
template <int N>
class Emulated {
public:
    using Lanes = HaloLanes<N>;

    Emulated(const HaloWork& work, int first_channel, int tile)
        : work_(work), conv_(work.base.conv) {
        x_.assign(static_cast<std::size_t>(work.x_bytes), 99);
        weights_.assign(static_cast<std::size_t>(work.steps * 2 * N * kPiece), 99);
        load_x(tile);
        load_weights(first_channel);
    }

    /// Of a unit: column n of its row m.
    int sum(int unit, int m, int n) const {
        const int x =
            halo_unit_at(work_, unit / work_.units_across.by, unit % work_.units_across.by);
        int sum = 0;
        for (int step = 0; step < work_.steps; ++step) {
            const auto reach = work_.reach[step];
            for (int half = 0; half < 2; ++half) {
                const int x_at = x + static_cast<int>(reach & 0xffff) * kPiece +
                                 half * static_cast<int>(reach >> 16) * kPiece +
                                 m / 8 * work_.stride[0] * work_.row_pitch + m % 8 * kPiece;
                const int w_at = step * 2 * N * kPiece + half * N * kPiece +
                                 n / 8 * kUnit * kPiece + n % 8 * kPiece;
                for (int i = 0; i < kPiece; ++i)
                    sum += x_.at(static_cast<std::size_t>(x_at + i)) *
                           weights_.at(static_cast<std::size_t>(w_at + i));
            }
        }
        return sum;
    }

private:
    void load_x(int tile) {
        const HaloCorner corner = halo_corner(work_, tile);
        const HaloOrigin origin = halo_origin(work_, corner.image, corner.row, corner.column);
        for (int lane = 0; lane < 32; ++lane) {
            for (HaloCopy copy = halo_copy(work_, lane); copy.row < work_.x_rows;
                 copy.advance(work_))
                load_piece(origin, copy);
        }
    }

    void load_piece(const HaloOrigin& origin, const HaloCopy& copy) {
        const int row = origin.row + copy.row, column = origin.column + copy.column;
        std::int8_t* to =
            &x_.at(static_cast<std::size_t>(halo_x_at(work_, copy.piece, copy.row, copy.column)));
        if (row >= 0 && column >= 0 && row < work_.in[0] && column < work_.in[1]) {
            const int from = origin.offset + copy.row * work_.x_row + copy.column * work_.x_place +
                             copy.piece * kPiece;
            std::memcpy(to, conv_.x + from, kPiece);
        } else {
            std::memset(to, 0, kPiece);
        }
    }

    void load_weights(int first_channel) {
        const int pieces = work_.base.depth / kPiece;
        for (int i = 0; i < work_.steps * 2 * N; ++i) {
            const auto copy = Lanes::weight_copy(i);
            const bool is_one = copy.piece < pieces;
            const int half = is_one ? work_.half_of[copy.piece] : pieces;
            std::int8_t* to =
                &weights_.at(static_cast<std::size_t>(Lanes::weights_at(half, copy.row)));
            if (is_one) {
                const int channel = first_channel + Lanes::channel_of(copy.row);
                std::memcpy(
                    to, conv_.weights + channel * work_.base.depth + copy.piece * kPiece, kPiece);
            } else {
                std::memset(to, 0, kPiece);
            }
        }
    }

    const HaloWork& work_;
    const Int8Conv& conv_;
    std::vector<std::int8_t> x_, weights_;
};

/// Every output comes out once, and right.
template <int N>
void expect_moved_right(const HaloCut& cut, const Problem& problem) {
    using Lanes = HaloLanes<N>;
    ASSERT_TRUE(halo_fits(cut, problem.conv)) << cut.name;
    const HaloWork work = halo_work(cut, problem.conv);
    const Int8Conv& conv = work.base.conv;
    std::vector<int> seen(static_cast<std::size_t>(work.base.places * conv.out[2]));
    int wrong = 0;
    for (int block = 0; block < work.across * work.tiles; ++block) {
        const int first_channel = block % work.across * N, tile = block / work.across;
        const Emulated<N> emulated(work, first_channel, tile);
        const HaloCorner corner = halo_corner(work, tile);
        for (int j = 0; j < work.units * 128 * N / 2; ++j) {
            const int k = j % (N / 2), thread = j / (N / 2) % 128, unit = j / (N / 2) / 128;
            const int c = k % Lanes::kOfLane, i = k / Lanes::kOfLane % 2;
            const int time = k / Lanes::kOfLane / 2;
            const int row =
                corner.row + unit / work.units_across.by * kUnit + Lanes::row_in_unit(thread, i);
            const int column =
                corner.column + unit % work.units_across.by * kUnit + Lanes::column_in_unit(thread);
            if (row >= conv.out[0] || column >= conv.out[1]) continue;
            const int place = (corner.image * conv.out[0] + row) * conv.out[1] + column;
            const int channel = first_channel + Lanes::channel_in_tile(thread, time) + c;
            ++seen[static_cast<std::size_t>(place * conv.out[2] + channel)];
            // wgmma's layout of sums: a warp has 16 rows, a lane of it rows g and g + 8, columns
            // 2 * t and 2 * t + 1 of each 8 (g is lane / 4, t is lane % 4).
            const int at = Lanes::sum_at(time, i, c);
            const int m = thread / 32 * 16 + thread % 32 / 4 + at % 4 / 2 * 8;
            const int n = at / 4 * 8 + thread % 4 * 2 + at % 2;
            if (emulated.sum(unit, m, n) != problem.sum(place, channel)) ++wrong;
        }
    }
    EXPECT_EQ(wrong, 0) << cut.name;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()))
        << cut.name;
}

TEST(Int8Halo, MovesWindows) {
    const Int8Conv conv = conv_of({17, 23, 32}, 64, 3, 1);
    expect_moved_right<64>(cut_of("halo 16x8x64"), Problem(conv));
    expect_moved_right<64>(cut_of("halo 16x16x64"), Problem(conv));
    expect_moved_right<32>(cut_of("halo 16x16x32"), Problem(conv_of({16, 9, 64}, 32, 3, 1)));
}

TEST(Int8Halo, MovesEverySecondPlace) {
    expect_moved_right<64>(cut_of("halo 16x8x64"), Problem(conv_of({37, 30, 32}, 64, 3, 2)));
    expect_moved_right<96>(cut_of("halo 16x16x96"), Problem(conv_of({31, 33, 48}, 96, 3, 2)));
    expect_moved_right<128>(cut_of("halo 16x8x128"), Problem(conv_of({33, 18, 64}, 128, 3, 2)));
}

TEST(Int8Halo, MovesOddHalvesAndSlices) {
    Int8Conv conv = conv_of({20, 17, 48}, 48, 3, 1);
    conv.x_pitch = 112;
    expect_moved_right<48>(cut_of("halo 16x8x48"), Problem(conv));
    conv = conv_of({18, 19, 16}, 32, 5, 1);
    conv.dilation[1] = 2;
    conv.pad_begin[1] = 4;
    expect_moved_right<32>(cut_of("halo 16x8x32"), Problem(conv));
}

TEST(Int8Halo, MovesPlanes) {
    expect_moved_right<64>(cut_of("halo 16x8x64"), Problem(conv_of({13, 20, 64}, 256, 1, 1)));
    expect_moved_right<128>(cut_of("halo 16x16x128"), Problem(conv_of({12, 14, 256}, 128, 1, 1)));
    expect_moved_right<96>(cut_of("halo 16x8x96"), Problem(conv_of({10, 12, 192}, 96, 1, 1)));
    expect_moved_right<64>(cut_of("halo 16x8x64"), Problem(conv_of({27, 20, 64}, 128, 1, 2)));
}

/// The 8 threads that write at once, everywhere in a rectangle's first row: how many write to
/// the same banks.
int most_in_a_bank(const HaloWork& work) {
    int most = 0;
    for (int first = 0; first + 8 <= work.pieces * work.x_columns; first += 8) {
        int banks[8] = {};
        for (int i = first; i < first + 8; ++i)
            ++banks[halo_x_at(work, i % work.pieces, 0, i / work.pieces) / kPiece % 8];
        most = std::max(most, *std::max_element(banks, banks + 8));
    }
    return most;
}

TEST(Int8Halo, WritesToAllBanks) {
    for (int stride : {1, 2}) {
        for (int channels : {32, 64, 128}) {
            const Int8Conv conv = conv_of({160, 160, channels}, 64, 3, stride);
            for (const char* name : {"halo 16x8x64", "halo 16x16x64"})
                EXPECT_LE(most_in_a_bank(halo_work(cut_of(name), conv)), 1)
                    << name << ' ' << channels << ' ' << stride;
        }
    }
    const Int8Conv flat = conv_of({160, 160, 64}, 64, 1, 1);
    EXPECT_EQ(most_in_a_bank(halo_work(cut_of("halo 16x8x64"), flat)), 1);
}

/// A block's warps on their way from tile to tile, as HaloBlock has them go, in an order that looks
/// random: one warp after the other goes some steps, if it can.
class Crew {
public:
    Crew(const HaloWork& work, int groups, int tiles)
        : tiles_(tiles),
          stages_(work.stages),
          copiers_(work.copiers),
          filled_(static_cast<std::size_t>(stages_), kNone),
          full_(static_cast<std::size_t>(stages_), Phases(1)),
          empty_(static_cast<std::size_t>(stages_), Phases(groups * 4)) {
        for (int i = 0; i < copiers_; ++i)
            warps_.push_back({i, true, false});
        for (int i = 0; i < groups * 4; ++i)
            warps_.push_back({0, false, false});
    }

    /// Whether all come to the end, and each stage holds its tile from when it is full until
    /// the last has read it.
    bool arrives(Random& random) {
        const int last = static_cast<int>(warps_.size()) - 1;
        for (int idle = 0; is_right_ && idle < 1000;) {
            Warp& warp = warps_[static_cast<std::size_t>(random.next(0, last))];
            ++idle;
            for (int steps = random.next(1, 12); steps > 0 && step(warp); --steps)
                idle = 0;
        }
        return is_right_ && std::all_of(warps_.begin(), warps_.end(), [&](const Warp& warp) {
                   return warp.tile >= tiles_;
               });
    }

private:
    static constexpr int kNone = -1;
    struct Warp {
        int tile;
        bool copies, has_begun;
    };

    /// Begins or ends with a tile; false where it has to wait or is done.
    bool step(Warp& warp) {
        if (warp.tile >= tiles_) return false;
        const auto stage = static_cast<std::size_t>(warp.tile % stages_);
        const int round = warp.tile / stages_;
        if (!warp.has_begun) {
            const bool may = !warp.copies ? full_[stage].seems_ended(round)
                                          : round == 0 || empty_[stage].seems_ended(round - 1);
            if (!may) return false;
            if (warp.copies) filled_[stage] = kNone;
        } else if (warp.copies) {
            filled_[stage] = warp.tile;
            full_[stage].arrive();
        } else {
            empty_[stage].arrive();
        }
        if (!warp.copies && filled_[stage] != warp.tile) is_right_ = false;
        if (warp.has_begun) warp.tile += warp.copies ? copiers_ : 1;
        warp.has_begun = !warp.has_begun;
        return true;
    }

    int tiles_, stages_, copiers_;
    std::vector<int> filled_;  ///< with which tile
    std::vector<Phases> full_, empty_;
    std::vector<Warp> warps_;
    bool is_right_ = true;
};

/// In several orders, of many tiles.
bool arrives(const HaloCut& cut, const HaloWork& work) {
    Random random(11);
    for (int i = 0; i < 8; ++i) {
        if (!Crew(work, halo_crew(cut.channels).groups, 30).arrives(random)) return false;
    }
    return true;
}

TEST(Int8Halo, GoesFromTileToTile) {
    struct Layer {
        int size, inputs, outputs, kernel, stride;
    };
    // Of YOLOX-s, YOLOX-m and ResNet-50.
    constexpr Layer kLayers[] = {
        {320, 32, 64, 3, 2},   {160, 64, 64, 1, 1},  {160, 32, 32, 1, 1},  {160, 32, 32, 3, 1},
        {160, 64, 128, 3, 2},  {80, 128, 128, 1, 1}, {80, 64, 64, 3, 1},   {80, 128, 256, 3, 2},
        {80, 256, 128, 1, 1},  {80, 128, 256, 3, 1}, {80, 128, 128, 3, 1}, {80, 128, 128, 3, 2},
        {40, 256, 256, 1, 1},  {40, 128, 128, 1, 1}, {40, 128, 128, 3, 1}, {40, 512, 256, 1, 1},
        {40, 256, 128, 1, 1},  {40, 128, 256, 3, 1}, {20, 512, 256, 1, 1}, {20, 256, 256, 1, 1},
        {20, 512, 128, 1, 1},  {20, 128, 128, 3, 1}, {320, 48, 96, 3, 2},  {160, 96, 96, 1, 1},
        {160, 48, 48, 3, 1},   {160, 96, 192, 3, 2}, {80, 192, 192, 1, 1}, {80, 96, 96, 3, 1},
        {80, 192, 192, 3, 1},  {40, 192, 192, 3, 1}, {40, 384, 384, 1, 1}, {56, 64, 256, 1, 1},
        {56, 64, 64, 3, 1},    {56, 256, 64, 1, 1},  {56, 256, 128, 1, 1}, {56, 128, 128, 3, 2},
        {56, 256, 512, 1, 2},  {28, 128, 512, 1, 1}, {28, 512, 256, 1, 1}, {28, 512, 1024, 1, 2},
        {14, 256, 1024, 1, 1},
    };
    for (const Layer& layer : kLayers) {
        Int8Conv conv = conv_of(
            {layer.size, layer.size, layer.inputs}, layer.outputs, layer.kernel, layer.stride);
        conv.batch = 32;
        for (const HaloCut& cut : kHaloCuts) {
            if (!halo_fits(cut, conv)) continue;
            EXPECT_TRUE(arrives(cut, halo_work(cut, conv)))
                << cut.name << ", " << layer.inputs << " to " << layer.outputs << " on "
                << layer.size << 'x' << layer.size;
        }
    }
}

TEST(Int8Halo, WouldNotArriveWithMoreCopiersThanStages) {
    const HaloCut& cut = cut_of("halo 16x16x64");
    HaloWork work = halo_work(cut, conv_of({40, 40, 128}, 256, 3, 1));
    ASSERT_LE(work.copiers, work.stages);
    work.copiers = work.stages;
    EXPECT_TRUE(arrives(cut, work));
    ++work.copiers;
    EXPECT_FALSE(arrives(cut, work));
}

TEST(Int8Halo, ReadsWhatMemcheckTakesForOnePiece) {
    for (int kernel : {1, 3}) {
        for (int channels : {16, 48, 64}) {
            for (const HaloCut& cut : kHaloCuts) {
                const HaloWork work =
                    halo_work(cut, conv_of({160, 160, channels}, cut.channels, kernel, 1));
                const int last = work.units - 1, across = work.units_across.by;
                const int at = halo_rectangles_at(cut.channels) + (work.stages - 1) * work.x_bytes +
                               halo_unit_at(work, last / across, last % across) +
                               static_cast<int>(work.reach[work.steps - 1] & 0xffff) * kPiece;
                EXPECT_LE(at + kUnit * kUnit * 2 * kPiece, halo_shared_bytes(cut, work))
                    << cut.name;
            }
        }
    }
}

bool fits(const char* name, const Int8Conv& conv) {
    return halo_fits(cut_of(name), conv);
}

TEST(Int8Halo, FitsItsNetworks) {
    EXPECT_TRUE(fits("halo 16x16x64", conv_of({320, 320, 32}, 64, 3, 2)));
    EXPECT_TRUE(fits("halo 16x16x32", conv_of({160, 160, 32}, 32, 3, 1)));
    EXPECT_TRUE(fits("halo 16x8x96", conv_of({80, 80, 96}, 96, 3, 1)));
    EXPECT_TRUE(fits("halo 16x8x128", conv_of({80, 80, 128}, 128, 3, 1)));
    EXPECT_FALSE(fits("halo 16x8x128", conv_of({40, 40, 256}, 256, 3, 1)));  // 288 KiB of weights
    EXPECT_FALSE(fits("halo 16x8x64", conv_of({80, 80, 64}, 80, 3, 1)));
    EXPECT_FALSE(fits("halo 16x8x32", conv_of({80, 80, 64}, 64, 3, 1)));
    EXPECT_TRUE(fits("halo 16x8x64", conv_of({56, 56, 64}, 64, 1, 2)));
    EXPECT_FALSE(fits("halo 16x8x64", conv_of({56, 56, 64}, 64, 2, 3)));
    EXPECT_FALSE(fits("halo 32x16x64", conv_of({20, 20, 64}, 64, 3, 1)));
    Int8Conv conv = conv_of({7, 7, 64}, 64, 1, 1);  // 98 places
    EXPECT_FALSE(fits("halo 16x8x64", conv));
    conv.batch = 8;
    EXPECT_TRUE(fits("halo 16x8x64", conv));
    conv.y_pitch = 72;
    EXPECT_FALSE(fits("halo 16x8x64", conv));
    conv = conv_of({80, 80, 64}, 64, 3, 1);
    conv.x_outside = -5;
    EXPECT_FALSE(fits("halo 16x8x64", conv));
}

}  // namespace
}  // namespace sluice::infer::cuda
