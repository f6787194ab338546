#include "sluice/infer/backends/cuda/int8_conv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/backends/cuda/int8_conv_testing.h"
#include "sluice/infer/backends/cuda/int8_conv_tile.h"

namespace sluice::infer::cuda {
namespace {

using Act = Int8Conv::Act;
using Join = Int8Conv::Join;
using Number = Int8Conv::Number;

// What the kernel does, moved on the host: the same functions say where everything lies, and
// matrices and products are laid out as the PTX manual has them (ldmatrix; mma.m16n8k32, 8 bits).

template <class T>
class Emulated {
public:
    Emulated(const Int8ConvWork& work, int first_channel, int tile)
        : work_(work), first_channel_(first_channel), tile_(tile) {
        sums_.resize(T::kThreads);
        for (int chunk = 0; chunk < work.chunks; ++chunk) {
            x_.assign(T::kXBytes, 99);
            weights_.assign(T::kWeightBytes, 99);
            for (int thread = 0; thread < T::kThreads; ++thread)
                load(thread, chunk);
            for (int warp = 0; warp < T::kThreads / 32; ++warp)
                multiply_warp(warp * 32);
        }
    }

    int sum(int thread, int i, int c) const {
        return sums_[static_cast<std::size_t>(thread)][i / 2][c / 2][i % 2 * 2 + c % 2];
    }

private:
    using Registers = std::array<std::array<std::int8_t, 4>, 4>;  ///< 4 of 4 bytes
    using Warp = std::array<Registers, 32>;
    using Sums = std::array<std::array<std::array<int, 4>, T::kEights>, T::kWays>;

    void load(int thread, int chunk) {
        const Int8Conv& conv = work_.conv;
        const int piece = T::copied_piece(thread);
        Cursor cursor;
        cursor.advance(conv, piece * kPiece);
        for (int i = 0; i < chunk; ++i)
            cursor.advance(conv, T::kChunk);
        const Origin reach = reach_of(conv, cursor);
        for (int i = 0; i < T::kRowCopies; ++i) {
            const int row = T::copied_row(thread, i);
            const Origin origin = origin_of(work_, tile_ * T::kRows + row);
            std::int8_t* to = &x_[at(row, piece)];
            if (reads(conv, cursor, origin, reach)) {
                std::memcpy(to, conv.x + (origin.offset + reach.offset), kPiece);
            } else {
                std::memset(to, conv.x_outside, kPiece);
            }
        }
        const int depth = chunk * T::kChunk + piece * kPiece;
        for (int i = 0; i < T::kColumnCopies; ++i) {
            const int row = T::copied_row(thread, i);
            const int channel = first_channel_ + channel_of<T>(row);
            std::int8_t* to = &weights_[at(row, piece)];
            if (channel < conv.out[2] && depth < work_.depth) {
                std::memcpy(to, conv.weights + (channel * work_.depth + depth), kPiece);
            } else {
                std::memset(to, 0, kPiece);
            }
        }
    }

    static std::size_t at(int row, int piece) {
        return static_cast<std::size_t>(piece_at<T::kChunk>(row, piece));
    }

    /// Lane i gives a row of matrix i / 8; it gets 4 bytes of row i / 4 of each matrix.
    static Warp load_matrices(const std::array<const std::int8_t*, 32>& rows) {
        Warp warp;
        for (std::size_t lane = 0; lane < 32; ++lane) {
            for (std::size_t matrix = 0; matrix < 4; ++matrix)
                std::memcpy(
                    warp[lane][matrix].data(), rows[matrix * 8 + lane / 4] + lane % 4 * 4, 4);
        }
        return warp;
    }

