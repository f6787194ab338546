#include "sluice/image/cuda/scale.h"

#include <vector>

#include <gtest/gtest.h>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/cuda/test_pictures.h"
#include "sluice/image/detail/test_tensors.h"

namespace sluice::image::cuda {
namespace {

using detail::whole;
using memory::PixelFormat;
using memory::cuda::Stream;

class CudaScaler : public testing::Test {
protected:
    void SetUp() override {
        if (memory::cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
        ASSERT_TRUE(memory::cuda::use_device(0));
        stream_ = Stream::create().value();
    }

    Stream stream_;
};

memory::ImageView seen(const memory::Image& image) {
    return image.view();
}

void expect_near(const memory::ImageView& got, const memory::ImageView& want, int tolerance) {
    for (int i = 0; i < memory::layout(want.format).planes; ++i) {
        const auto plane = static_cast<std::size_t>(i);
        const int rows = memory::plane_size(want.format, want.size, i).height;
        for (std::ptrdiff_t at = 0; at < rows * want.stride[plane]; ++at)
            ASSERT_NEAR(got.data[plane][at], want.data[plane][at], tolerance)
                << memory::to_string(want.format) << " plane " << i << " byte " << at;
    }
}

/// Twelve tiles of 32 x 22 or less, the last at the odd edges of the target.
constexpr memory::Size kTarget{129, 67};
PixelRect tile(int i) {
    PixelRect where{i % 4 * 32, i / 4 * 22, 30 - i % 3 * 2, 22 - i % 2 * 2};
    if (i == 11) where = {96, 44, 33, 23};
    return where;
}

TEST_F(CudaScaler, DrawsManyPicturesOfAllFormatsAtOnce) {
    const std::vector<PixelFormat> formats = device_formats();
    std::vector<Twins> twins;
    std::vector<OnDevice> pictures;
    for (int i = 0; i < 12; ++i) {
        const memory::Size size{37 + 7 * i, 61 - 3 * i};
        const auto format = formats[static_cast<std::size_t>(i) % formats.size()];
        twins.push_back(noisy_twins(format, size, static_cast<unsigned>(i)));
        pictures.emplace_back(seen(twins.back().picture));
    }
    for (const PixelFormat to : {PixelFormat::kNv12, PixelFormat::kI420})
        for (const auto range : {memory::ColorRange::kLimited, memory::ColorRange::kFull})
            for (const bool from_host : {false, true}) {
                memory::Image expected = detail::noise(to, kTarget, 5);
                memory::MutableImageView want = expected.view();
                want.range = range;
                const OnDevice target(memory::as_const(want));
                BatchScaler scaler;
                for (int i = 0; i < 12; ++i) {
                    const auto slot = static_cast<std::size_t>(i);
                    const memory::ImageView reference = seen(twins[slot].for_reference);
                    const Rect crop = i % 2 ? whole(reference.size) : Rect{3.5f, 2.25f, 30, 20};
                    cpu::scale(reference, crop, want, tile(i));
                    scaler.add(from_host ? seen(twins[slot].picture) : pictures[slot].seen(),
                               crop,
                               tile(i));
                }
                ASSERT_TRUE(scaler.run(target.view(), stream_));
                ASSERT_TRUE(stream_.wait());
                EXPECT_EQ(scaler.uploaded_bytes() != 0, from_host);
                ASSERT_NO_FATAL_FAILURE(
                    expect_near(seen(target.downloaded()), memory::as_const(want), 1));
            }
}

TEST_F(CudaScaler, CopiesExactlyAtTheSameSize) {
    const memory::Image source = detail::noise(PixelFormat::kNv12, {75, 33});
    const OnDevice picture(seen(source));
    const OnDevice target(seen(memory::Image(PixelFormat::kNv12, {75, 33})));
    BatchScaler scaler;
    scaler.add(picture.seen(), whole({75, 33}), {0, 0, 75, 33});
    ASSERT_TRUE(scaler.run(target.view(), stream_));
    ASSERT_TRUE(stream_.wait());
    expect_near(seen(target.downloaded()), source.view(), 0);
}

TEST_F(CudaScaler, FillsInColours) {
    for (const PixelFormat format : {PixelFormat::kNv12, PixelFormat::kI420}) {
        memory::Image expected = detail::noise(format, {75, 33});
        const OnDevice target(seen(expected));
        ASSERT_TRUE(image::fill(expected.view(), {200, 30, 90}));
        ASSERT_TRUE(cuda::fill(target.view(), {200, 30, 90}, stream_));
        ASSERT_TRUE(stream_.wait());
        expect_near(seen(target.downloaded()), seen(expected), 0);
    }
}

TEST_F(CudaScaler, LeavesTheTargetAloneWhenItRefuses) {
    const memory::Image before = detail::noise(PixelFormat::kNv12, {32, 32});
    const OnDevice target(seen(before));
    const OnDevice picture(seen(detail::noise(PixelFormat::kNv12, {16, 16})));
    BatchScaler scaler;
    const auto code =
        [&](const memory::ImageView& source, const Rect& crop, const PixelRect& where) {
            scaler.add(picture.seen(), whole({16, 16}), {0, 0, 8, 8});
            scaler.add(source, crop, where);
            const Result<void> done = scaler.run(target.view(), stream_);
            return done ? ErrorCode::kInternal : done.error().code;
        };
    EXPECT_EQ(code(picture.seen(), {16, 0, 4, 4}, {8, 8, 8, 8}), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(picture.seen(), {0, 0, 4, 4}, {8, 8, 32, 8}), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(picture.seen(), {0, 0, 4, 4}, {9, 8, 8, 8}), ErrorCode::kInvalidArgument);
    memory::ImageView elsewhere = picture.seen();
    elsewhere.device = 7;
    EXPECT_EQ(code(elsewhere, {0, 0, 4, 4}, {8, 8, 8, 8}), ErrorCode::kInvalidArgument);
    EXPECT_TRUE(scaler.run(target.view(), stream_)) << "what failed is forgotten";

    const OnDevice packed(seen(memory::Image(PixelFormat::kRgb, {8, 8})));
    EXPECT_EQ(scaler.run(packed.view(), stream_).error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(cuda::fill(packed.view(), {}, stream_).error().code, ErrorCode::kUnsupported);
    ASSERT_TRUE(stream_.wait());
    expect_near(seen(target.downloaded()), seen(before), 0);
}

}  // namespace
}  // namespace sluice::image::cuda
