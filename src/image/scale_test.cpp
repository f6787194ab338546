#include "sluice/image/scale.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/detail/test_images.h"

namespace sluice::image {
namespace {

using memory::PixelFormat;
using testing::Each;

std::vector<std::uint8_t> plane_bytes(const memory::ImageView& view, int plane) {
    const auto slot = static_cast<std::size_t>(plane);
    const auto rows = memory::plane_size(view.format, view.size, plane).height;
    return {view.data[slot], view.data[slot] + rows * view.stride[slot]};
}

std::vector<std::uint8_t> all_bytes(const memory::Image& image) {
    std::vector<std::uint8_t> bytes;
    for (int plane = 0; plane < memory::layout(image.view().format).planes; ++plane)
        for (const std::uint8_t byte : plane_bytes(image.view(), plane))
            bytes.push_back(byte);
    return bytes;
}

memory::ImageView seen(const memory::Image& image) {
    return image.view();
}

struct Scene {
    memory::Size source;
    Rect crop;
    memory::Size target;
    PixelRect where;
};

/// Every instruction set against the reference; bytes outside `where` must stay.
void judge(const memory::ImageView& source,
           PixelFormat format,
           const Scene& scene,
           bool full_range) {
    const auto range = full_range ? memory::ColorRange::kFull : memory::ColorRange::kLimited;
    memory::Image expected = detail::noise(format, scene.target, 5);
    memory::MutableImageView expected_view = expected.view();
    expected_view.range = range;
    cpu::scale(source, scene.crop, expected_view, scene.where);
    const std::vector<std::uint8_t> want = all_bytes(expected);
    Scaler scaler;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::GetChosenTarget().Update(target);
        memory::Image actual = detail::noise(format, scene.target, 5);
        memory::MutableImageView view = actual.view();
        view.range = range;
        ASSERT_TRUE(scaler.run(source, scene.crop, view, scene.where));
        const std::vector<std::uint8_t> got = all_bytes(actual);
        for (std::size_t i = 0; i < want.size(); ++i)
            ASSERT_NEAR(got[i], want[i], 1)
                << hwy::TargetName(target) << ' ' << memory::to_string(source.format) << " to "
                << memory::to_string(format) << " byte " << i;
    }
    hwy::GetChosenTarget().DeInit();
}

TEST(ScaleTwins, AgreeBetweenAllFormats) {
    const Scene scenes[] = {{{37, 23}, {0, 0, 37, 23}, {70, 50}, {4, 6, 60, 40}},
                            {{101, 77}, {10.5f, 3.25f, 80, 60}, {41, 33}, {2, 2, 39, 31}},
                            {{64, 48}, {0, 0, 64, 48}, {64, 48}, {0, 0, 64, 48}}};
    for (const PixelFormat from : detail::kAllFormats)
        for (const PixelFormat to : detail::kAllFormats)
            for (const Scene& scene : scenes) {
                const memory::Image source = detail::noise(from, scene.source);
                // Once through RGB, for the colours differ.
                const bool full_range = &scene == &scenes[1];
                ASSERT_NO_FATAL_FAILURE(judge(source.view(), to, scene, full_range));
            }
}

TEST(ScaleTwins, AgreeOnExtremes) {
    const Scene scene{{40, 40}, {0, 0, 40, 40}, {59, 31}, {0, 0, 59, 31}};
    for (const PixelFormat from : detail::kAllFormats)
        for (const PixelFormat to : detail::kAllFormats) {
            const memory::Image source = detail::extremes(from, scene.source);
            ASSERT_NO_FATAL_FAILURE(judge(source.view(), to, scene, true));
        }
}

TEST(Scaler, CopiesExactlyAtTheSameSize) {
    for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kNv12, PixelFormat::kBgr}) {
        const memory::Image source = detail::noise(format, {75, 33});
        memory::Image target(format, {75, 33});
        ASSERT_TRUE(Scaler().run(source.view(), target.view()));
        EXPECT_EQ(all_bytes(source), all_bytes(target));
    }
}

TEST(Scaler, PassesYuvSamplesThroughWhereColoursAgree) {
    memory::Image source(PixelFormat::kI420, {8, 8});
    for (int plane = 0; plane < 3; ++plane) {  // no RGB colour has these
        const auto slot = static_cast<std::size_t>(plane);
        const auto view = source.view();
        for (int i = 0; i < (plane == 0 ? 64 : 16); ++i)
            view.data[slot][i] = static_cast<std::uint8_t>(plane == 0 ? 255 : 240);
    }
    memory::Image target(PixelFormat::kNv12, {4, 4});
    ASSERT_TRUE(Scaler().run(seen(source), target.view()));
    EXPECT_THAT(plane_bytes(seen(target), 0), Each(255));
    EXPECT_THAT(plane_bytes(seen(target), 1), Each(240));
}

