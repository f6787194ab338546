#include "sluice/infer/calibration/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::infer {
namespace {

using testing::HasSubstr;

constexpr std::array kMethods{
    RangeMethod::kMax, RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse};

std::vector<float> normal(std::size_t count, float mean, float deviation) {
    std::mt19937 random(1);
    std::normal_distribution<float> number(mean, deviation);
    std::vector<float> numbers(count);
    std::generate(numbers.begin(), numbers.end(), [&] { return number(random); });
    return numbers;
}

RangeCollector collected(const std::vector<float>& numbers) {
    RangeCollector collector("t");
    EXPECT_TRUE(collector.add(numbers));
    return collector;
}

double squared_error(const std::vector<float>& numbers, const TensorRange& range) {
    const double step = (static_cast<double>(range.high) - range.low) / 255;
    double sum = 0;
    for (float x : numbers) {
        const double rounded =
            std::nearbyint((std::clamp(x, range.low, range.high) - range.low) / step) * step +
            range.low;
        sum += (x - rounded) * (x - rounded);
    }
    return sum / static_cast<double>(numbers.size());
}

bool zero_is_a_step(const TensorRange& range) {
    const float step = (range.high - range.low) / 255;
    const float zero = -range.low / step;
    return range.low <= 0 && range.high >= 0 && std::fabs(zero - std::round(zero)) < 1e-3f;
}

TEST(RangeCollector, KnowsTheEndsExactly) {
    RangeCollector collector = collected({-1.25f, 0, 3});
    ASSERT_TRUE(collector.add(std::vector<float>{7.5f}));
    EXPECT_EQ(collector.min(), -1.25f);
    EXPECT_EQ(collector.max(), 7.5f);
    EXPECT_EQ(collector.count(), 4u);
    EXPECT_EQ(collected({2, 3}).min(), 2);
    EXPECT_TRUE(collector.add(std::vector<float>{}));
}

TEST(RangeCollector, DoesNotCareInWhichOrderAndPiecesNumbersCome) {
    std::vector<float> numbers = normal(10'000, 0.3f, 1);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] *= std::pow(1.001f, static_cast<float>(i));  // the range widens all the time
    const std::string at_once = collected(numbers).save();
    RangeCollector in_pieces("t");
    for (std::size_t i = 0; i < numbers.size(); i += 100)
        ASSERT_TRUE(in_pieces.add(std::span(numbers).subspan(i, 100)));
    EXPECT_EQ(in_pieces.save(), at_once);
    RangeCollector joined = collected({numbers.begin(), numbers.begin() + 3000});
    joined.add(collected({numbers.begin() + 3000, numbers.end()}));
    EXPECT_EQ(joined.save(), at_once);
    std::reverse(numbers.begin(), numbers.end());
    EXPECT_EQ(collected(numbers).save(), at_once);
}

TEST(RangeCollector, NamesTheTensorThatIsNotFinite) {
    RangeCollector collector = collected({1});
    for (float bad : {std::numeric_limits<float>::quiet_NaN(),
                      std::numeric_limits<float>::infinity(),
                      -std::numeric_limits<float>::infinity()}) {
        auto added = collector.add(std::vector<float>{0, bad, 100});
        ASSERT_FALSE(added);
        EXPECT_THAT(added.error().text(), HasSubstr("'t'"));
    }
    EXPECT_EQ(collector.max(), 1);
    EXPECT_EQ(collector.count(), 1u);
}

TEST(RangeCollector, IsKeptAndReadBack) {
    RangeCollector collector = collected(normal(1000, 1, 2));
    auto read = RangeCollector::load(collector.save());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->save(), collector.save());
    EXPECT_EQ(read->min(), collector.min());
    EXPECT_EQ(RangeCollector::load(RangeCollector("empty").save())->count(), 0u);
    for (const char* text : {"",
                             "t\t1",
                             "t\t1\t0\t-1\t1\t9999:1",
                             "t\t2\t0\t-1\t1\t5:1",
                             "t\t1\t0\t-1\tx\t5:1",
                             "t\t-1\t0\t0\t0\t"})
        EXPECT_FALSE(RangeCollector::load(text)) << text;
}

TEST(Ranges, HoldZeroOnAStep) {
    for (const auto& numbers : {normal(5000, 0, 1),
                                normal(5000, 3, 1),
                                normal(5000, -7, 1),
                                std::vector<float>{0, 0},
                                std::vector<float>{},
                                std::vector<float>{5},
                                std::vector<float>{-1e-20f},
                                std::vector<float>{-1e30f, 1e-30f}}) {
        const RangeCollector collector = collected(numbers);
        for (RangeMethod method : kMethods) {
            const TensorRange free = collector.range(method, Steps::kAsymmetric);
            EXPECT_TRUE(zero_is_a_step(free)) << free.low << " .. " << free.high;
            EXPECT_LT(free.low, free.high);
            const TensorRange even = collector.range(method, Steps::kSymmetric);
            EXPECT_FLOAT_EQ(even.low, -even.high * 128 / 127);
            EXPECT_GT(even.high, 0);
        }
    }
}

TEST(Ranges, OfMaxSpanEverything) {
    const std::vector<float> numbers = normal(5000, 1, 2);
    const RangeCollector collector = collected(numbers);
    const TensorRange range = collector.range(RangeMethod::kMax, Steps::kAsymmetric);
    const float step = (range.high - range.low) / 255;
    EXPECT_NEAR(range.low, collector.min(), step);
    EXPECT_NEAR(range.high, collector.max(), step);
    EXPECT_EQ(collector.range(RangeMethod::kMax, Steps::kSymmetric).high,
              std::max(-collector.min(), collector.max()));
    EXPECT_EQ(collected({0, 2}).range(RangeMethod::kMax, Steps::kAsymmetric).low, 0);
}

TEST(Ranges, OfPercentilesLeaveOutTheRarest) {
    std::vector<float> numbers = normal(100'000, 0, 1);
    numbers[7] = 100;
    const RangeCollector collector = collected(numbers);
    std::sort(numbers.begin(), numbers.end());
    const TensorRange range = collector.range(RangeMethod::kPercentile, Steps::kAsymmetric);
    const float bin = 101.0f / 2048;
    EXPECT_NEAR(range.low, numbers[5], bin);
    EXPECT_NEAR(range.high, numbers[numbers.size() - 6], bin);
}

/// Against all ends on a fine grid, by the numbers themselves.
TEST(Ranges, OfLeastSquareAreAsGoodAsBruteForce) {
    std::vector<float> numbers = normal(5000, 0.5f, 1);
    for (float& x : numbers)
        x = x / (1 + std::exp(-x));  // as SiLU leaves them
    numbers[9] = 20;
    const RangeCollector collector = collected(numbers);
    double best = std::numeric_limits<double>::infinity();
    for (int low = 0; low <= 40; ++low) {
        for (int high = 1; high <= 200; ++high) {
            const TensorRange range = with_zero({"t",
                                                 collector.min() * static_cast<float>(low) / 40,
                                                 collector.max() * static_cast<float>(high) / 200},
                                                Steps::kAsymmetric);
            best = std::min(best, squared_error(numbers, range));
        }
    }
    const TensorRange found = collector.range(RangeMethod::kMse, Steps::kAsymmetric);
    EXPECT_LT(squared_error(numbers, found), best * 1.05);
}

TEST(Ranges, OfEntropyCutALongThinTail) {
    std::vector<float> numbers = normal(200'000, 0, 1);
    for (std::size_t i = 0; i < 20; ++i)
        numbers[i] = 30 + static_cast<float>(i);
    const TensorRange range = collected(numbers).range(RangeMethod::kEntropy, Steps::kSymmetric);
    EXPECT_LT(range.high, 25);
    EXPECT_GT(range.high, 2);
}

TEST(Ranges, OfEntropyKeepEvenNumbersWhole) {
    std::vector<float> numbers(100'000);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<float>(i) / 50'000 - 1;
    const TensorRange range = collected(numbers).range(RangeMethod::kEntropy, Steps::kSymmetric);
    EXPECT_GT(range.high, 0.95f);
}

TEST(Ranges, TellTheShareThatTheyClip) {
    std::vector<float> numbers(1000);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<float>(i) / 1000;
    const RangeCollector collector = collected(numbers);
    EXPECT_NEAR(collector.clipped({"t", 0, 0.9f}), 0.1, 0.002);
    EXPECT_EQ(collector.clipped({"t", 0, 1}), 0);
    EXPECT_EQ(collector.clipped(collector.range(RangeMethod::kMax, Steps::kAsymmetric)), 0);
    EXPECT_EQ(RangeCollector("t").clipped({"t", 0, 1}), 0);
}

}  // namespace
}  // namespace sluice::infer
