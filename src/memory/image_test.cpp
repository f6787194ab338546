#include "sluice/memory/image.h"

#include <gtest/gtest.h>

namespace sluice::memory {
namespace {

TEST(Image, OddSizesRoundChromaUp) {
    Image image(PixelFormat::kI420, {5, 3});
    MutableImageView view = image.view();
    EXPECT_EQ(plane_size(PixelFormat::kI420, {5, 3}, 1), (Size{3, 2}));
    EXPECT_EQ(view.data[1] - view.data[0], 15);
    EXPECT_EQ(view.data[2] - view.data[1], 6);
    EXPECT_EQ(view.stride[1], 3);
}

TEST(Image, Nv12InterleavesChroma) {
    Image image(PixelFormat::kNv12, {4, 4});
    EXPECT_EQ(image.view().stride[1], 4);
    EXPECT_EQ(image.view().data[2], nullptr);
}

TEST(Image, P010IsNv12OfTwiceTheBytes) {
    Image image(PixelFormat::kP010, {5, 3});
    const MutableImageView view = image.view();
    EXPECT_EQ(view.stride[0], 10);
    EXPECT_EQ(view.stride[1], 12);
    EXPECT_EQ(view.data[1] - view.data[0], 30);
}

TEST(Image, PixelsOfADeviceOrOfTenBitsAreNotForTheCpu) {
    Image image(PixelFormat::kNv12, {4, 4});
    EXPECT_TRUE(check_host_pixels(as_const(image.view())));
    MutableImageView view = image.view();
    view.device = 1;
    EXPECT_EQ(check_host_pixels(as_const(view)).error().code, ErrorCode::kUnsupported);
    Image deep(PixelFormat::kP010, {4, 4});
    EXPECT_EQ(check_host_pixels(as_const(deep.view())).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sluice::memory
