#include "sluice/infer/backends/cuda/head_conv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/head_conv_tile.h"
#include "sluice/memory/cuda/device.h"

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

/// Two images; rows of the output have two numbers before and after the outputs.
struct Problem {
    HeadConv conv;
    std::vector<float> x, weights, bias;

    Problem(int places, int channels, int outputs, bool sigmoid) {
        conv.images = 2;
        conv.places = places;
        conv.channels = channels;
        conv.outputs = outputs;
        conv.sigmoid = sigmoid;
        conv.x_place = channels + 8;
        conv.x_image = conv.x_place * places + 16;
        conv.y_place = outputs + 4;
        conv.y_image = conv.y_place * places + 5;
        Random random;
        x = numbers(random, conv.x_image * 2);
        weights = numbers(random, channels * outputs);
        bias = numbers(random, outputs);
    }

    float right(int image, int place, int output) const {
        float sum = bias[static_cast<std::size_t>(output)];
        for (int c = 0; c < conv.channels; ++c)
            sum += x[static_cast<std::size_t>(image * conv.x_image + place * conv.x_place + c)] *
                   weights[static_cast<std::size_t>(output * conv.channels + c)];
        return conv.sigmoid ? 1 / (1 + std::exp(-sum)) : sum;
    }
};

/// What a warp of the kernel sums up for a tile, moved on the host.
template <int Eights>
class Emulated {
public:
    Emulated(const Problem& problem, int image, int tile) {
        const HeadConv& conv = problem.conv;
        const int pitch = head_weight_pitch(conv.channels);
        std::vector<float> weights(static_cast<std::size_t>(Eights * 8 * pitch), 1e9f);
        for (int i = 0; i < Eights * 8 * conv.channels; ++i) {
            const int output = i / conv.channels;
            weights[static_cast<std::size_t>(output * pitch + i % conv.channels)] =
                output < conv.outputs ? problem.weights[static_cast<std::size_t>(i)] : 0;
        }
        const int first = tile * kHeadPlaces;
        for (int chunk = 0; chunk < conv.channels; chunk += kHeadChunk) {
            std::array<std::array<std::array<float, 8>, 2>, 32> a{};
            for (int lane = 0; lane < 32; ++lane) {
                for (int half = 0; half < 2; ++half) {
                    const int place = first + head_place(lane, half);
                    if (place >= conv.places) continue;
                    const int from = image * conv.x_image + place * conv.x_place + chunk;
                    for (int i = 0; i < 8; ++i)
                        a[at(lane)][at(half)][at(i)] = problem.x[at(from + head_channel(lane) + i)];
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

/// Every output comes out once, and right.
template <int Eights>
void expect_moved_right(const Problem& problem) {
    const HeadConv& conv = problem.conv;
    std::vector<int> seen(static_cast<std::size_t>(conv.images * conv.places * conv.outputs));
    int wrong = 0;
    for (int i = 0; i < conv.images * head_tiles(conv); ++i) {
        const int image = i / head_tiles(conv), tile = i % head_tiles(conv);
        const Emulated<Eights> emulated(problem, image, tile);
        for (int j = 0; j < 32 * Eights * 4; ++j) {
            const int lane = j / 4 / Eights, eight = j / 4 % Eights;
            const int place = tile * kHeadPlaces + head_sum_place(lane, j % 4);
            const int output = eight * 8 + head_sum_output(lane, j % 4);
            if (place >= conv.places || output >= conv.outputs) continue;
            ++seen[static_cast<std::size_t>((image * conv.places + place) * conv.outputs + output)];
            const float made =
                emulated.sum(lane, eight, j % 4) + problem.bias[static_cast<std::size_t>(output)];
            if (made != problem.right(image, place, output)) ++wrong;
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
}

TEST(HeadConvTile, MovesEveryOutputOnce) {
    expect_moved_right<1>(Problem(37, 32, 1, false));
    expect_moved_right<1>(Problem(16, 128, 5, false));
    expect_moved_right<4>(Problem(20, 96, 25, false));
    expect_moved_right<10>(Problem(50, 192, 80, false));
    expect_moved_right<16>(Problem(9, 64, 85, false));
}

TEST(HeadConvTile, ReadsWithoutBankConflicts) {
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
    for (int eights : {1, 4, 10, 16}) {
        // 8 bytes each of 16 lanes at once.
        std::set<int> banks;
        for (int lane = 0; lane < 16; ++lane)
            banks.insert(
                (head_sum_place(lane, 0) * head_sum_pitch(eights) + head_sum_output(lane, 0)) / 2 %
                16);
        EXPECT_EQ(banks.size(), 16u) << eights;
        EXPECT_GE(head_sum_pitch(eights), eights * 8);
    }
    // Twice in a multiprocessor of compute capability 9.0.
    EXPECT_LE(head_shared_bytes(10, 192), 113 * 1024);
    // The largest: once, where the device has 227 KB; else the launch fails and cuDNN stays.
    EXPECT_LE(head_shared_bytes(16, kMostHeadChannels), 227 * 1024);
}

class CudaHeadConv : public testing::Test {
protected:
    void SetUp() override {
        if (memory::cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
        ASSERT_TRUE(memory::cuda::use_device(0));
    }

    template <class T>
    static memory::cuda::Buffer uploaded(const std::vector<T>& numbers) {
        auto buffer = memory::cuda::Buffer::create(memory::cuda::Buffer::Kind::kDevice,
                                                   numbers.size() * sizeof(T))
                          .value();
        cudaMemcpy(buffer.data(), numbers.data(), buffer.bytes(), cudaMemcpyHostToDevice);
        return buffer;
    }
    static std::vector<__half> halves(const std::vector<float>& numbers) {
        std::vector<__half> made;
        for (float number : numbers)
            made.push_back(__float2half(number));
        return made;
    }

    static void expect_right(const Problem& problem) {
        HeadConv conv = problem.conv;
        constexpr float kGap = -77;
        std::vector<float> y(static_cast<std::size_t>(conv.y_image * conv.images + 2), kGap);
        const auto x = uploaded(halves(problem.x)), weights = uploaded(halves(problem.weights));
        const auto bias = uploaded(problem.bias);
        const auto made = uploaded(y);
        conv.x = x.data();
        conv.weights = weights.data();
        conv.bias = reinterpret_cast<const float*>(bias.data());
        conv.y = reinterpret_cast<float*>(made.data()) + 2;
        launch_head_conv(conv, nullptr);
        ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
        cudaMemcpy(y.data(), made.data(), made.bytes(), cudaMemcpyDeviceToHost);
        int wrong = 0;
        int written = 0;
        for (int i = 0; i < conv.images * conv.places * conv.outputs; ++i) {
            const int output = i % conv.outputs, place = i / conv.outputs % conv.places;
            const int image = i / conv.outputs / conv.places;
            const float got = y[static_cast<std::size_t>(2 + image * conv.y_image +
                                                         place * conv.y_place + output)];
            if (!(std::fabs(got - problem.right(image, place, output)) < 1e-5f)) ++wrong;
        }
        for (float number : y)
            written += number != kGap ? 1 : 0;
        EXPECT_EQ(wrong, 0);
        EXPECT_LE(written, conv.images * conv.places * conv.outputs) << "gaps were written";
    }
};

TEST_F(CudaHeadConv, WritesRowsAndNothingBetweenThem) {
    for (int outputs : {1, 4, 8, 25, 80, 85, 128}) {
        for (int channels : {32, 128, 192, 512}) {
            SCOPED_TRACE(outputs * 1000 + channels);
            expect_right(Problem(50, channels, outputs, false));
            expect_right(Problem(16, channels, outputs, true));
        }
    }
    expect_right(Problem(6400, 128, 80, true));
}

}  // namespace
}  // namespace sluice::infer::cuda
