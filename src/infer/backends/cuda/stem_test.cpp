#include "sluice/infer/backends/cuda/stem.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/backends/cuda/stem_tile.h"

namespace sluice::infer::cuda {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

/// Whole numbers from low to high that look random.
std::vector<float> numbers(int count, int low, int high) {
    static unsigned seed = 7;
    std::vector<float> made(at(count));
    for (float& number : made) {
        seed = seed * 1664525u + 1013904223u;
        number = static_cast<float>(
            low + static_cast<int>((seed >> 8) % static_cast<unsigned>(high - low + 1)));
    }
    return made;
}

/// Of whole numbers, so that sums of products are exact in fp16 and fp32. Two images.
struct Problem {
    StemArgs args;
    std::vector<float> pixels;   ///< [image][channel][row][column]
    std::vector<float> weights;  ///< as StemArgs has them
    std::vector<float> bias;

    Problem(int kernel, int channels, int outputs, int rows, int columns, int pad) {
        args.kernel = kernel;
        args.channels = channels;
        args.blocks[0] = rows;
        args.blocks[1] = columns;
        args.pad_begin[0] = args.pad_begin[1] = pad;
        for (int c = 0; c < channels; ++c) {
            args.scale[c] = c == 0 ? 1.0f : 2.0f;
            args.shift[c] = static_cast<float>(-c);
        }
        const int made[] = {
            2, outputs, rows + 2 * pad - kernel + 1, columns + 2 * pad - kernel + 1};
        std::copy(made, made + 4, args.output.extents);
        lay_out_output(outputs + 8);
        pixels = numbers(2 * channels * rows * columns * 4, 0, 3);
        weights = numbers(outputs * kernel * kernel * 16, -2, 2);
        bias = numbers(outputs, -9, 9);
        for (int i = 0; i < outputs * kernel * kernel * 16; ++i) {
            if (i % 16 >= 4 * channels) weights[at(i)] = 0;
        }
    }

    /// A slice of wider images.
    void lay_out_output(int pitch) {
        args.output.strides[1] = 1;
        args.output.strides[3] = pitch;
        args.output.strides[2] = pitch * args.output.extents[3] + 8;
        args.output.strides[0] = args.output.strides[2] * args.output.extents[2] + 16;
    }
    /// Channels in planes, or those of a pixel side by side; rows `gap` longer than they are.
    void lay_out_input(bool planes, int gap) {
        int* strides = args.input.strides;
        const int rows = args.blocks[0] * 2;
        strides[3] = planes ? 1 : args.channels;
        strides[2] = strides[3] * args.blocks[1] * 2 + gap;
        strides[1] = planes ? strides[2] * rows : 1;
        strides[0] = planes ? strides[1] * args.channels : strides[2] * rows;
    }

    /// Number `index` of block (y, x); zero outside.
    float block(int n, int y, int x, int index) const {
        if (y < 0 || y >= args.blocks[0] || x < 0 || x >= args.blocks[1]) return 0;
        const int c = index % args.channels, corner = index / args.channels;
        const int row = 2 * y + corner / 2, column = 2 * x + corner % 2;
        const int plane = (n * args.channels + c) * args.blocks[0] * 2;
        return pixels[at((plane + row) * args.blocks[1] * 2 + column)] * args.scale[c] +
               args.shift[c];
    }
    float right(int n, int output, int y, int x) const {
        float sum = bias[at(output)];
        for (int i = 0; i < args.kernel * args.kernel; ++i) {
            for (int c = 0; c < 4 * args.channels; ++c)
                sum += block(n,
                             y - args.pad_begin[0] + i / args.kernel,
                             x - args.pad_begin[1] + i % args.kernel,
                             c) *
                       weights[at((output * args.kernel * args.kernel + i) * 16 + c)];
        }
        return sum;
    }
    bool is_output(int output, int y, int x) const {
        const int(&extents)[4] = args.output.extents;
        return output < extents[1] && y < extents[2] && x < extents[3];
    }
};

/// A tile made as the kernel makes it: [thread][way][eight][4] sums.
template <class Tile>
class Emulated {
public:
    Emulated(const Problem& problem, const StemSpot& spot) : problem_(problem) {
        for (int pair = 0; pair < Tile::kPairsInAll; ++pair) {
            const StemBlock first = stem_block<Tile>(problem.args, spot, pair);
            for (int i = 0; i < 2 * Tile::kBlock; ++i)
                blocks_.push_back(
                    problem.block(spot.n, first.y, first.x + i / Tile::kBlock, i % Tile::kBlock));
        }
        for (int step = 0; step < Tile::kSteps; ++step) {
            for (int eight = 0; eight < Tile::kEights; ++eight) {
                for (int lane = 0; lane < 32; ++lane)
                    weights_[{Tile::weight_piece(step, eight, lane), eight % 2}] =
                        weights_of(step, eight, lane);
            }
        }
    }

