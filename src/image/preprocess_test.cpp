#include "sluice/image/preprocess.h"

#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/detail/test_images.h"
#include "sluice/image/detail/test_tensors.h"

namespace sluice::image {
namespace {

using detail::allowed;
using detail::elements;
using detail::plan_of;
using detail::whole;
using memory::ElementType;
using memory::PixelFormat;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

Preprocessor make(const PreprocessPlan& plan) {
    return std::move(Preprocessor::create(plan)).value();
}

/// Runs every instruction set this machine has against the reference.
void judge(const memory::ImageView& view, const Rect& crop, const PreprocessPlan& plan) {
    Preprocessor preprocessor = make(plan);
    std::vector<std::uint8_t> expected(preprocessor.output_bytes());
    const Placement placement = place(view.size, crop, plan).value();
    cpu::preprocess(view, placement, plan, expected.data());
    const std::vector<double> want = elements(expected, plan.type);
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::GetChosenTarget().Update(target);
        std::vector<std::uint8_t> actual(preprocessor.output_bytes());
        ASSERT_TRUE(preprocessor.run(view, crop, actual.data()));
        const std::vector<double> got = elements(actual, plan.type);
        for (std::size_t i = 0; i < want.size(); ++i)
            ASSERT_NEAR(got[i], want[i], allowed(want[i], plan.type, plan.scale[0]))
                << hwy::TargetName(target) << ' ' << memory::to_string(view.format) << " element "
                << i;
    }
    hwy::GetChosenTarget().DeInit();
}

TEST(PreprocessTwins, AgreeForEveryFormatLayoutTypeAndFit) {
    for (const PixelFormat format : detail::kAllFormats) {
        const memory::Image image = detail::noise(format, {37, 23});
        for (const ElementType type :
             {ElementType::kU8, ElementType::kF32, ElementType::kF16, ElementType::kBf16})
            for (int variant = 0; variant < 18; ++variant) {
                PreprocessPlan plan = plan_of(
                    {67, 41}, type, variant % 2 ? TensorLayout::kNchw : TensorLayout::kNhwc);
                plan.fit = variant / 6 ? Fit::kLetterbox : Fit::kStretch;
                plan.anchor = variant / 6 == 2 ? Anchor::kCenter : Anchor::kTopLeft;
                plan.channels = static_cast<ChannelOrder>(variant / 2 % 3);
                plan.fill = {1, 114, 255};
                ASSERT_NO_FATAL_FAILURE(judge(image.view(), {3.25f, 1.5f, 30.5f, 20.75f}, plan));
            }
    }
}

TEST(PreprocessTwins, AgreeOnCropsOfEveryKind) {
    const memory::Size size{101, 77};
    const Rect crops[] = {whole(size),
                          {0, 0, 1, 1},
                          {100, 76, 1, 1},
                          {50, 30, 1, 47},
                          {13.3f, 70.9f, 0.2f, 0.2f},
                          {99, 0, 2, 77},
                          {-20, -20, 60, 60},
                          {90.5f, 60.25f, 500, 500},
                          {1, 1, 3, 3},
                          {20, 20, 40, 40}};
    const memory::Size outputs[] = {{1, 1}, {5, 3}, {40, 40}, {64, 33}, {211, 9}};
    for (const PixelFormat format : detail::kAllFormats) {
        const memory::Image image = detail::noise(format, size, 7);
        for (const Rect& crop : crops)
            for (const memory::Size output : outputs) {
                PreprocessPlan plan = plan_of(output, ElementType::kF32, TensorLayout::kNhwc);
                plan.fit = Fit::kLetterbox;
                ASSERT_NO_FATAL_FAILURE(judge(image.view(), crop, plan));
            }
    }
}

TEST(PreprocessTwins, AgreeOnExtremesInEveryColourSpace) {
    for (const PixelFormat format : detail::kAllFormats)
        for (const auto matrix : {memory::ColorMatrix::kBt601, memory::ColorMatrix::kBt709})
            for (const auto range : {memory::ColorRange::kLimited, memory::ColorRange::kFull}) {
                memory::Image image = detail::extremes(format, {64, 64});
                memory::MutableImageView view = image.view();
                view.matrix = matrix;
                view.range = range;
                const PreprocessPlan plan = plan_of({91, 53}, ElementType::kF32);
                ASSERT_NO_FATAL_FAILURE(judge(memory::as_const(view), whole(view.size), plan));
            }
}

TEST(PreprocessTwins, AgreeOnNormalisation) {
    const memory::Image image = detail::noise(PixelFormat::kNv12, {50, 40});
    for (const ElementType type :
         {ElementType::kU8, ElementType::kF32, ElementType::kF16, ElementType::kBf16})
        for (const float scale : {1 / 255.0f, -0.02f, 1.5f}) {
            PreprocessPlan plan = plan_of({33, 33}, type);
            plan.mean = {123.675f, 116.28f, 103.53f};
            plan.scale = {scale, scale, scale};
            ASSERT_NO_FATAL_FAILURE(judge(image.view(), whole({50, 40}), plan));
        }
}

TEST(PreprocessTwins, AgreeOnHugeChangesOfScale) {
    const memory::Image large = detail::noise(PixelFormat::kI420, {2051, 1027});
    const memory::Image tiny = detail::noise(PixelFormat::kI420, {3, 2});
    judge(large.view(), whole({2051, 1027}), plan_of({7, 5}));
    judge(tiny.view(), whole({3, 2}), plan_of({700, 100}));
}

/// cv2.resize(a, (w, h), interpolation=cv2.INTER_LINEAR), OpenCV 4, on the same 5x4 samples.
TEST(Preprocess, ScalesAsOpencvDoes) {
    std::vector<std::uint8_t> samples{0,   255, 10, 200, 30,  90, 17,  240, 66, 5,
                                      128, 3,   77, 250, 199, 12, 180, 45,  99, 254};
    const memory::ImageView view{PixelFormat::kGray8, {5, 4}, {}, {}, {samples.data()}, {5}};
    const auto gray = [&](memory::Size size) {
        PreprocessPlan plan = plan_of(size);
        plan.channels = ChannelOrder::kGray;
        Preprocessor preprocessor = make(plan);
        std::vector<std::uint8_t> out(preprocessor.output_bytes());
        EXPECT_TRUE(preprocessor.run(view, out.data()));
        return std::vector<int>(out.begin(), out.end());
    };
    EXPECT_THAT(gray({3, 2}),
                testing::Pointwise(testing::DoubleNear(1), {75, 125, 56, 77, 61, 209}));
    EXPECT_THAT(
        gray({7, 6}),
        testing::Pointwise(testing::DoubleNear(1),
                           {0,  146, 185, 10,  146, 127, 30,  45,  97,  133, 125, 131, 83,  18,
                            96, 49,  71,  213, 130, 71,  37,  121, 55,  33,  104, 186, 197, 167,
                            70, 82,  83,  61,  142, 197, 227, 12,  108, 141, 45,  83,  165, 254}));
}

TEST(Preprocess, CopiesExactlyWhereNothingChanges) {
    const memory::Image image = detail::noise(PixelFormat::kRgb, {45, 7});
    Preprocessor preprocessor = make(plan_of({45, 7}, ElementType::kU8, TensorLayout::kNhwc));
    std::vector<std::uint8_t> out(preprocessor.output_bytes());
    ASSERT_TRUE(preprocessor.run(image.view(), out.data()));
    const std::vector<std::uint8_t> pixels(image.view().data[0], image.view().data[0] + out.size());
    EXPECT_EQ(out, pixels);
}

std::vector<int> one_pixel(std::uint8_t y,
                           std::uint8_t u,
                           std::uint8_t v,
                           memory::ColorRange range) {
    const memory::ImageView view{
        PixelFormat::kI420, {1, 1}, memory::ColorMatrix::kBt601, range, {&y, &u, &v}, {1, 1, 1}};
    std::vector<std::uint8_t> out(3);
    EXPECT_TRUE(make(plan_of({1, 1})).run(view, out.data()));
    return {out.begin(), out.end()};
}

TEST(Preprocess, ConvertsTheCornersOfLimitedRange) {
    EXPECT_THAT(one_pixel(235, 128, 128, memory::ColorRange::kLimited), Each(255));
    EXPECT_THAT(one_pixel(16, 128, 128, memory::ColorRange::kLimited), Each(0));
    EXPECT_THAT(one_pixel(81, 90, 240, memory::ColorRange::kLimited), ElementsAre(254, 0, 0));
}

TEST(Preprocess, TakesFullRangeAsItIs) {
    EXPECT_THAT(one_pixel(200, 128, 128, memory::ColorRange::kFull), Each(200));
}

TEST(Preprocess, FillsAroundALetterboxBeforeNormalising) {
    const memory::Image image(PixelFormat::kRgb, {8, 4});  // black
    PreprocessPlan plan = plan_of({8, 8}, ElementType::kF32);
    plan.fit = Fit::kLetterbox;
    plan.anchor = Anchor::kCenter;
    plan.channels = ChannelOrder::kBgr;
    plan.fill = {10, 20, 30};
    plan.mean = {5, 5, 5};
    plan.scale = {2, 2, 2};
    std::vector<float> out(3 * 64);
    ASSERT_TRUE(make(plan).run(image.view(), out.data()));
    EXPECT_EQ(out[0], 10);       // blue, padding
    EXPECT_EQ(out[2 * 8], -10);  // blue, content
    EXPECT_EQ(out[6 * 8], 10);
    EXPECT_EQ(out[2 * 64 + 63], 50);  // red, padding
}

TEST(Preprocess, WritesWithinItsBytes) {
    for (const ElementType type : {ElementType::kU8, ElementType::kF16, ElementType::kF32})
        for (const TensorLayout layout : {TensorLayout::kNchw, TensorLayout::kNhwc})
            for (int width = 1; width < 70; width += 3) {
                const memory::Image image = detail::noise(PixelFormat::kI420, {9, 9});
                Preprocessor preprocessor = make(plan_of({width, 2}, type, layout));
                std::vector<std::uint8_t> out(preprocessor.output_bytes() + 256, 0xA5);
                ASSERT_TRUE(preprocessor.run(image.view(), out.data()));
                out.erase(out.begin(), out.end() - 256);
                ASSERT_THAT(out, Each(0xA5)) << width;
            }
}

TEST(Preprocess, ForgetsThePreviousImage) {
    Preprocessor reused = make(plan_of({40, 40}));
    const memory::Image large = detail::noise(PixelFormat::kRgba, {300, 200});
    const memory::Image small = detail::noise(PixelFormat::kI420, {33, 21}, 2);
    std::vector<std::uint8_t> first(reused.output_bytes());
    std::vector<std::uint8_t> second(reused.output_bytes());
    ASSERT_TRUE(reused.run(large.view(), first.data()));
    ASSERT_TRUE(reused.run(small.view(), first.data()));
    ASSERT_TRUE(make(plan_of({40, 40})).run(small.view(), second.data()));
    EXPECT_EQ(first, second);
}

TEST(Placement, TruncatesALetterboxAtTheTopLeft) {
    PreprocessPlan plan = plan_of({416, 416});
    plan.fit = Fit::kLetterbox;
    EXPECT_EQ(place({768, 576}, whole({768, 576}), plan)->content, (PixelRect{0, 0, 416, 312}));
    EXPECT_EQ(place({640, 427}, whole({640, 427}), plan)->content, (PixelRect{0, 0, 416, 277}));
}

TEST(Placement, RoundsACentredLetterboxAndLeavesTheOddPixelBelow) {
    PreprocessPlan plan = plan_of({416, 416});
    plan.fit = Fit::kLetterbox;
    plan.anchor = Anchor::kCenter;
    EXPECT_EQ(place({640, 427}, whole({640, 427}), plan)->content, (PixelRect{0, 69, 416, 278}));
    EXPECT_EQ(place({416, 315}, whole({416, 315}), plan)->content, (PixelRect{0, 50, 416, 315}));
}

TEST(Placement, MapsCornersBackToTheCrop) {
    PreprocessPlan plan = plan_of({416, 416});
    plan.fit = Fit::kLetterbox;
    plan.anchor = Anchor::kCenter;
    const Placement placement = place({1920, 1080}, {100.5f, 200, 640, 427}, plan).value();
    EXPECT_FLOAT_EQ(placement.source_x(0), 100.5f);
    EXPECT_FLOAT_EQ(placement.source_x(416), 740.5f);
    EXPECT_FLOAT_EQ(placement.source_y(69), 200);
    EXPECT_FLOAT_EQ(placement.source_y(69 + 278), 627);
}

TEST(Placement, KeepsAtLeastOnePixelOfContent) {
    PreprocessPlan plan = plan_of({10, 10});
    plan.fit = Fit::kLetterbox;
    EXPECT_EQ(place({1000, 2}, whole({1000, 2}), plan)->content, (PixelRect{0, 0, 10, 1}));
}

TEST(Placement, RefusesACropOutsideTheImage) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const Rect& crop : {Rect{10, 0, 5, 5},
                             Rect{0, 0, 0, 5},
                             Rect{-6, 0, 6, 5},
                             Rect{2, 2, -1, 3},
                             Rect{nan, 0, 5, 5},
                             Rect{0, 0, 5, nan}}) {
        const Result<Placement> placement = place({10, 10}, crop, plan_of({4, 4}));
        ASSERT_FALSE(placement);
        EXPECT_EQ(placement.error().code, ErrorCode::kInvalidArgument);
    }
}