    /// `first`: of the two registers of b. Registers of a are rows g and g + 8, then 16 bytes
    /// further; of b columns g, then 16 bytes further; bytes of both from 4 * t on; of the sum rows
    /// g, g, g + 8, g + 8 and columns 2 * t, 2 * t + 1 (g is lane / 4, t is lane % 4).
    void multiply(int first_thread, int way, int eight, const Warp& a, const Warp& b, int first) {
        for (int lane = 0; lane < 32; ++lane) {
            for (int j = 0; j < 4; ++j) {
                const int row = lane / 4 + j / 2 * 8, column = lane % 4 * 2 + j % 2;
                int sum = 0;
                for (int k = 0; k < kMultiplied; ++k) {
                    const auto from_a = static_cast<std::size_t>(row % 8 * 4 + k % 16 / 4);
                    const auto from_b = static_cast<std::size_t>(column * 4 + k % 16 / 4);
                    const auto register_a = static_cast<std::size_t>(row / 8 + k / 16 * 2);
                    const auto register_b = static_cast<std::size_t>(first + k / 16);
                    const auto byte = static_cast<std::size_t>(k % 4);
                    sum += a[from_a][register_a][byte] * b[from_b][register_b][byte];
                }
                sums_[static_cast<std::size_t>(first_thread + lane)][way][eight][j] += sum;
            }
        }
    }

    void multiply_warp(int thread) {
        for (int k = 0; k < T::kChunk / kMultiplied; ++k) {
            std::array<const std::int8_t*, 32> rows{};
            std::vector<Warp> a;
            for (int way = 0; way < T::kWays; ++way) {
                for (int lane = 0; lane < 32; ++lane) {
                    const Spot spot = x_spot(lane);
                    rows[static_cast<std::size_t>(lane)] =
                        &x_[at(T::warp_row(thread) + way * 16 + spot.row, k * 2 + spot.piece)];
                }
                a.push_back(load_matrices(rows));
            }
            for (int n = 0; n < T::kEights; n += 2) {
                for (int lane = 0; lane < 32; ++lane) {
                    const Spot spot = weight_spot(lane);
                    rows[static_cast<std::size_t>(lane)] = &weights_[at(
                        T::warp_column(thread) + n * 8 + spot.row, k * 2 + spot.piece)];
                }
                const Warp b = load_matrices(rows);
                for (int way = 0; way < T::kWays; ++way) {
                    multiply(thread, way, n, a[static_cast<std::size_t>(way)], b, 0);
                    multiply(thread, way, n + 1, a[static_cast<std::size_t>(way)], b, 2);
                }
            }
        }
    }

    const Int8ConvWork& work_;
    int first_channel_;
    int tile_;
    std::vector<std::int8_t> x_, weights_;
    std::vector<Sums> sums_;
};

/// Every output of every tile comes out once, and right.
template <int I>
void expect_moved_right(const Problem& problem) {
    using T = Tile<I>;
    const Int8Conv& conv = problem.conv;
    int config = 0;
    while (int8_conv_config(config).cut != I)
        ++config;
    const Int8ConvWork work = int8_conv_work(config, conv);
    std::vector<int> seen(static_cast<std::size_t>(work.places * conv.out[2]));
    int wrong = 0;
    for (int i = 0; i < work.across * work.down; ++i) {
        const int first_channel = i % work.across * T::kColumns, tile = i / work.across;
        const Emulated<T> emulated(work, first_channel, tile);
        for (int j = 0; j < T::kThreads * 2 * T::kWays * T::kOfLane; ++j) {
            const int c = j % T::kOfLane, way = j / T::kOfLane % (2 * T::kWays);
            const int thread = j / T::kOfLane / (2 * T::kWays);
            const int place = tile * T::kRows + T::place_in_tile(thread, way);
            const int channel = first_channel + T::channel_in_tile(thread) + c;
            if (place >= work.places || channel >= conv.out[2]) continue;
            ++seen[static_cast<std::size_t>(place * conv.out[2] + channel)];
            if (emulated.sum(thread, way, c) != problem.sum(place, channel)) ++wrong;
        }
    }
    EXPECT_EQ(wrong, 0) << int8_conv_name(config);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()))
        << int8_conv_name(config);
}

template <int... I>
void expect_moved_right_by_all(const Int8Conv& conv, std::integer_sequence<int, I...>) {
    const Problem problem(conv);
    (expect_moved_right<I>(problem), ...);
}

void expect_moved_right_by_all(const Int8Conv& conv) {
    expect_moved_right_by_all(conv, std::make_integer_sequence<int, kCutCount>());
}

TEST(Int8ConvTile, MovesAPlaneOfSixteenChannels) {
    Int8Conv conv = conv_of({9, 11, 16}, 32, 3, 1);
    conv.x_outside = -5;
    expect_moved_right_by_all(conv);
}

