#include "sluice/infer/backends/cuda/head_conv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/backends/cuda/head_conv_tile.h"

namespace sluice::infer::cuda {
namespace {

/// Whole numbers from -4 to 4 that look random: sums of their products are exact in fp16 and fp32.
class Random {
public:
    float next() {
        seed_ = seed_ * 1664525u + 1013904223u;
        return static_cast<float>((seed_ >> 8) % 9) - 4;
    }

private:
    unsigned seed_ = 5;
};

std::vector<float> numbers(Random& random, int count) {
    std::vector<float> made(static_cast<std::size_t>(count));
    for (float& number : made)
        number = random.next();
    return made;
}

struct Part {
    int channels, outputs;
    bool sigmoid = false;
};

/// Two images; rows of the output are filled, or have two numbers before and after the outputs.
struct Problem {
    HeadConv conv;
    std::vector<float> x[kMostHeadParts], weights[kMostHeadParts], bias[kMostHeadParts];

    Problem(int places, const std::vector<Part>& parts, bool fills = false) {
        conv.images = 2;
        conv.places = places;
        conv.parts = static_cast<int>(parts.size());
        Random random;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            HeadPart& part = conv.part[i];
            part.channels = parts[i].channels;
            part.outputs = parts[i].outputs;
            part.sigmoid = parts[i].sigmoid;
            part.x_place = part.channels + 8;
            part.x_image = part.x_place * places + 16;
            x[i] = numbers(random, part.x_image * 2);
            weights[i] = numbers(random, part.channels * part.outputs);
            bias[i] = numbers(random, part.outputs);
        }
        conv.y_place = conv.outputs() + (fills ? 0 : 4);
        conv.y_image =
            (conv.y_place * places + (fills ? 3 : 5)) / (fills ? 4 : 1) * (fills ? 4 : 1);
    }

    float sum(std::size_t p, int image, int place, int output) const {
        const HeadPart& part = conv.part[p];
        float sum = bias[p][static_cast<std::size_t>(output)];
        for (int c = 0; c < part.channels; ++c)
            sum += x[p][static_cast<std::size_t>(image * part.x_image + place * part.x_place + c)] *
                   weights[p][static_cast<std::size_t>(output * part.channels + c)];
        return sum;
    }
    /// Of all parts' outputs.
    float right(int image, int place, int output) const {
        std::size_t p = 0;
        while (output >= conv.part[p].outputs)
            output -= conv.part[p++].outputs;
        const float made = sum(p, image, place, output);
        return conv.part[p].sigmoid ? 1 / (1 + std::exp(-made)) : made;
    }
};

/// What a warp of the kernel sums up for a tile, moved on the host.
template <int Eights>
class Emulated {
public:
    Emulated(const Problem& problem, int image, int tile) {
        const HeadPart& part = problem.conv.part[0];
        const int pitch = head_weight_pitch(part.channels);
        std::vector<float> weights(static_cast<std::size_t>(Eights * 8 * pitch), 1e9f);
        for (int i = 0; i < Eights * 8 * part.channels; ++i) {
            const int output = i / part.channels;
            weights[static_cast<std::size_t>(output * pitch + i % part.channels)] =
                output < part.outputs ? problem.weights[0][static_cast<std::size_t>(i)] : 0;
        }
        const int first = tile * kHeadPlaces;
        for (int chunk = 0; chunk < part.channels; chunk += kHeadChunk) {
            std::array<std::array<std::array<float, 8>, 2>, 32> a{};
            for (int lane = 0; lane < 32; ++lane) {
                for (int half = 0; half < 2; ++half) {
                    const int place = first + head_place(lane, half);
                    if (place >= problem.conv.places) continue;
                    const int from = image * part.x_image + place * part.x_place + chunk;
                    for (int i = 0; i < 8; ++i)
                        a[at(lane)][at(half)][at(i)] =
                            problem.x[0][at(from + head_channel(lane) + i)];
                }
            }
            for (int eight = 0; eight < Eights; ++eight) {
                std::array<std::array<float, 8>, 32> b{};
                for (int lane = 0; lane < 32; ++lane) {
                    const int row = eight * 8 + head_weight_row(lane);
                    for (int i = 0; i < 8; ++i)
                        b[at(lane)][at(i)] =
                            weights[at(row * pitch + chunk + head_channel(lane) + i)];
                }
                multiply(a, b, eight, 0);
                multiply(a, b, eight, 4);
            }
        }
    }

