#include "sluice/memory/cuda/copy.h"

#include <gtest/gtest.h>

#include "sluice/memory/cuda/device.h"

namespace sluice::memory::cuda {
namespace {

TEST(CopyPicture, RefusesAnotherFormatOrSize) {
    Image image(PixelFormat::kNv12, {6, 4});
    Image smaller(PixelFormat::kNv12, {4, 4});
    Image other(PixelFormat::kI420, {6, 4});
    EXPECT_FALSE(copy_picture(as_const(image.view()), smaller.view()));
    EXPECT_FALSE(copy_picture(as_const(image.view()), other.view()));
}

TEST(CopyPicture, BringsEachRowOverWhateverTheStrides) {
    if (device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
    ASSERT_TRUE(use_device(0));
    constexpr Size kSize{7, 5};
    Image from(PixelFormat::kNv12, kSize);
    Image back(PixelFormat::kNv12, kSize);
    MutableImageView pixels = from.view();
    for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 7; ++x)
            pixels.data[0][y * pixels.stride[0] + x] = static_cast<std::uint8_t>(10 * y + x);
    }
    pixels.data[1][8] = 200;
    Buffer memory = Buffer::create(Buffer::Kind::kDevice, 4096).value();
    MutableImageView device = pixels;
    device.device = 0;
    device.stride = {256, 256, 0};
    auto* base = reinterpret_cast<std::uint8_t*>(memory.data());
    device.data = {base, base + 256 * 5, nullptr};
    ASSERT_TRUE(copy_picture(as_const(pixels), device));
    ASSERT_TRUE(copy_picture(as_const(device), back.view()));
    for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 7; ++x)
            EXPECT_EQ(back.view().data[0][y * back.view().stride[0] + x], 10 * y + x);
    }
    EXPECT_EQ(back.view().data[1][8], 200);
}

}  // namespace
}  // namespace sluice::memory::cuda
