#include "sluice/metrics/histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/metrics/counter.h"

namespace sluice::metrics {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// Nearest rank, from the samples themselves.
std::int64_t exact(const std::vector<std::int64_t>& sorted, double percent) {
    auto rank =
        static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void expect_percentiles_near(std::vector<std::int64_t> samples) {
    Histogram histogram;
    for (std::int64_t sample : samples)
        histogram.record(Duration(sample));
    std::sort(samples.begin(), samples.end());
    HistogramSnapshot snapshot = histogram.snapshot();
    for (double percent : {0.0, 1.0, 25.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
        auto wanted = static_cast<double>(exact(samples, percent));
        auto got = static_cast<double>(snapshot.percentile(percent).count());
        EXPECT_NEAR(got, wanted, wanted / 128) << percent;
    }
}

TEST(Histogram, PercentilesOfLogUniformSamplesAreWithinTheStatedError) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> exponent(0, 41.9);
    std::vector<std::int64_t> samples(20'000);
    for (auto& sample : samples)
        sample = static_cast<std::int64_t>(std::exp2(exponent(random)));
    expect_percentiles_near(std::move(samples));
}

TEST(Histogram, PercentilesOfLatenciesAreWithinTheStatedError) {
    std::mt19937 random(2);
    std::lognormal_distribution<double> latency(std::log(5e6), 0.6);
    std::vector<std::int64_t> samples(20'000);
    for (auto& sample : samples)
        sample = static_cast<std::int64_t>(latency(random));
    expect_percentiles_near(std::move(samples));
}

TEST(Histogram, IsExactForSmallValues) {
    Histogram histogram;
    for (int i = 1; i <= 100; ++i)
        histogram.record(Duration(i));
    EXPECT_EQ(histogram.snapshot().percentile(50), Duration(50));
    EXPECT_EQ(histogram.snapshot().percentile(99), Duration(99));
}

TEST(Histogram, CountMeanMinAndMaxAreExact) {
    Histogram histogram;
    histogram.record(milliseconds(10));
    histogram.record(milliseconds(20));
    histogram.record(milliseconds(60));
    HistogramSnapshot snapshot = histogram.snapshot();
    EXPECT_EQ(snapshot.count, 3u);
    EXPECT_EQ(snapshot.mean(), milliseconds(30));
    EXPECT_EQ(snapshot.min, milliseconds(10));
    EXPECT_EQ(snapshot.max, milliseconds(60));
    EXPECT_EQ(snapshot.percentile(0), milliseconds(10));
    EXPECT_EQ(snapshot.percentile(100), milliseconds(60));
}

TEST(Histogram, IsAllZeroWhenEmpty) {
    HistogramSnapshot snapshot = Histogram().snapshot();
    EXPECT_EQ(snapshot.count, 0u);
    EXPECT_EQ(snapshot.mean(), Duration{});
    EXPECT_EQ(snapshot.min, Duration{});
    EXPECT_EQ(snapshot.percentile(99), Duration{});
}

TEST(Histogram, TakesNegativeAndEnormousDurations) {
    Histogram histogram;
    histogram.record(milliseconds(-5));
    histogram.record(hours(10));
    histogram.record(hours(20));
    HistogramSnapshot snapshot = histogram.snapshot();
    EXPECT_EQ(snapshot.min, Duration{});
    EXPECT_EQ(snapshot.max, hours(20));
    EXPECT_EQ(snapshot.percentile(99), hours(20));
}

TEST(Histogram, MergedEqualsRecordedTogether) {
    Histogram one;
    Histogram other;
    Histogram both;
    for (int i = 0; i < 1000; ++i) {
        Duration value(i * i * 997);
        (i % 3 ? one : other).record(value);
        both.record(value);
    }
    HistogramSnapshot merged;
    merged.merge(one.snapshot());
    merged.merge(other.snapshot());
    merged.merge({});
    HistogramSnapshot wanted = both.snapshot();
    EXPECT_EQ(merged.count, wanted.count);
    EXPECT_EQ(merged.sum, wanted.sum);
    EXPECT_EQ(merged.min, wanted.min);
    EXPECT_EQ(merged.max, wanted.max);
    EXPECT_EQ(merged.buckets, wanted.buckets);
}

TEST(Histogram, LosesNothingWhenThreadsRecordTogether) {
    Histogram histogram;
    Counter counter;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&histogram, &counter, t] {
            for (int i = 0; i < 10'000; ++i) {
                histogram.record(Duration(t * 10'000 + i));
                counter.add();
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    HistogramSnapshot snapshot = histogram.snapshot();
    EXPECT_EQ(snapshot.count, 40'000u);
    EXPECT_EQ(snapshot.sum, Duration(std::int64_t{40'000} * 39'999 / 2));
    EXPECT_EQ(snapshot.min, Duration(0));
    EXPECT_EQ(snapshot.max, Duration(39'999));
    EXPECT_EQ(counter.value(), 40'000u);
}

}  // namespace
}  // namespace sluice::metrics