TEST(Int8ConvTile, MovesEverySecondPlaceOfASlice) {
    Int8Conv conv = conv_of({13, 10, 48}, 24, 3, 2);
    conv.x_pitch = 80;
    conv.dilation[1] = 2;
    expect_moved_right_by_all(conv);
}

TEST(Int8ConvTile, MovesMoreChannelsThanATileHas) {
    expect_moved_right_by_all(conv_of({8, 8, 144}, 264, 1, 1));
}

template <int Chunk>
void expect_no_conflicts() {
    constexpr int kPieces = Chunk / kPiece;
    std::set<int> all;
    for (int row = 0; row < 64; ++row) {
        for (int piece = 0; piece < kPieces; ++piece) {
            all.insert(piece_at<Chunk>(row, piece));
            std::set<int> banks;
            for (int i = 0; i < 8; ++i)
                banks.insert(piece_at<Chunk>(row / 8 * 8 + i, piece) / kPiece % 8);
            EXPECT_EQ(banks.size(), 8u) << row << ' ' << piece;
        }
    }
    EXPECT_EQ(all.size(), static_cast<std::size_t>(64 * kPieces));
    EXPECT_EQ(*all.rbegin(), 64 * Chunk - kPiece);
}

TEST(Int8ConvTile, ReadsEightRowsFromAllBanks) {
    expect_no_conflicts<64>();
    expect_no_conflicts<128>();
}

TEST(Int8ConvTile, DividesAsTheHostDoes) {
    Random random(3);
    for (int by : {1, 2, 3, 5, 7, 14, 20, 49, 80, 160, 400, 3136, 25600, 102400, 2147483647}) {
        const Divisor divisor = Divisor::of(by);
        for (int i = 0; i < 1000; ++i) {
            const int number = random.next(0, 1 << 23) * 256 % 2147483647;
            for (int near : {number, number / by * by, std::max(0, number / by * by - 1)})
                ASSERT_EQ(near / divisor, near / by) << near << " / " << by;
        }
        EXPECT_EQ(2147483647 / divisor, 2147483647 / by);
    }
}

/// As the kernel ends, in exact numbers.
double finished(const Problem& problem, int place, int channel) {
    const Int8ConvWork work = int8_conv_work(0, problem.conv);
    const auto k = static_cast<std::size_t>(channel);
    const double operand =
        problem.operand[static_cast<std::size_t>(place * work.conv.operand_pitch + channel)];
    double x = problem.sum(place, channel) * static_cast<double>(problem.scale[k] * work.gain) +
               (problem.bias[k] + work.shift) * work.gain;
    x += operand * work.before;
    if (work.conv.act == Act::kSwish) {
        x = work.gain < 1 ? x + x * std::tanh(x) : x / (1 + std::exp(-x));
    } else {
        x = std::max(x, static_cast<double>(work.floor));
    }
    const double result = x * work.inverse + work.zero + operand * work.after;
    return work.conv.type == Number::kS8 ? result * 255 - 128 : result;
}

TEST(Int8Conv, FoldsStepsAndZeroPoints) {
    for (int i = 0; i < 3 * 3 * 2; ++i) {
        Int8Conv conv = conv_of({3, 3, 16}, 8, 1, 1);
        conv.act = static_cast<Act>(i % 3);
        conv.join = static_cast<Join>(i / 3 % 3);
        conv.type = static_cast<Number>(i / 9);
        conv.operand_step = 0.02f;
        conv.operand_zero = 12;
        conv.step = 0.05f;
        conv.zero = -30;
        const Problem problem(conv);
        for (int channel = 0; channel < 8; ++channel)
            EXPECT_NEAR(finished(problem, 4, channel), problem.number(4, channel), 1e-3) << i;
    }
}

TEST(Int8Conv, NamesItsConfigs) {
    std::set<std::string> names;
    for (int config = 0; config < kInt8ConvConfigs; ++config)
        names.insert(int8_conv_name(config));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(kInt8ConvConfigs));
    EXPECT_EQ(int8_conv_name(-1), nullptr);
    EXPECT_EQ(int8_conv_name(kInt8ConvConfigs), nullptr);
}

