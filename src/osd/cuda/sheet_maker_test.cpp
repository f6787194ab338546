#include "sluice/osd/cuda/sheet_maker.h"

#include <cstring>

#include <gtest/gtest.h>

#include "sluice/osd/cuda/paint.h"
#include "sluice/osd/cuda/scenes_testing.h"

namespace sluice::osd::cuda {
namespace {

using meta::Color;

/// Does with a sheet what the kernels do, one thread after another. The order of bins and squares
/// must not matter, so the last is the first.
class HostDevice {
public:
    void upload(Atlas& atlas) {
        masks_.resize(Atlas::kCapacity);
        std::copy(atlas.fresh().begin(), atlas.fresh().end(), masks_.data() + atlas.fresh_offset());
        atlas.uploaded();
    }

    void run(const Sheet& sheet) const {
        for (const Step& step : sheet.steps) {
            for (unsigned i = step.first + step.count; i-- > step.first;) {
                if (step.sample_bytes == 2)
                    run<std::uint16_t>(sheet, step, i);
                else
                    run<std::uint8_t>(sheet, step, i);
            }
        }
    }

private:
    template <class Sample>
    void run(const Sheet& sheet, const Step& step, unsigned i) const {
        if (step.kind == Step::Kind::kSquares) return average<Sample>(sheet, sheet.squares[i]);
        if (step.channels == 1) return paint<Sample, 1>(sheet, sheet.bins[i]);
        if (step.channels == 3) return paint<Sample, 3>(sheet, sheet.bins[i]);
        return paint<Sample, 4>(sheet, sheet.bins[i]);
    }

    template <class Sample, int kChannels>
    void paint(const Sheet& sheet, const Bin& bin) const {
        const SheetView view{sheet.targets.data(),
                             sheet.marks.data(),
                             sheet.items.data(),
                             sheet.bins.data(),
                             sheet.squares.data(),
                             masks_.data()};
        for (int row = 0; row < kBinPx / 2; ++row) {
            for (int column = 0; column < kBinPx / 2; ++column)
                paint_quad<Sample, kChannels>(view, bin, column, row);
        }
    }

    template <class Sample>
    static void average(const Sheet& sheet, const Square& square) {
        const Target& target = sheet.targets[static_cast<std::size_t>(square.target)];
        for (int c = 0; c < channel_count(target); ++c) {
            auto channel = channel_of<Sample>(target, square, c);
            unsigned long long sum = 0;
            auto count = static_cast<unsigned long long>(channel.count());
            for (int i = 0; i < channel.count(); ++i)
                sum += channel.at(i);
            for (int i = 0; i < channel.count(); ++i)
                channel.at(i) = to_sample<Sample>((sum + count / 2) / count);
        }
    }

    std::vector<std::uint8_t> masks_;
};

class SheetMakerTest : public testing::Test {
protected:
    void draw(const memory::MutableImageView& view, const std::vector<meta::Primitive>& list) {
        maker_.begin(view);
        for (const meta::Primitive& shape : list)
            shapes_.draw(shape, view.size, maker_);
    }
    void finish() {
        device_.upload(atlas_);
        device_.run(maker_.finish());
        maker_.clear();
    }
    std::vector<Step::Kind> step_kinds() {
        std::vector<Step::Kind> out;
        for (const Step& step : maker_.finish().steps)
            out.push_back(step.kind);
        return out;
    }