    float sum(int lane, int eight, int j) const { return sums_[at(lane)][at(eight)][at(j)]; }

private:
    static std::size_t at(int i) { return static_cast<std::size_t>(i); }

    /// mma.m16n8k16 of the PTX manual: with g = lane / 4 and t = lane % 4, registers of a are row g
    /// and columns 2t, 2t + 1; row g + 8; row g and columns 2t + 8, 2t + 9; row g + 8 of these.
    /// Those of b are rows 2t, 2t + 1, then 2t + 8, 2t + 9, of column g. Those of the sum are row g
    /// and columns 2t, 2t + 1, then row g + 8. `first` of a lane's eight numbers are the registers.
    void multiply(const std::array<std::array<std::array<float, 8>, 2>, 32>& a,
                  const std::array<std::array<float, 8>, 32>& b,
                  int eight,
                  int first) {
        for (int lane = 0; lane < 32; ++lane) {
            for (int j = 0; j < 4; ++j) {
                const int row = lane / 4 + j / 2 * 8, column = lane % 4 * 2 + j % 2;
                for (int k = 0; k < 16; ++k) {
                    const int t = k % 8 / 2, number = first + k / 8 * 2 + k % 2;
                    sums_[at(lane)][at(eight)][at(j)] +=
                        a[at(row % 8 * 4 + t)][at(row / 8)][at(number)] *
                        b[at(column * 4 + t)][at(number)];
                }
            }
        }
    }