int fitting(const Int8Conv& conv) {
    int count = 0;
    for (int config = 0; config < kInt8ConvConfigs; ++config)
        count += int8_conv_fits(config, conv) ? 1 : 0;
    return count;
}

TEST(Int8Conv, RefusesWhatItCannotDo) {
    const Int8Conv good = conv_of({8, 8, 32}, 64, 3, 1);
    EXPECT_GT(fitting(good), 3);
    const auto fitting_with = [&](auto change) {
        Int8Conv conv = good;
        change(conv);
        return fitting(conv);
    };
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.in[2] = 24; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.x_pitch = 40; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.x_pitch = 16; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.out[2] = 60; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.y_pitch = 68; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.stride[1] = 0; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) { conv.batch = 1 << 25; }), 0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) {
                  conv.x = reinterpret_cast<const std::int8_t*>(std::uintptr_t{8});
              }),
              0);
    EXPECT_EQ(fitting_with([](Int8Conv& conv) {
                  conv.join = Join::kAfterAct;
                  conv.operand_pitch = 60;
              }),
              0);
}

TEST(Int8Conv, OffersTilesThatFitTheChannels) {
    const auto fits = [](const char* name, const Int8Conv& conv) {
        for (int config = 0; config < kInt8ConvConfigs; ++config) {
            if (std::string(name) == int8_conv_name(config)) return int8_conv_fits(config, conv);
        }
        return false;
    };
    const Int8Conv narrow = conv_of({160, 160, 32}, 32, 3, 1);
    EXPECT_TRUE(fits("128x32 kept", narrow));
    EXPECT_FALSE(fits("128x64", narrow));
    const Int8Conv wide = conv_of({14, 14, 512}, 512, 3, 1);
    EXPECT_TRUE(fits("128x128 deep", wide));
    EXPECT_FALSE(fits("128x64 kept", wide));
}

// On a GPU, against the exact outputs.

class Int8ConvOnDevice : public OnDevice<> {
protected:
    using Buffer = memory::cuda::Buffer;

    /// By every config that fits; `least` of them must. y is the second part of a concatenation
    /// where its pitch is larger, and the first part stays as it is. Of many places, one `every` so
    /// many is looked at.
    static void expect_right(const Int8Conv& conv, int least, int every = 1) {
        const Problem problem(conv);
        Int8Conv given = problem.conv;
        const Buffer x = uploaded(problem.x), weights = uploaded(problem.weights),
                     scale = uploaded(problem.scale), bias = uploaded(problem.bias);
        const Buffer x2 = uploaded(problem.x2), weights2 = uploaded(problem.weights2),
                     scale2 = uploaded(problem.scale2);
        const Buffer operand = conv.operand_type == Number::kS8 ? uploaded(problem.operand)
                                                                : uploaded(problem.operand_f16);
        given.x = reinterpret_cast<const std::int8_t*>(x.data());
        given.weights = reinterpret_cast<const std::int8_t*>(weights.data());
        given.scale = reinterpret_cast<const float*>(scale.data());
        given.bias = reinterpret_cast<const float*>(bias.data());
        given.second.x = reinterpret_cast<const std::int8_t*>(x2.data());
        given.second.weights = reinterpret_cast<const std::int8_t*>(weights2.data());
        given.second.scale = reinterpret_cast<const float*>(scale2.data());
        given.operand = operand.data();
        const std::size_t size = conv.type == Number::kS8 ? 1 : 2;
        const auto count = static_cast<std::size_t>(places_of(conv) * conv.y_pitch);
        const Buffer y = Buffer::create(Buffer::Kind::kDevice, count * size).value();
        given.y = y.data() + static_cast<std::size_t>(conv.y_pitch - conv.out[2]) * size;

        std::vector<double> wanted;
        for (int place = 0; place < places_of(conv); place += every) {
            for (int channel = 0; channel < conv.out[2]; ++channel)
                wanted.push_back(problem.number(place, channel));
        }
        int fit = 0;
        for (int config = 0; config < kInt8ConvConfigs; ++config) {
            if (!int8_conv_fits(config, given)) continue;
            if (int8_conv_is_for_hopper(config) && !is_hopper()) continue;
            ++fit;
            ASSERT_EQ(cudaMemset(y.data(), 0x55, count * size), cudaSuccess);
            launch_int8_conv(config, given, nullptr);
            ASSERT_EQ(cudaGetLastError(), cudaSuccess) << int8_conv_name(config);
            std::vector<std::byte> got(count * size);
            ASSERT_EQ(cudaMemcpy(got.data(), y.data(), count * size, cudaMemcpyDeviceToHost),
                      cudaSuccess);
            compare(conv, wanted, every, got, int8_conv_name(config));
        }
        EXPECT_GE(fit, least);
    }

private:
    static bool is_hopper() {
        cudaDeviceProp device{};
        EXPECT_EQ(cudaGetDeviceProperties(&device, 0), cudaSuccess);
        return device.major == 9 && device.minor == 0;
    }