TEST(Scaler, RefusesAreasOutsideTheTargetAndOddEdges) {
    const memory::Image source(PixelFormat::kI420, {8, 8});
    memory::Image target = detail::noise(PixelFormat::kI420, {9, 9});
    const std::vector<std::uint8_t> before = all_bytes(target);
    for (const PixelRect& where : {PixelRect{-2, 0, 4, 4},
                                   PixelRect{0, 0, 10, 4},
                                   PixelRect{0, 8, 2, 2},
                                   PixelRect{0, 0, 0, 4},
                                   PixelRect{1, 0, 3, 4},
                                   PixelRect{0, 0, 3, 4},
                                   PixelRect{2, 0, 2147483647, 4}}) {
        const Result<void> done = Scaler().run(source.view(), {0, 0, 8, 8}, target.view(), where);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
    }
    EXPECT_TRUE(Scaler().run(source.view(), {0, 0, 8, 8}, target.view(), {2, 2, 0 + 7, 7}));
    EXPECT_EQ(before.size(), all_bytes(target).size());
}

TEST(Scaler, LeavesTheTargetAloneWhenItRefuses) {
    const memory::Image source(PixelFormat::kRgb, {8, 8});
    memory::Image target = detail::noise(PixelFormat::kRgb, {9, 9});
    const std::vector<std::uint8_t> before = all_bytes(target);
    EXPECT_FALSE(Scaler().run(source.view(), {8, 0, 8, 8}, target.view(), {0, 0, 9, 9}));
    memory::ImageView missing = source.view();
    missing.data[0] = nullptr;
    EXPECT_FALSE(Scaler().run(missing, target.view()));
    memory::MutableImageView nowhere = target.view();
    nowhere.stride[0] = 1;
    EXPECT_FALSE(Scaler().run(source.view(), nowhere));
    EXPECT_EQ(all_bytes(target), before);
}

TEST(Scaler, AndFillRefuseThePixelsOfADevice) {
    memory::Image image(PixelFormat::kNv12, {8, 8});
    memory::MutableImageView elsewhere = image.view();
    elsewhere.device = 0;
    EXPECT_EQ(Scaler().run(memory::as_const(elsewhere), image.view()).error().code,
              ErrorCode::kUnsupported);
    EXPECT_EQ(Scaler().run(seen(image), elsewhere).error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(fill(elsewhere, {}).error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(fill_around(elsewhere, {0, 0, 4, 4}, {}).error().code, ErrorCode::kUnsupported);
}

TEST(FitInside, KeepsTheAspectOnEvenPixels) {
    EXPECT_EQ(fit_inside({1920, 1080}, {640, 480}), (PixelRect{0, 60, 640, 360}));
    EXPECT_EQ(fit_inside({768, 576}, {1280, 720}), (PixelRect{160, 0, 960, 720}));
    EXPECT_EQ(fit_inside({768, 576}, {1280, 720}, Anchor::kTopLeft), (PixelRect{0, 0, 960, 720}));
    EXPECT_EQ(fit_inside({5, 5}, {333, 101}), (PixelRect{114, 0, 102, 101}));
    EXPECT_EQ(fit_inside({10000, 1}, {640, 480}), (PixelRect{0, 238, 640, 2}));
    EXPECT_EQ(fit_inside({0, 5}, {640, 480}), PixelRect{});
}

TEST(Fill, PaintsEveryFormatSoThatRgbComesBack) {
    for (const PixelFormat format : detail::kAllFormats) {
        memory::Image image = detail::noise(format, {13, 7});
        ASSERT_TRUE(fill(image.view(), {90, 90, 90}));
        memory::Image rgb(PixelFormat::kRgb, {13, 7});
        ASSERT_TRUE(Scaler().run(seen(image), rgb.view()));
        EXPECT_THAT(plane_bytes(seen(rgb), 0),
                    Each(testing::AllOf(testing::Ge(89), testing::Le(91))))
            << memory::to_string(format);
    }
}

TEST(Fill, PaintsColours) {
    memory::Image image(PixelFormat::kBgra, {3, 3});
    ASSERT_TRUE(fill(image.view(), {1, 2, 3}));
    EXPECT_THAT(std::vector<std::uint8_t>(image.view().data[0], image.view().data[0] + 4),
                testing::ElementsAre(3, 2, 1, 255));
}

TEST(Fill, LeavesTheContentAlone) {
    memory::Image image(PixelFormat::kGray8, {6, 6});
    ASSERT_TRUE(fill_around(image.view(), {2, 2, 2, 2}, {255, 255, 255}));
    const std::vector<std::uint8_t> bytes = all_bytes(image);
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0), 4);
    EXPECT_EQ(bytes[2 * 6 + 2], 0);
    EXPECT_EQ(bytes[3 * 6 + 3], 0);
}

}  // namespace
}  // namespace sluice::image