    /// One instruction after the other: row and column of 16 x 8, in numbers of the lanes.
    float sum(int warp, int way, int eight, int row, int column) const {
        const int odd = problem_.args.pad_begin[1] % 2 * Tile::kBlock;
        float sum = 0;
        for (int step = 0; step < Tile::kSteps; ++step) {
            for (int quarter = 0; quarter < 4; ++quarter) {
                const int of_a = row % 8 * 4 + quarter, of_b = column * 4 + quarter;
                const int from =
                    odd + Tile::reach(step, of_a) + Tile::place_at(warp * 32 + of_a, way, row / 8);
                const auto& b = weights_.at({Tile::weight_piece(step, eight, of_b), eight % 2});
                for (int i = 0; i < 4; ++i)
                    sum += blocks_.at(at(from + i)) * b[at(i)];
            }
        }
        return sum;
    }

private:
    std::vector<float> weights_of(int step, int eight, int lane) const {
        const int output = Tile::output_of(eight, lane / 4);
        const int from = Tile::weights_of(output, step, lane);
        if (from < 0 || output >= problem_.args.output.extents[1]) return {0, 0, 0, 0};
        const auto begin = problem_.weights.begin() + from;
        return {begin, begin + 4};
    }

    const Problem& problem_;
    std::vector<float> blocks_;
    std::map<std::pair<int, int>, std::vector<float>> weights_;
};

template <class Tile>
void expect_moved_right(int outputs, int pad) {
    SCOPED_TRACE(Tile::kKernel * 10000 + Tile::kChannels * 1000 + outputs * 10 + pad);
    const Problem problem(Tile::kKernel, Tile::kChannels, outputs, 20, 21, pad);
    // The first tile, and one that reaches beyond the image.
    for (const StemSpot spot : {StemSpot{0, 0, 0}, StemSpot{1, Tile::kRows, kStemColumns}}) {
        const Emulated<Tile> emulated(problem, spot);
        std::map<std::vector<int>, int> seen;
        int wrong = 0;
        for (int i = 0; i < kStemThreads * Tile::kWays * Tile::kEights * 4; ++i) {
            const int number = i % 4, eight = i / 4 % Tile::kEights;
            const int way = i / 4 / Tile::kEights % Tile::kWays;
            const int thread = i / 4 / Tile::kEights / Tile::kWays, lane = thread % 32;
            const int right = number / 2;
            // As the kernel writes: the lane's numbers side by side.
            const int first = eight / 4 * 4;
            const int output =
                Tile::output_of(first, lane % 4 * 2) + (eight - first) * 2 + number % 2;
            const int y = spot.top + Tile::row_of(thread, way);
            const int x = spot.left + Tile::column_of(thread, right);
            ++seen[{output, y, x}];
            if (!problem.is_output(output, y, x)) continue;
            const float made =
                emulated.sum(
                    thread / 32, way, eight, lane / 4 + right * 8, lane % 4 * 2 + number % 2) +
                problem.bias[at(output)];
            if (made != problem.right(spot.n, output, y, x)) ++wrong;
        }
        EXPECT_EQ(wrong, 0);
        EXPECT_EQ(seen.size(), at(Tile::kRows * kStemColumns * Tile::kEights * 8));
    }
}

template <int Kernel, int Channels>
void expect_all_moved_right() {
    expect_moved_right<StemTile<Kernel, Channels, 4>>(24, Kernel / 2);
    expect_moved_right<StemTile<Kernel, Channels, 4>>(32, 0);
    expect_moved_right<StemTile<Kernel, Channels, 6>>(48, 1);
    expect_moved_right<StemTile<Kernel, Channels, 8>>(64, Kernel / 2);
}

TEST(StemTile, MovesEveryOutputOnce) {
    expect_all_moved_right<2, 3>();
    expect_all_moved_right<3, 3>();
    expect_all_moved_right<4, 3>();
    expect_all_moved_right<2, 4>();
    expect_all_moved_right<3, 4>();
    expect_all_moved_right<4, 4>();
}

/// How often the memory has to be asked when 16 lanes read 8 bytes each.
template <class Tile>
int most_turns() {
    std::size_t most = 0;
    for (int i = 0; i < Tile::kSteps * 2; ++i) {
        std::map<int, std::set<int>> banks;
        for (int lane = i % 2 * 16; lane < i % 2 * 16 + 16; ++lane) {
            const int number = Tile::reach(i / 2, lane) + Tile::place_at(lane, 0, 0);
            banks[number / 4 % 16].insert(number / 4);
        }
        for (const auto& [bank, words] : banks)
            most = std::max(most, words.size());
    }
    return static_cast<int>(most);
}

TEST(StemTile, ReadsWithoutManyBankConflicts) {
    EXPECT_EQ((most_turns<StemTile<4, 3, 8>>()), 1);
    // Steps that end one row of the window and begin the next.
    EXPECT_LE((most_turns<StemTile<3, 3, 4>>()), 2);
    EXPECT_LE((most_turns<StemTile<2, 3, 4>>()), 2);
}

TEST(StemTile, FitsFourTimesIntoAMultiprocessor) {
    EXPECT_LE((StemTile<4, 3, 8>::kSharedBytes), 56 * 1024);
    EXPECT_LE((StemTile<4, 4, 8>::kSharedBytes), 56 * 1024);
    EXPECT_LE((StemTile<3, 3, 4>::kSharedBytes), 56 * 1024);
}

class CudaStemKernel : public OnDevice<> {
protected:
    /// The pixels where the strides have them.
    template <class T>
    static memory::cuda::Buffer placed(const Problem& problem) {
        const int* strides = problem.args.input.strides;
        const int(&blocks)[2] = problem.args.blocks;
        std::vector<T> made(at(2 * strides[0]), T{});
        for (int i = 0; i < static_cast<int>(problem.pixels.size()); ++i) {
            const int x = i % (blocks[1] * 2), y = i / (blocks[1] * 2) % (blocks[0] * 2);
            const int plane = i / blocks[0] / blocks[1] / 4;
            made[at(plane / problem.args.channels * strides[0] +
                    plane % problem.args.channels * strides[1] + y * strides[2] + x * strides[3])] =
                static_cast<T>(problem.pixels[at(i)]);
        }
        return uploaded(made);
    }