    static void compare(const Int8Conv& conv,
                        const std::vector<double>& wanted,
                        int every,
                        const std::vector<std::byte>& got,
                        const char* name) {
        int wrong = 0, touched = 0;
        std::string first;
        for (int i = 0; i < places_of(conv) * conv.y_pitch; ++i) {
            const int place = i / conv.y_pitch;
            const int channel = i % conv.y_pitch - (conv.y_pitch - conv.out[2]);
            const std::size_t size = conv.type == Number::kS8 ? 1 : 2;
            const std::byte* at = &got[static_cast<std::size_t>(i) * size];
            if (channel < 0) {
                touched += *at != std::byte{0x55} ? 1 : 0;
                continue;
            }
            if (place % every != 0) continue;
            const double right =
                wanted[static_cast<std::size_t>(place / every * conv.out[2] + channel)];
            double value = 0, error = 0;
            if (conv.type == Number::kS8) {
                value = static_cast<std::int8_t>(*at);
                // Half a step by rounding; what swish is wrong by, see swish_of_half.
                error = std::abs(value - std::clamp(right, -128.0, 127.0)) - 0.501;
                if (conv.act == Act::kSwish) error -= std::abs(right - conv.zero) / 4096 + 0.06;
            } else {
                __half half;
                std::memcpy(&half, at, 2);
                value = __half2float(half);
                error = std::abs(value - right) - 1e-3 * std::abs(right) - 1e-3;
            }
            if (error <= 0 && std::isfinite(value)) continue;
            if (wrong++ == 0)
                first = "place " + std::to_string(place) + " channel " + std::to_string(channel) +
                        ": " + std::to_string(value) + ", not " + std::to_string(right);
        }
        EXPECT_EQ(wrong, 0) << name << ", " << first;
        EXPECT_EQ(touched, 0) << name;
    }
};

Int8Conv quantised(Int8Conv conv, Act act, Join join = Join::kNone) {
    conv.act = act;
    conv.join = join;
    conv.step = 0.05f;
    conv.operand_step = 0.02f;
    return conv;
}

TEST_F(Int8ConvOnDevice, ComputesOnePlaceAtATime) {
    expect_right(quantised(conv_of({17, 19, 64}, 64, 1, 1), Act::kSwish), 4);
    expect_right(quantised(conv_of({5, 3, 256}, 128, 1, 1), Act::kRelu), 4);
    expect_right(quantised(conv_of({40, 40, 64}, 256, 1, 1), Act::kRelu), 4);
}

TEST_F(Int8ConvOnDevice, ComputesWindows) {
    expect_right(quantised(conv_of({17, 23, 16}, 32, 3, 1), Act::kSwish), 2);
    expect_right(quantised(conv_of({33, 31, 32}, 64, 3, 2), Act::kSwish), 4);
    expect_right(quantised(conv_of({14, 14, 128}, 128, 3, 1), Act::kRelu), 4);
    expect_right(quantised(conv_of({9, 9, 48}, 96, 5, 1), Act::kNone), 2);
    expect_right(quantised(conv_of({14, 13, 64}, 192, 1, 2), Act::kNone), 2);
}