TEST(Preprocess, RefusesImagesWithoutPixels) {
    Preprocessor preprocessor = make(plan_of({1, 1}));
    std::uint8_t pixel[3] = {};
    memory::ImageView view{PixelFormat::kRgb, {1, 1}, {}, {}, {pixel}, {3}};
    std::uint8_t out[3] = {9, 9, 9};
    const auto message = [&](const memory::ImageView& bad) {
        const Result<Placement> placement = preprocessor.run(bad, {0, 0, 1, 1}, out);
        return placement ? std::string() : placement.error().message;
    };
    memory::ImageView bad = view;
    bad.size = {0, 1};
    EXPECT_THAT(message(bad), HasSubstr("0x1"));
    bad = view;
    bad.data[0] = nullptr;
    EXPECT_THAT(message(bad), HasSubstr("plane 0 is missing"));
    bad = view;
    bad.stride[0] = 2;
    EXPECT_THAT(message(bad), HasSubstr("stride of 2"));
    bad = view;
    bad.device = 3;
    EXPECT_THAT(message(bad), HasSubstr("cuda:3"));
    bad = view;
    bad.format = PixelFormat::kP010;
    EXPECT_THAT(message(bad), HasSubstr("P010"));
    EXPECT_THAT(out, Each(9));
}

TEST(Preprocess, RefusesPlansItCannotServe) {
    const Result<Preprocessor> empty = Preprocessor::create(plan_of({0, 4}));
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().code, ErrorCode::kInvalidArgument);
    const Result<Preprocessor> integer = Preprocessor::create(plan_of({4, 4}, ElementType::kI32));
    ASSERT_FALSE(integer);
    EXPECT_EQ(integer.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sluice::image