    std::array<std::array<std::array<float, 4>, Eights>, 32> sums_{};
};

/// Every output of the only part comes out once, and right.
template <int Eights>
void expect_moved_right(int places, int channels, int outputs) {
    const Problem problem(places, {{channels, outputs}});
    const HeadConv& conv = problem.conv;
    EXPECT_EQ(head_widest(conv), Eights);
    std::vector<int> seen(static_cast<std::size_t>(conv.images * places * outputs));
    int wrong = 0;
    for (int i = 0; i < conv.images * head_tiles(conv); ++i) {
        const int image = i / head_tiles(conv), tile = i % head_tiles(conv);
        const Emulated<Eights> emulated(problem, image, tile);
        for (int j = 0; j < 32 * Eights * 4; ++j) {
            const int lane = j / 4 / Eights, eight = j / 4 % Eights;
            const int place = tile * kHeadPlaces + head_sum_place(lane, j % 4);
            const int output = eight * 8 + head_sum_output(lane, j % 4);
            if (place >= places || output >= outputs) continue;
            ++seen[static_cast<std::size_t>((image * places + place) * outputs + output)];
            const float made = emulated.sum(lane, eight, j % 4) +
                               problem.bias[0][static_cast<std::size_t>(output)];
            if (made != problem.right(image, place, output)) ++wrong;
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
}

TEST(HeadConvTile, MovesEveryOutputOnce) {
    expect_moved_right<1>(37, 32, 1);
    expect_moved_right<1>(16, 128, 5);
    expect_moved_right<4>(20, 96, 25);
    expect_moved_right<10>(50, 192, 80);
    expect_moved_right<16>(9, 64, 85);
}

TEST(HeadConvTile, ReadsWeightsWithoutBankConflicts) {
    for (int channels = 32; channels <= kMostHeadChannels; channels += 32) {
        // 16 bytes each of 8 lanes at once.
        for (int first = 0; first < 32; first += 8) {
            std::set<int> banks;
            for (int lane = first; lane < first + 8; ++lane)
                banks.insert(
                    (head_weight_row(lane) * head_weight_pitch(channels) + head_channel(lane)) / 8 %
                    8);
            EXPECT_EQ(banks.size(), 8u) << channels;
        }
    }
}

TEST(HeadConvTile, FitsIntoSharedMemory) {
    // Rows of 85 as of YOLOX-s and -m: three and two times in a multiprocessor of compute
    // capability 9.0. All of it aligned for pieces of 16 bytes.
    const Problem small(64, {{128, 4}, {128, 1}, {128, 80}}, true);
    const Problem large(64, {{192, 4}, {192, 1}, {192, 80}}, true);
    EXPECT_LE(head_shared_bytes(small.conv), 75 * 1024);
    EXPECT_LE(head_shared_bytes(large.conv), 113 * 1024);
    EXPECT_EQ(head_sum_bytes(small.conv) % 16, 0);
    EXPECT_EQ(head_part_bytes(small.conv.part[1], 10) % 16, 0);
    // The largest of one part: once, where the device has 227 KB; else the launch fails and cuDNN
    // stays.
    const Problem one(64, {{kMostHeadChannels, kMostHeadOutputs}});
    EXPECT_LE(head_shared_bytes(one.conv), 227 * 1024);
}

class CudaHeadConv : public OnDevice<> {
protected:
    static void expect_right(const Problem& problem) {
        HeadConv conv = problem.conv;
        constexpr float kGap = -77;
        // In front of the outputs, where rows have gaps.
        const int begin = head_fills_rows(conv) ? 0 : 2;
        std::vector<float> y(static_cast<std::size_t>(conv.y_image * conv.images + 2), kGap);
        const auto made = uploaded(y);
        std::vector<memory::cuda::Buffer> inputs;
        for (int i = 0; i < conv.parts; ++i) {
            inputs.push_back(uploaded(halves(problem.x[i])));
            conv.part[i].x = inputs.back().data();
            inputs.push_back(uploaded(halves(problem.weights[i])));
            conv.part[i].weights = inputs.back().data();
            inputs.push_back(uploaded(problem.bias[i]));
            conv.part[i].bias = reinterpret_cast<const float*>(inputs.back().data());
        }
        conv.y = reinterpret_cast<float*>(made.data()) + begin;
        launch_head_conv(conv, nullptr);
        ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
        cudaMemcpy(y.data(), made.data(), made.bytes(), cudaMemcpyDeviceToHost);
        int wrong = 0;
        for (int i = 0; i < conv.images * conv.places * conv.outputs(); ++i) {
            const int output = i % conv.outputs(), place = i / conv.outputs() % conv.places;
            const int image = i / conv.outputs() / conv.places;
            float& got = y[static_cast<std::size_t>(begin + image * conv.y_image +
                                                    place * conv.y_place + output)];
            if (!(std::fabs(got - problem.right(image, place, output)) < 1e-5f)) ++wrong;
            got = kGap;
        }
        EXPECT_EQ(wrong, 0);
        EXPECT_TRUE(std::all_of(y.begin(), y.end(), [](float number) { return number == kGap; }))
            << "gaps were written";
    }
};

TEST_F(CudaHeadConv, WritesRowsAndNothingBetweenThem) {
    for (int outputs : {1, 4, 8, 25, 80, 85, 128}) {
        for (int channels : {32, 128, 192, 512}) {
            SCOPED_TRACE(outputs * 1000 + channels);
            expect_right(Problem(50, {{channels, outputs}}));
            expect_right(Problem(16, {{channels, outputs, true}}, true));
        }
    }
}

TEST_F(CudaHeadConv, WritesTheColumnsOfSeveral) {
    for (bool fills : {false, true}) {
        SCOPED_TRACE(fills);
        expect_right(Problem(6400, {{128, 4}, {128, 1, true}, {128, 80, true}}, fills));
        expect_right(Problem(77, {{192, 4}, {192, 1, true}, {192, 80, true}}, fills));
        expect_right(Problem(35, {{96, 20}, {64, 4}}, fills));
        expect_right(Problem(50, {{32, 3}, {64, 100, true}, {32, 8}, {96, 9}}, fills));
        expect_right(Problem(9, {{64, 1, true}, {64, 4}}, fills));
    }
}

}  // namespace
}  // namespace sluice::infer::cuda