TEST_F(Int8ConvOnDevice, ComputesTheWindowsOfNetworks) {
    expect_right(quantised(conv_of({64, 50, 32}, 32, 3, 1), Act::kSwish, Join::kAfterAct), 4);
    expect_right(quantised(conv_of({66, 47, 48}, 48, 3, 1), Act::kSwish), 3);
    expect_right(quantised(conv_of({66, 64, 48}, 96, 3, 2), Act::kSwish), 4);
    expect_right(quantised(conv_of({40, 41, 96}, 96, 3, 1), Act::kSwish), 4);
    expect_right(quantised(conv_of({24, 25, 128}, 256, 3, 1), Act::kRelu), 4);
    expect_right(quantised(conv_of({12, 12, 192}, 192, 3, 1), Act::kNone), 4);
}

TEST_F(Int8ConvOnDevice, WritesFewChannels) {
    for (int channels : {8, 24, 80})
        expect_right(quantised(conv_of({11, 13, 64}, channels, 1, 1), Act::kNone), 1);
}

TEST_F(Int8ConvOnDevice, ReadsAndWritesSlices) {
    Int8Conv conv = quantised(conv_of({12, 15, 64}, 64, 1, 1), Act::kSwish, Join::kAfterAct);
    conv.x_pitch = 112;
    conv.y_pitch = 128;
    conv.operand_pitch = 80;
    expect_right(conv, 4);
    conv.y_pitch = 72;  // parts of 8 channels are not aligned to 16
    conv.operand_pitch = 88;
    expect_right(conv, 4);
}

TEST_F(Int8ConvOnDevice, JoinsOperands) {
    for (Join join : {Join::kBeforeAct, Join::kAfterAct}) {
        for (Act act : {Act::kRelu, Act::kSwish}) {
            Int8Conv conv = quantised(conv_of({13, 11, 64}, 128, 1, 1), act, join);
            conv.operand_zero = 12;
            expect_right(conv, 4);
            conv.operand_type = Number::kF16;
            conv.operand_zero = 0;
            conv.operand_step = 1;
            expect_right(conv, 4);
        }
    }
}

TEST_F(Int8ConvOnDevice, KeepsZeroPoints) {
    Int8Conv conv = quantised(conv_of({19, 18, 32}, 64, 3, 1), Act::kSwish);
    conv.x_outside = -100;
    conv.zero = -115;
    expect_right(conv, 4);
}

TEST_F(Int8ConvOnDevice, WritesHalfPrecision) {
    for (Act act : {Act::kNone, Act::kSwish}) {
        Int8Conv conv = quantised(conv_of({21, 20, 64}, 80, 3, 1), act);
        conv.type = Number::kF16;
        conv.y_pitch = 88;
        expect_right(conv, 2);
    }
}

TEST_F(Int8ConvOnDevice, GoesFromTileToTile) {
    // More tiles than a GPU has room for at once, so that blocks stay for several.
    Int8Conv conv = quantised(conv_of({320, 320, 16}, 32, 1, 1), Act::kRelu);
    conv.batch = 3;
    expect_right(conv, 2);
    conv = quantised(conv_of({150, 151, 16}, 8, 3, 1), Act::kSwish, Join::kAfterAct);
    conv.batch = 8;
    expect_right(conv, 2);
    for (int channels : {32, 48, 64, 96, 128}) {
        conv = quantised(conv_of({160, 160, 16}, channels, 1, 1), Act::kRelu);
        conv.batch = 8;
        expect_right(conv, 2);
    }
}

TEST_F(Int8ConvOnDevice, GoesRoundItsStages) {
    // Little, for racecheck: tiles of one block fill each stage twice, and so do chunks of one
    // tile.
    Int8Conv conv = quantised(conv_of({160, 160, 16}, 64, 1, 1), Act::kRelu);
    conv.batch = 8;
    expect_right(conv, 2, 997);
    conv = quantised(conv_of({7, 7, 512}, 512, 1, 1), Act::kSwish);
    conv.batch = 1;
    add_second(conv, 1024, 2);
    expect_right(conv, 4);
}

