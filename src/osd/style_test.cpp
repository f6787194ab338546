#include "sluice/osd/style.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace sluice::osd {
namespace {

TEST(Palette, ColoursAreFarApart) {
    for (std::uint64_t i = 0; i < kPaletteSize; ++i) {
        for (std::uint64_t j = 0; j < i; ++j) {
            meta::Color a = palette_color(i);
            meta::Color b = palette_color(j);
            int apart =
                std::abs(a.red - b.red) + std::abs(a.green - b.green) + std::abs(a.blue - b.blue);
            EXPECT_GE(apart, 70) << i << " and " << j;
        }
    }
    EXPECT_EQ(palette_color(kPaletteSize + 3), palette_color(3));
}

TEST(Palette, TextOnItIsBlackOrWhite) {
    EXPECT_EQ(readable_on({255, 255, 0, 255}), (meta::Color{0, 0, 0, 255}));
    EXPECT_EQ(readable_on({0, 0, 120, 255}), (meta::Color{255, 255, 255, 255}));
}

TEST(Style, ReadsColours) {
    auto red = parse_color({1, 0, 0}, "border-color");
    ASSERT_TRUE(red);
    EXPECT_EQ(*red, (meta::Color{255, 0, 0, 255}));
    EXPECT_EQ(*parse_color({0, 0.5F, 1, 0.25F}, "x"), (meta::Color{0, 128, 255, 64}));
}

TEST(Style, RefusesWhatIsNoColour) {
    for (const std::vector<float>& numbers :
         {std::vector<float>{}, {1, 1}, {1, 1, 1, 1, 1}, {255, 0, 0}, {-1, 0, 0}}) {
        auto color = parse_color(numbers, "text-color");
        ASSERT_FALSE(color);
        EXPECT_EQ(color.error().code, ErrorCode::kInvalidArgument);
        EXPECT_NE(color.error().message.find("text-color"), std::string::npos);
    }
}

TEST(Style, SizesFollowTheFrameUnlessSet) {
    OsdOptions options;
    EXPECT_EQ(text_px(options, 1080), 20);
    EXPECT_EQ(text_px(options, 240), 12);
    EXPECT_EQ(text_px(options, 2160), 40);
    EXPECT_EQ(border_px(options, 1080), 3);
    EXPECT_EQ(border_px(options, 240), 2);
    options.text_size = 33;
    options.border_width = 9;
    EXPECT_EQ(text_px(options, 240), 33);
    EXPECT_EQ(border_px(options, 240), 9);
}

TEST(OsdOptions, TakesDeepStreamsNumbersAndWords) {
    OsdOptions options;
    ASSERT_TRUE(set_field(options, "process-mode", "0"));
    EXPECT_EQ(options.process_mode, ProcessMode::kCpu);
    ASSERT_TRUE(set_field(options, "process-mode", "1"));
    EXPECT_EQ(options.process_mode, ProcessMode::kGpu);
    ASSERT_TRUE(set_field(options, "process-mode", "auto"));
    EXPECT_EQ(options.process_mode, ProcessMode::kAuto);
    EXPECT_EQ(to_text(ProcessMode::kCpu), "cpu");
    EXPECT_FALSE(set_field(options, "process-mode", "2"));
}

TEST(OsdOptions, ReadsListsAndSeconds) {
    OsdOptions options;
    ASSERT_TRUE(set_field(options, "border-color", "1;0;0;0.5"));
    EXPECT_EQ(options.border_color, (std::vector<float>{1, 0, 0, 0.5F}));
    ASSERT_TRUE(set_field(options, "trails", "1.5"));
    EXPECT_EQ(options.trails, std::chrono::milliseconds(1500));
    ASSERT_TRUE(set_field(options, "blur-class-ids", "0;2"));
    EXPECT_EQ(options.blur_class_ids, (std::vector<int>{0, 2}));
    EXPECT_FALSE(set_field(options, "border-width", "65"));
}

}  // namespace
}  // namespace sluice::osd
