#include "sluice/track/detail/observed_motion.h"

#include <gtest/gtest.h>

namespace sluice::track::detail {
namespace {

Edges person(double x) {
    return centered(x, 200, 60, 160);
}

/// Walks 8 pixels a frame, up to x = 180 at tick 10.
template <class Motion>
void walk(Motion& motion) {
    motion.start(person(100));
    for (int t = 1; t <= 10; ++t) {
        motion.predict({}, false);
        motion.correct(person(100 + 8 * t));
    }
}

TEST(ObservedMotion, RunsAgainOnAStraightLineThroughAGap) {
    ObservedMotion motion;
    AreaMotion expected;
    walk(motion);
    walk(expected);
    for (int t = 0; t < 3; ++t) {
        motion.predict({}, t > 0);
        motion.lose();
    }
    motion.predict({}, true);
    motion.correct(person(140));  // it had turned back
    for (double x : {170.0, 160.0, 150.0, 140.0}) {
        expected.predict({}, false);
        expected.correct(person(x));
    }
    expected.correct(person(140));
    EXPECT_NEAR(motion.box().left, expected.box().left, 1e-9);
    motion.predict({}, false);
    expected.predict({}, false);
    EXPECT_NEAR(motion.box().left, expected.box().left, 1e-9) << "velocity";
}

TEST(ObservedMotion, BearsAGapLongerThanItRunsThroughFrameByFrame) {
    ObservedMotion motion;
    walk(motion);
    motion.predict({}, false);
    motion.lose();
    for (int t = 0; t < 2000; ++t)
        motion.predict({}, true);
    motion.correct(person(140));
    EXPECT_NEAR(motion.box().center_x(), 140, 1);
}

TEST(ObservedMotion, LooksBackAsFarAsItIsTold) {
    ObservedMotion motion(3);
    walk(motion);
    motion.predict({}, false);  // tick 11, so the reference is of tick 8
    EXPECT_DOUBLE_EQ(motion.reference().center_x(), 100 + 8 * 8);
    EXPECT_DOUBLE_EQ(motion.heading().x, 8 * 3 / (8 * 3 + 1e-6));
    EXPECT_DOUBLE_EQ(motion.heading().y, 0);
}

TEST(ObservedMotion, FallsBackOnTheLastObservation) {
    ObservedMotion motion(3);
    walk(motion);
    motion.predict({20, 20}, false);
    EXPECT_DOUBLE_EQ(motion.reference().center_x(), 180);
}

TEST(ObservedMotion, HasNoObservationAtBirth) {
    ObservedMotion motion;
    motion.start(person(100));
    EXPECT_FALSE(motion.observed());
    motion.lose();
    motion.predict({}, true);
    motion.correct(person(104));
    EXPECT_TRUE(motion.observed());
    EXPECT_DOUBLE_EQ(motion.last_box().center_x(), 104);
}

TEST(Direction, IsNothingBetweenEqualCenters) {
    Direction none = direction(person(100), person(100));
    EXPECT_EQ(none.x, 0);
    EXPECT_EQ(none.y, 0);
}

}  // namespace
}  // namespace sluice::track::detail