TEST_F(Int8ConvOnDevice, GoesThroughManyTilesWithFewStages) {
    // Where shared memory has room for two or three rectangles only.
    Int8Conv conv = quantised(conv_of({40, 40, 128}, 256, 3, 1), Act::kSwish);
    conv.batch = 32;
    expect_right(conv, 4, 97);
    conv = quantised(conv_of({80, 80, 128}, 256, 3, 2), Act::kRelu);
    conv.batch = 16;
    expect_right(conv, 4, 97);
    conv = quantised(conv_of({28, 28, 512}, 1024, 1, 2), Act::kRelu);
    conv.batch = 32;
    expect_right(conv, 4, 17);
}

TEST_F(Int8ConvOnDevice, WidensChannels) {
    // Places that are no whole tile, channels that are no whole tile, few and many to sum over.
    expect_right(quantised(conv_of({19, 13, 64}, 256, 1, 1), Act::kRelu), 8);
    expect_right(quantised(conv_of({9, 7, 96}, 208, 1, 1), Act::kNone), 5);
    expect_right(quantised(conv_of({14, 14, 256}, 1024, 1, 1), Act::kRelu, Join::kBeforeAct), 8);
    expect_right(quantised(conv_of({7, 7, 2048}, 512, 1, 1), Act::kRelu, Join::kBeforeAct), 8);
    expect_right(quantised(conv_of({15, 15, 160}, 256, 1, 2), Act::kSwish), 8);
    Int8Conv conv = quantised(conv_of({23, 21, 64}, 256, 1, 1), Act::kRelu, Join::kBeforeAct);
    conv.x_pitch = 80;
    conv.y_pitch = 288;
    conv.operand_pitch = 272;
    conv.operand_zero = 12;
    conv.zero = -30;
    expect_right(conv, 8);
    conv.zero = -128;
    expect_right(conv, 8);
    conv.act = Act::kSwish;
    conv.join = Join::kAfterAct;
    expect_right(conv, 8);
    conv.y_pitch = 264;  // parts of 8 channels are not aligned to 16
    expect_right(conv, 8);
    conv.type = Number::kF16;
    expect_right(conv, 8);
}

TEST_F(Int8ConvOnDevice, KeepsTheNumberOfChannels) {
    Int8Conv conv = quantised(conv_of({41, 37, 64}, 64, 1, 1), Act::kSwish);
    conv.batch = 9;
    expect_right(conv, 10);
    conv.x_pitch = 128;
    conv.y_pitch = 192;
    conv.join = Join::kAfterAct;
    conv.zero = -30;
    expect_right(conv, 10);
    expect_right(quantised(conv_of({40, 40, 128}, 128, 1, 1), Act::kSwish), 10);
}

TEST_F(Int8ConvOnDevice, AddsASecondProduct) {
    for (int stride : {1, 2}) {
        Int8Conv conv = quantised(conv_of({19, 13, 64}, 256, 1, 1), Act::kRelu);
        add_second(conv, 64, stride);
        expect_right(conv, 4);
        conv.second.x_pitch = 96;
        conv.second.in[1] += 3;
        conv.join = Join::kBeforeAct;
        conv.zero = -20;
        expect_right(conv, 4);
        conv = quantised(conv_of({7, 7, 512}, 512, 1, 1), Act::kSwish);
        add_second(conv, 1024, stride);
        expect_right(conv, 4);
        conv = quantised(conv_of({9, 8, 96}, 208, 1, 1), Act::kNone);
        add_second(conv, 160, stride);
        conv.type = Number::kF16;
        expect_right(conv, 3);
    }
}

TEST_F(Int8ConvOnDevice, WidensThroughManyTiles) {
    Int8Conv conv = quantised(conv_of({56, 56, 64}, 256, 1, 1), Act::kRelu, Join::kBeforeAct);
    conv.batch = 32;
    expect_right(conv, 8, 97);
    conv.join = Join::kNone;
    add_second(conv, 64, 1);
    expect_right(conv, 4, 97);
    conv = quantised(conv_of({28, 28, 128}, 512, 1, 1), Act::kRelu);
    conv.batch = 32;
    add_second(conv, 256, 2);
    expect_right(conv, 4, 97);
    conv = quantised(conv_of({14, 14, 256}, 1024, 1, 1), Act::kRelu);
    conv.batch = 32;
    add_second(conv, 512, 2);
    expect_right(conv, 4, 97);
}

}  // namespace
}  // namespace sluice::infer::cuda
