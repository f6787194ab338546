#include <vector>

#include <gtest/gtest.h>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/cuda/args.h"
#include "sluice/image/cuda/network_pixels.h"
#include "sluice/image/cuda/square.h"
#include "sluice/image/cuda/test_pictures.h"
#include "sluice/image/detail/test_tensors.h"

/// The kernels' arithmetic, run by the host: needs no GPU.
namespace sluice::image::cuda {
namespace {

using detail::plan_of;
using detail::whole;
using memory::ElementType;
using memory::PixelFormat;

constexpr double kNear = 0.01;  ///< of 255

/// Every number of the network's input.
void judge(const memory::ImageView& view,
           const memory::ImageView& for_reference,
           const Rect& crop,
           const PreprocessPlan& plan) {
    const Placement placement = place(view.size, crop, plan).value();
    const auto channels = static_cast<std::size_t>(channel_count(plan.channels));
    const auto width = static_cast<std::size_t>(plan.size.width);
    std::vector<float> want(width * static_cast<std::size_t>(plan.size.height) * channels);
    cpu::preprocess(for_reference, placement, plan, want.data());

    const PreprocessArgs args = network_args(plan, 0);
    const Picture picture = picture_of(view, placement.crop, placement.content);
    for (int top = 0; top < plan.size.height; top += kRows)
        for (int x = 0; x < plan.size.width; ++x) {
            float pixels[kRows][3];
            network_pixels(args, picture, x, top, pixels);
            for (int y = top; y < std::min(top + kRows, plan.size.height); ++y)
                for (std::size_t channel = 0; channel < channels; ++channel) {
                    const auto at =
                        (static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)) *
                            channels +
                        channel;
                    ASSERT_NEAR(pixels[y - top][channel], want[at], kNear)
                        << memory::to_string(view.format) << " pixel " << x << ',' << y;
                }
        }
}

PreprocessPlan floats(memory::Size size) {
    return plan_of(size, ElementType::kF32, TensorLayout::kNhwc);
}

memory::ImageView seen(const memory::Image& image) {
    return image.view();
}

TEST(CudaArithmetic, AgreesForEveryFormatFitAndOrder) {
    for (const PixelFormat format : device_formats()) {
        const Twins twins = noisy_twins(format, {37, 23});
        for (int variant = 0; variant < 9; ++variant) {
            PreprocessPlan plan = floats({67, 41});
            plan.fit = variant / 3 ? Fit::kLetterbox : Fit::kStretch;
            plan.anchor = variant / 3 == 2 ? Anchor::kCenter : Anchor::kTopLeft;
            plan.channels = static_cast<ChannelOrder>(variant % 3);
            plan.fill = {1, 114, 255};
            plan.mean = {10, 20, 30};
            plan.scale = {1, 0.5f, -1};
            ASSERT_NO_FATAL_FAILURE(judge(seen(twins.picture),
                                          seen(twins.for_reference),
                                          {3.25f, 1.5f, 30.5f, 20.75f},
                                          plan));
        }
    }
}

TEST(CudaArithmetic, AgreesOnCropsOfEveryKind) {
    const memory::Size size{101, 77};
    const Rect crops[] = {whole(size),
                          {0, 0, 1, 1},
                          {100, 76, 1, 1},
                          {13.3f, 70.9f, 0.2f, 0.2f},
                          {99, 0, 2, 77},
                          {-20, -20, 60, 60},
                          {90.5f, 60.25f, 500, 500}};
    for (const PixelFormat format : device_formats()) {
        const Twins twins = noisy_twins(format, size);
        for (const Rect& crop : crops)
            for (const memory::Size output :
                 {memory::Size{1, 1}, memory::Size{5, 3}, memory::Size{64, 33}}) {
                PreprocessPlan plan = floats(output);
                plan.fit = Fit::kLetterbox;
                ASSERT_NO_FATAL_FAILURE(
                    judge(seen(twins.picture), seen(twins.for_reference), crop, plan));
            }
    }
}

TEST(CudaArithmetic, AgreesInEveryColourSpace) {
    for (const PixelFormat format : detail::kAllFormats)
        for (const auto matrix : {memory::ColorMatrix::kBt601, memory::ColorMatrix::kBt709})
            for (const auto range : {memory::ColorRange::kLimited, memory::ColorRange::kFull}) {
                memory::Image image = detail::extremes(format, {32, 32});
                memory::MutableImageView mutable_view = image.view();
                mutable_view.matrix = matrix;
                mutable_view.range = range;
                const memory::ImageView view = memory::as_const(mutable_view);
                ASSERT_NO_FATAL_FAILURE(judge(view, view, whole(view.size), floats({45, 53})));
            }
}

TEST(CudaArithmetic, AgreesOnHugeChangesOfScale) {
    const memory::Image large = detail::noise(PixelFormat::kNv12, {8191, 17});
    const memory::Image tiny = detail::noise(PixelFormat::kNv12, {3, 2});
    judge(large.view(), large.view(), whole({8191, 17}), floats({4097, 5}));
    judge(tiny.view(), tiny.view(), whole({3, 2}), floats({700, 100}));
}

TEST(CudaArithmetic, HearsAllTenBits) {
    std::uint16_t luma = 0;
    std::uint16_t chroma[2] = {512 << 6, 512 << 6};
    memory::ImageView view{PixelFormat::kP010, {1, 1}};
    view.data = {reinterpret_cast<const std::uint8_t*>(&luma),
                 reinterpret_cast<const std::uint8_t*>(chroma)};
    view.stride = {2, 4};
    const auto red_of = [&](int sample, memory::ColorRange range) {
        luma = static_cast<std::uint16_t>(sample << 6);
        view.range = range;
        float pixels[kRows][3];
        network_pixels(network_args(floats({1, 1}), 0),
                       picture_of(view, {0, 0, 1, 1}, {0, 0, 1, 1}),
                       0,
                       0,
                       pixels);
        return pixels[0][0];
    };
    EXPECT_NEAR(red_of(64, memory::ColorRange::kLimited), 0, kNear);
    EXPECT_NEAR(red_of(65, memory::ColorRange::kLimited), 255 / 876.0, kNear);
    EXPECT_NEAR(red_of(940, memory::ColorRange::kLimited), 255, kNear);
    EXPECT_NEAR(red_of(1, memory::ColorRange::kFull), 255 / 1023.0, kNear);
    EXPECT_NEAR(red_of(1023, memory::ColorRange::kFull), 255, kNear);
}

struct Scene {
    memory::Size source;
    Rect crop;
    memory::Size target;
    PixelRect where;
};

std::uint8_t byte(float value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0f, 255.0f)));
}

