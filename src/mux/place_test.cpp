#include "sluice/mux/detail/place.h"

#include <gtest/gtest.h>

namespace sluice::mux::detail {
namespace {

meta::Frame placed(memory::Size source, const MuxOptions& options) {
    meta::Frame frame;
    frame.source_size = source;
    place(frame, options);
    return frame;
}

TEST(Place, IsTheSourcesOwnSizeByDefault) {
    meta::Frame frame = placed({1921, 1081}, {});
    EXPECT_EQ(frame.size, (memory::Size{1921, 1081}));
    EXPECT_EQ(frame.content, (meta::PixelBox{0, 0, 1921, 1081}));
}

TEST(Place, StretchesWithoutPadding) {
    meta::Frame frame = placed({640, 480}, {.width = 1280, .height = 720});
    EXPECT_EQ(frame.size, (memory::Size{1280, 720}));
    EXPECT_EQ(frame.content, (meta::PixelBox{0, 0, 1280, 720}));
}

TEST(Place, CentresWithPadding) {
    MuxOptions options{.width = 1280, .height = 720, .enable_padding = true};
    EXPECT_EQ(placed({640, 480}, options).content, (meta::PixelBox{160, 0, 960, 720}));
    EXPECT_EQ(placed({1000, 500}, options).content, (meta::PixelBox{0, 40, 1280, 640}));
    EXPECT_EQ(placed({1920, 1080}, options).content, (meta::PixelBox{0, 0, 1280, 720}));
}

TEST(Place, FollowsTheShapeWhenOneLengthIsGiven) {
    EXPECT_EQ(placed({1920, 1080}, {.width = 640}).size, (memory::Size{640, 360}));
    EXPECT_EQ(placed({1920, 1080}, {.height = 270}).size, (memory::Size{480, 270}));
    EXPECT_EQ(placed({10'000, 3}, {.width = 100}).size, (memory::Size{100, 2}));
}

TEST(Place, LeavesAnUnknownSizeUnknown) {
    EXPECT_EQ(placed({}, {.width = 640, .enable_padding = true}).size, memory::Size{});
}

}  // namespace
}  // namespace sluice::mux::detail