    template <class T, class Number>
    static void expect_right(Problem& problem) {
        StemArgs& args = problem.args;
        args.input.type = sizeof(T) == 1 ? Type::kU8 : sizeof(T) == 2 ? Type::kF16 : Type::kF32;
        args.output.type = sizeof(Number) == 1 ? Type::kI8 : Type::kF16;
        args.output.grid = {3, 3};
        const auto input = placed<T>(problem);
        const auto weights = uploaded(halves(problem.weights));
        const auto bias = uploaded(problem.bias);
        constexpr int kGap = -77;
        std::vector<Number> y(at(2 * args.output.strides[0]), static_cast<Number>(kGap));
        const auto output = uploaded(y);
        args.input.data = input.data();
        args.weights = weights.data();
        args.bias = reinterpret_cast<const float*>(bias.data());
        args.output.data = output.data();
        launch_stem(args, nullptr);
        ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
        cudaMemcpy(y.data(), output.data(), output.bytes(), cudaMemcpyDeviceToHost);

        const int(&extents)[4] = args.output.extents;
        const int(&strides)[4] = args.output.strides;
        int wrong = 0;
        for (int i = 0; i < extents[0] * extents[1] * extents[2] * extents[3]; ++i) {
            const int c = i % extents[1], x = i / extents[1] % extents[3];
            const int row = i / extents[1] / extents[3] % extents[2];
            const int n = i / extents[1] / extents[3] / extents[2];
            float wanted = problem.right(n, c, row, x);
            if (args.activates) wanted = std::max(wanted, 0.0f);
            if (sizeof(Number) == 1)
                wanted = std::clamp(std::nearbyint(wanted / 3 + 3), -128.0f, 127.0f);
            Number& got = y[at(n * strides[0] + c + row * strides[2] + x * strides[3])];
            if (static_cast<float>(got) != wanted) ++wrong;
            got = static_cast<Number>(kGap);
        }
        EXPECT_EQ(wrong, 0);
        EXPECT_EQ(std::count_if(y.begin(),
                                y.end(),
                                [](Number number) { return static_cast<float>(number) != kGap; }),
                  0)
            << "gaps were written";
    }

    template <class T>
    static void expect_right(Problem& problem) {
        expect_right<T, __half>(problem);
        expect_right<T, signed char>(problem);
    }
};

TEST_F(CudaStemKernel, WritesOutputsAndNothingBetweenThem) {
    for (int kernel = kLeastStemKernel; kernel <= kMostStemKernel; ++kernel) {
        for (int channels : {3, 4}) {
            for (int outputs : {8, 32, 40, 48, 56, 64}) {
                SCOPED_TRACE(kernel * 1000 + channels * 100 + outputs);
                Problem problem(kernel, channels, outputs, 21, 34, kernel / 2);
                problem.lay_out_input(true, 0);
                expect_right<std::uint8_t>(problem);
                expect_right<float>(problem);
                problem.lay_out_input(true, 1);
                expect_right<std::uint8_t>(problem);
                problem.lay_out_input(false, 0);
                expect_right<std::uint8_t>(problem);
                expect_right<__half>(problem);
            }
        }
    }
}

TEST_F(CudaStemKernel, GoesFromTileToTile) {
    Problem problem(3, 3, 32, 200, 164, 1);
    problem.args.activates = true;
    problem.args.activation = {static_cast<std::uint8_t>(PointOp::kRelu), -1, 0, 0};
    problem.lay_out_input(true, 0);
    expect_right<std::uint8_t>(problem);
    Problem odd(4, 3, 64, 90, 55, 2);
    odd.lay_out_input(true, 0);
    expect_right<std::uint8_t>(odd);
}

}  // namespace
}  // namespace sluice::infer::cuda