/// What the kernel's threads do with their squares, one after the other.
void draw(const ScaleArgs& args, int columns, int rows) {
    const Picture& picture = args.picture[0];
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column) {
            const Square square = square_of(args, 0, column, row);
            const int left = picture.left + 2 * column;
            const int top = picture.top + 2 * row;
            for (int y = 0; y < 2; ++y)
                for (int x = 0; x < 2; ++x)
                    if (left + x < picture.right && top + y < picture.bottom)
                        args.plane[0][(top + y) * args.pitch[0] + left + x] =
                            byte(square.luma[y][x]);
            const int at = top / 2 * args.pitch[1];
            args.plane[1][args.planar ? at + left / 2 : at + left] = byte(square.u);
            if (args.planar) {
                args.plane[2][at + left / 2] = byte(square.v);
            } else {
                args.plane[1][at + left + 1] = byte(square.v);
            }
        }
}

void judge_scaling(const Twins& twins,
                   PixelFormat to,
                   const Scene& scene,
                   memory::ColorRange range) {
    memory::Image expected = detail::noise(to, scene.target, 5);
    memory::MutableImageView expected_view = expected.view();
    expected_view.range = range;
    cpu::scale(seen(twins.for_reference), scene.crop, expected_view, scene.where);

    memory::Image actual = detail::noise(to, scene.target, 5);
    memory::MutableImageView view = actual.view();
    view.range = range;
    ScaleArgs args = target_args(view);
    args.count = 1;
    args.picture[0] = picture_of(seen(twins.picture), scene.crop, scene.where);
    args.same_colors[0] = same_colors(seen(twins.picture), view);
    draw(args, (scene.where.width + 1) / 2, (scene.where.height + 1) / 2);

    for (int plane = 0; plane < memory::layout(to).planes; ++plane) {
        const auto slot = static_cast<std::size_t>(plane);
        const int rows = memory::plane_size(to, scene.target, plane).height;
        for (std::ptrdiff_t i = 0; i < rows * view.stride[slot]; ++i)
            ASSERT_NEAR(view.data[slot][i], expected_view.data[slot][i], 1)
                << memory::to_string(seen(twins.picture).format) << " plane " << plane << " byte "
                << i;
    }
}

TEST(CudaArithmetic, ScalesAsTheReferenceDoes) {
    const Scene scenes[] = {{{37, 23}, {0, 0, 37, 23}, {70, 50}, {4, 6, 60, 40}},
                            {{101, 77}, {10.5f, 3.25f, 80, 60}, {41, 33}, {2, 2, 39, 31}},
                            {{64, 48}, {0, 0, 64, 48}, {64, 48}, {0, 0, 64, 48}}};
    for (const PixelFormat from : device_formats())
        for (const PixelFormat to : {PixelFormat::kNv12, PixelFormat::kI420})
            for (const Scene& scene : scenes)
                for (const auto range : {memory::ColorRange::kLimited, memory::ColorRange::kFull})
                    ASSERT_NO_FATAL_FAILURE(
                        judge_scaling(noisy_twins(from, scene.source), to, scene, range));
}

TEST(CudaArgs, RefuseViewsThatTheDeviceCannotRead) {
    alignas(8) std::uint8_t bytes[64] = {};
    memory::ImageView view{PixelFormat::kNv12, {4, 4}};
    view.data = {bytes, bytes + 16};
    view.stride = {4, 4};
    view.device = 0;
    EXPECT_TRUE(check_device_view(view, 0));
    const auto refused = [&](auto change) {
        memory::ImageView bad = view;
        change(bad);
        const Result<void> checked = check_source(bad, 0);
        return !checked && checked.error().code == ErrorCode::kInvalidArgument;
    };
    EXPECT_TRUE(refused([](auto& bad) { bad.device = 1; }));
    EXPECT_TRUE(refused([](auto& bad) { bad.data[1] += 1; })) << "pairs of bytes";
    EXPECT_TRUE(refused([](auto& bad) { bad.stride[1] = 5; }));
    EXPECT_TRUE(refused([](auto& bad) { bad.stride[0] = 3; }));
    EXPECT_TRUE(refused([](auto& bad) { bad.data[0] = nullptr; }));
    EXPECT_FALSE(refused([](auto& odd) {
        odd.stride[0] = 5;
        odd.data[0] += 1;
    })) << "single bytes";
    EXPECT_FALSE(refused([](auto& host) {
        host.device = memory::kHostMemory;
        host.data[1] += 1;
        host.stride[1] = 5;
    })) << "copied first";
}

}  // namespace
}  // namespace sluice::image::cuda