    Atlas atlas_;
    SheetMaker maker_{atlas_};
    Shapes shapes_ = Shapes::create({}).value();
    HostDevice device_;
};

class EveryFormatInBins : public SheetMakerTest,
                          public testing::WithParamInterface<memory::PixelFormat> {};

TEST_P(EveryFormatInBins, EveryShapeEqualsTheCpuRenderers) {
    for (memory::Size size : kSizes) {
        for (const TestScene& scene : test_scenes(size)) {
            Picture want(GetParam(), size, 1);
            Picture have = want;
            draw_reference(want, scene.list);
            draw(have.view(), scene.list);
            finish();
            EXPECT_LE(worst_difference(have.bytes(), want.bytes()), scene.tolerance)
                << scene.name << " " << size.width << "x" << size.height;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(SheetMaker,
                         EveryFormatInBins,
                         testing::ValuesIn(kFormats),
                         [](const auto& one) { return std::string(memory::to_string(one.param)); });

TEST_F(SheetMakerTest, TenBitsAreDrawnOnAsEightAre) {
    for (const TestScene& scene : test_scenes({319, 191})) {
        Picture want(memory::PixelFormat::kNv12, {319, 191}, 1);
        // The same, and some padding more.
        std::vector<std::uint16_t> deep(want.bytes().size());
        for (std::size_t i = 0; i < deep.size(); ++i)
            deep[i] = static_cast<std::uint16_t>(want.bytes()[i] << 8);
        memory::MutableImageView view =
            want.view_at(reinterpret_cast<std::uint8_t*>(deep.data()), 0);
        view.format = memory::PixelFormat::kP010;
        view.data[1] = reinterpret_cast<std::uint8_t*>(deep.data() +
                                                       (want.view().data[1] - want.view().data[0]));
        for (std::ptrdiff_t& stride : view.stride)
            stride *= 2;
        draw(view, scene.list);
        finish();
        draw_reference(want, scene.list);
        int worst = 0;
        for (std::size_t i = 0; i < deep.size(); ++i) {
            worst = std::max(worst, std::abs(want.bytes()[i] * 256 - deep[i]));
            ASSERT_EQ(deep[i] & 0x3f, 0);
        }
        EXPECT_LE(worst, 5 * 256) << scene.name << ": eight bits are rounded after each shape";
    }
}

TEST_F(SheetMakerTest, ABatchOfDifferentPicturesIsOneSheet) {
    std::vector<Picture> want;
    std::vector<Picture> have;
    for (memory::Size size : kSizes) {
        for (memory::PixelFormat format : kFormats)
            want.emplace_back(format, size, 7);
    }
    have = want;
    for (std::size_t i = 0; i < want.size(); ++i) {
        auto list = test_scenes(want[i].view().size).back().list;
        draw_reference(want[i], list);
        draw(have[i].view(), list);
    }
    finish();
    for (std::size_t i = 0; i < want.size(); ++i)
        EXPECT_LE(worst_difference(have[i].bytes(), want[i].bytes()), 2) << i;
}

TEST_F(SheetMakerTest, BatchesOfBoxesAndLabelsTakeOneStep) {
    Picture a(memory::PixelFormat::kNv12, {640, 360}, 1);
    Picture b = a;
    std::vector<meta::Primitive> list{meta::Rectangle{{10, 10, 90, 90}, {}, 3},
                                      meta::Text{"label", {10, 10}, {}, {0, 0, 0, 255}, 12}};
    draw(a.view(), list);
    draw(b.view(), list);
    EXPECT_EQ(step_kinds(), std::vector<Step::Kind>{Step::Kind::kBins});
}

TEST_F(SheetMakerTest, ABlurWaitsOnlyForWhatIsBelowIt) {
    Picture a(memory::PixelFormat::kNv12, {640, 360}, 1);
    Picture b = a;
    meta::Rectangle box{{10, 10, 90, 90}, {}, 3};
    draw(a.view(), {meta::Blur{{0, 0, 50, 50}}, meta::Blur{{60, 0, 50, 50}}, box});
    draw(b.view(), {meta::Blur{{0, 0, 50, 50}}, box});
    using Kinds = std::vector<Step::Kind>;
    EXPECT_EQ(step_kinds(), (Kinds{Step::Kind::kSquares, Step::Kind::kBins}));
    maker_.clear();
    draw(a.view(), {meta::Blur{{0, 0, 50, 50}}, meta::Blur{{40, 0, 50, 50}}});
    EXPECT_EQ(step_kinds(), (Kinds{Step::Kind::kSquares, Step::Kind::kSquares}));
    maker_.clear();
    draw(a.view(), {box, meta::Blur{{0, 0, 50, 50}}, box});
    EXPECT_EQ(step_kinds(), (Kinds{Step::Kind::kBins, Step::Kind::kSquares, Step::Kind::kBins}));
}

TEST_F(SheetMakerTest, OnlyBinsThatAreDrawnOnAreInTheSheet) {
    Picture picture(memory::PixelFormat::kNv12, {640, 320}, 1);
    draw(picture.view(), {meta::Rectangle{{33, 33, 2, 2}, {}, 0}});
    ASSERT_EQ(maker_.finish().bins.size(), 1U);
    EXPECT_EQ(maker_.finish().bins[0].column, 1);
    maker_.clear();
    draw(picture.view(), {meta::Line{{{0, 0}, {640, 320}}, {}, 2, false}});
    EXPECT_LE(maker_.finish().bins.size(), 60U) << "of 200";
    maker_.clear();
    draw(picture.view(), {meta::Rectangle{{-50, -50, 20, 20}, {}, 3}});
    EXPECT_TRUE(maker_.empty());
}

TEST_F(SheetMakerTest, LettersAreUploadedOnce) {
    Picture picture(memory::PixelFormat::kNv12, {640, 320}, 1);
    draw(picture.view(), {meta::Text{"aba", {5, 5}, {}, {}, 20}});
    std::size_t first = atlas_.fresh().size();
    EXPECT_GT(first, 0U);
    finish();
    draw(picture.view(), {meta::Text{"baa", {50, 50}, {}, {}, 20}});
    EXPECT_TRUE(atlas_.fresh().empty());
    EXPECT_EQ(maker_.finish().marks.size(), 4U) << "background and letters";
}

TEST(Atlas, SaysWhenTheNextTextMayNotFit) {
    Atlas atlas;
    std::vector<std::uint8_t> coverage(1U << 20);
    GlyphMask mask{0, 0, 1 << 10, 1 << 10, coverage.data(), 0};
    int placed = 0;
    while (!atlas.full()) {
        ++mask.id;
        ASSERT_TRUE(atlas.place(mask));
        ++placed;
    }
    EXPECT_GE(placed, 8);
    atlas.clear();
    EXPECT_FALSE(atlas.full());
    EXPECT_EQ(atlas.place(mask), 0U);
}

}  // namespace
}  // namespace sluice::osd::cuda
