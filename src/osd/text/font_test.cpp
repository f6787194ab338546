#include "sluice/osd/text/font.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>

/// fontconfig 2.14 keeps one pattern of 256 bytes, once a process however many fonts are made.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
    return "leak:libfontconfig";
}

namespace sluice::osd {
namespace {

std::unique_ptr<Font> font() {
    return std::move(Font::create("Sans Bold")).value();
}

long ink(const std::vector<GlyphMask>& masks) {
    long sum = 0;
    for (const GlyphMask& mask : masks)
        sum = std::accumulate(mask.coverage, mask.coverage + mask.width * mask.height, sum);
    return sum;
}

TEST(Font, PutsLettersSideBySide) {
    auto f = font();
    std::vector<GlyphMask> masks;
    memory::Size one = f->lay_out("n", 20, masks);
    long ink_of_one = ink(masks);
    memory::Size three = f->lay_out("nnn", 20, masks);
    ASSERT_EQ(masks.size(), 3U);
    EXPECT_EQ(three.width, 3 * one.width);
    EXPECT_EQ(masks[1].left - masks[0].left, one.width);
    EXPECT_EQ(ink(masks), 3 * ink_of_one);
    EXPECT_GT(ink_of_one, 0);
}

TEST(Font, StaysInsideItsExtent) {
    auto f = font();
    std::vector<GlyphMask> masks;
    memory::Size extent = f->lay_out("|gjpqy_0.87%", 24, masks);
    for (const GlyphMask& mask : masks) {
        EXPECT_GE(mask.top, 0);
        EXPECT_LE(mask.top + mask.height, extent.height);
    }
    EXPECT_GE(extent.height, 24);
    EXPECT_LE(extent.height, 36);
}

TEST(Font, KeepsLettersFromCallToCall) {
    auto f = font();
    std::vector<GlyphMask> first;
    std::vector<GlyphMask> second;
    f->lay_out("12", 16, first);
    f->lay_out("21", 16, second);
    EXPECT_EQ(first[0].coverage, second[1].coverage);
    EXPECT_EQ(f->cached_texts(), 0U);
}

TEST(Font, ShapesOtherScriptsAsAWhole) {
    auto f = font();
    std::vector<GlyphMask> masks;
    memory::Size extent = f->lay_out("Fu\u00dfg\u00e4nger", 20, masks);
    ASSERT_EQ(masks.size(), 1U);
    EXPECT_GT(ink(masks), 0);
    EXPECT_GT(extent.width, 60);
    EXPECT_EQ(f->cached_texts(), 1U);
}

TEST(Font, GrowsWithEachLine) {
    auto f = font();
    std::vector<GlyphMask> masks;
    int one = f->lay_out("one", 20, masks).height;
    int two = f->lay_out("one\ntwo", 20, masks).height;
    EXPECT_GT(two, one + 15);
}

TEST(Font, TakesBrokenLongAndEmptyText) {
    auto f = font();
    std::vector<GlyphMask> masks;
    EXPECT_GT(f->lay_out("\xff\xfe\x80", 20, masks).width, 0);
    EXPECT_GT(f->lay_out(std::string_view("a\0b", 3), 20, masks).width, 0);
    EXPECT_EQ(f->lay_out("", 20, masks).width, 0);
    EXPECT_TRUE(masks.empty());
    std::string lengthy;
    for (int i = 0; i < 5000; ++i)
        lengthy += "\u00e4";
    EXPECT_GT(f->lay_out(lengthy, 200, masks).width, 1000);
    f->lay_out(std::string(5000, 'x'), 20, masks);
    EXPECT_EQ(masks.size(), Font::kMostTextBytes);
}

TEST(Font, ClampsItsSize) {
    auto f = font();
    std::vector<GlyphMask> masks;
    EXPECT_EQ(f->lay_out("x", -5, masks).height, f->lay_out("x", Font::kLeastPx, masks).height);
    EXPECT_EQ(f->lay_out("x", 9999, masks).height, f->lay_out("x", Font::kMostPx, masks).height);
}

TEST(Font, BoundsItsCaches) {
    auto f = font();
    std::vector<GlyphMask> masks;
    for (int px = 10; px < 30; ++px)
        f->lay_out("x", px, masks);
    EXPECT_EQ(f->cached_sizes(), Font::kMostSizes);
    for (int i = 0; i < 300; ++i)
        f->lay_out("\u00e4" + std::to_string(i), 10, masks);
    EXPECT_EQ(f->cached_texts(), Font::kMostTexts);
    EXPECT_GT(ink(masks), 0);
}

TEST(Font, TakesTheNearestForAMissingOne) {
    auto f = Font::create("No Such Font At All");
    ASSERT_TRUE(f);
    std::vector<GlyphMask> masks;
    (*f)->lay_out("text", 20, masks);
    EXPECT_GT(ink(masks), 0);
}

/// In a process of its own, whose fontconfig knows no font.
int create_without_fonts() {
    std::string path = testing::TempDir() + "no_fonts.conf";
    std::ofstream(path) << "<?xml version=\"1.0\"?><fontconfig></fontconfig>";
    setenv("FONTCONFIG_FILE", path.c_str(), 1);
    auto made = Font::create("Sans");
    if (made) return 0;
    std::fputs(made.error().text().c_str(), stderr);
    return made.error().code == ErrorCode::kNotFound ? 3 : 4;
}

TEST(FontDeathTest, NamesThePackageWhereNoFontIsInstalled) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        std::_Exit(create_without_fonts()), testing::ExitedWithCode(3), "fonts-dejavu-core");
}

}  // namespace
}  // namespace sluice::osd
