#include "sluice/track/detail/frame_clock.h"

#include <limits>

#include <gtest/gtest.h>

#include "sluice/meta/frame.h"

namespace sluice::track::detail {
namespace {

constexpr std::int64_t kInterval = 33'333'333;

/// A clock that has seen a second of video.
FrameClock running_clock(std::int64_t& pts) {
    FrameClock clock;
    for (int i = 0; i < 30; ++i) {
        pts += kInterval;
        clock.advance(pts);
    }
    return clock;
}

TEST(FrameClock, CountsExactlyOneAtAConstantRateDespiteRounding) {
    FrameClock clock;
    for (std::int64_t i = 0; i < 100; ++i) {
        Step step = clock.advance(i * 1'000'000'000 / 30 + i % 2);
        EXPECT_EQ(step.dt, 1.0);
        EXPECT_EQ(step.ticks, 1);
    }
}

TEST(FrameClock, CountsMissingFrames) {
    std::int64_t pts = 0;
    FrameClock clock = running_clock(pts);
    Step step = clock.advance(pts + 4 * kInterval);
    EXPECT_EQ(step.dt, 4.0);
    EXPECT_EQ(step.ticks, 4);
    EXPECT_EQ(clock.advance(pts + 5 * kInterval).dt, 1.0);
}

TEST(FrameClock, KeepsFractions) {
    std::int64_t pts = 0;
    FrameClock clock = running_clock(pts);
    EXPECT_NEAR(clock.advance(pts + kInterval * 5 / 2).dt, 2.5, 1e-6);
}

TEST(FrameClock, ForgivesJitter) {
    std::int64_t pts = 0;
    FrameClock clock = running_clock(pts);
    EXPECT_EQ(clock.advance(pts + kInterval + 5'000'000).dt, 1.0);
}

TEST(FrameClock, LearnsANewRate) {
    std::int64_t pts = 0;
    FrameClock clock = running_clock(pts);
    for (int i = 0; i < 20; ++i)
        clock.advance(pts += 5 * kInterval);
    EXPECT_EQ(clock.advance(pts + 5 * kInterval).dt, 1.0);
}

TEST(FrameClock, IsNotFooledByAGapAtTheStart) {
    FrameClock clock;
    clock.advance(0);
    clock.advance(10 * kInterval);
    EXPECT_EQ(clock.advance(11 * kInterval).dt, 1.0);
    EXPECT_EQ(clock.advance(12 * kInterval).dt, 1.0);
}

TEST(FrameClock, TakesMissingRepeatedAndBackwardStampsForOneInterval) {
    std::int64_t pts = 0;
    FrameClock clock = running_clock(pts);
    EXPECT_EQ(clock.advance(meta::kNoPts).dt, 1.0);
    EXPECT_EQ(clock.advance(pts).dt, 1.0);
    EXPECT_EQ(clock.advance(pts - 1'000'000'000).ticks, 1);
    EXPECT_EQ(clock.advance(pts - 1'000'000'000 + kInterval).dt, 1.0);
}

TEST(FrameClock, SurvivesTheLargestJump) {
    FrameClock clock;
    clock.advance(std::numeric_limits<std::int64_t>::min() + 1);
    Step step = clock.advance(std::numeric_limits<std::int64_t>::max());
    EXPECT_GE(step.ticks, 1);
    clock.advance(std::numeric_limits<std::int64_t>::min() + 1);
    clock.advance(std::numeric_limits<std::int64_t>::min() + 2);
    EXPECT_LE(clock.advance(std::numeric_limits<std::int64_t>::max()).ticks, 1'000'000);
}

}  // namespace
}  // namespace sluice::track::detail
