#include "sluice/meta/box.h"

#include <gtest/gtest.h>

namespace sluice::meta {
namespace {

TEST(Box, IouOfHalfShiftedSquaresIsAThird) {
    EXPECT_FLOAT_EQ(iou({0, 0, 10, 10}, {5, 0, 10, 10}), 1.f / 3);
    EXPECT_EQ(iou({0, 0, 10, 10}, {10, 0, 10, 10}), 0);
    EXPECT_EQ(iou({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST(Box, ClipKeepsOnlyWhatIsInside) {
    EXPECT_EQ(clip({-5, 2, 10, 10}, 100, 8), (PixelBox{0, 2, 5, 6}));
    EXPECT_EQ(clip({200, 2, 10, 10}, 100, 8).width, 0);
}

}  // namespace
}  // namespace sluice::meta
