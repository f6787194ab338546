#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/osd/renderer.h"
#include "sluice/osd/style.h"

namespace sluice::osd {
namespace {

using memory::PixelFormat;
using meta::Color;

constexpr PixelFormat kFormats[] = {PixelFormat::kI420,
                                    PixelFormat::kNv12,
                                    PixelFormat::kRgb,
                                    PixelFormat::kBgr,
                                    PixelFormat::kRgba,
                                    PixelFormat::kBgra,
                                    PixelFormat::kRgbx,
                                    PixelFormat::kBgrx,
                                    PixelFormat::kGray8};

/// A picture in a larger block of memory, so that a write beside it is seen.
class Guarded {
public:
    Guarded(PixelFormat format, memory::Size size) {
        view_.format = format;
        view_.size = size;
        std::size_t at = kGuard;
        std::array<std::size_t, 3> start{};
        for (int i = 0; i < memory::layout(format).planes; ++i) {
            auto slot = static_cast<std::size_t>(i);
            memory::Size extent = memory::plane_size(format, size, i);
            row_[slot] = extent.width * memory::layout(format).plane[slot].bytes_per_pixel;
            view_.stride[slot] = row_[slot] + static_cast<int>(kGuard);
            start[slot] = at;
            at += static_cast<std::size_t>(view_.stride[slot] * extent.height) + kGuard;
        }
        bytes_.assign(at, kGuardByte);
        for (int i = 0; i < memory::layout(format).planes; ++i) {
            auto slot = static_cast<std::size_t>(i);
            view_.data[slot] = bytes_.data() + start[slot];
            each_row(i, [](std::uint8_t* row, int count) { std::fill_n(row, count, kGround); });
        }
    }

    const memory::MutableImageView& view() const { return view_; }
    memory::MutableImageView& view() { return view_; }

    /// Is everything beside the picture as it was?
    bool intact() {
        std::vector<std::uint8_t> copy = bytes_;
        for (int i = 0; i < memory::layout(view_.format).planes; ++i) {
            each_row(i, [&](std::uint8_t* row, int count) {
                std::fill_n(copy.data() + (row - bytes_.data()), count, kGuardByte);
            });
        }
        return std::all_of(copy.begin(), copy.end(), [](int b) { return b == kGuardByte; });
    }

    std::vector<std::uint8_t> bytes() const { return bytes_; }

    static constexpr std::uint8_t kGround = 100;

private:
    void each_row(int plane, const std::function<void(std::uint8_t*, int)>& visit) {
        auto slot = static_cast<std::size_t>(plane);
        for (int y = 0; y < memory::plane_size(view_.format, view_.size, plane).height; ++y)
            visit(view_.data[slot] + y * view_.stride[slot], row_[slot]);
    }

    static constexpr std::size_t kGuard = 32;
    static constexpr std::uint8_t kGuardByte = 0xA5;
    std::vector<std::uint8_t> bytes_;
    memory::MutableImageView view_;
    std::array<int, 3> row_{};
};

std::unique_ptr<Renderer> renderer() {
    return std::move(Renderer::create({})).value();
}

void draw(const memory::MutableImageView& view, std::vector<meta::Primitive> list) {
    auto drawn = renderer()->draw(view, list);
    ASSERT_TRUE(drawn) << drawn.error().text();
}

/// The slow reference: how much ink, 0..1, each pixel has got, by one colour.
struct Reference {
    memory::Size size;
    std::vector<double> ink;

    explicit Reference(memory::Size s)
        : size(s), ink(static_cast<std::size_t>(s.width) * static_cast<std::size_t>(s.height)) {}
    double& at(int x, int y) { return ink[static_cast<std::size_t>(y * size.width + x)]; }

    void rectangle(int left, int top, int right, int bottom) {
        for (int y = std::max(0, top); y < std::min(size.height, bottom); ++y) {
            for (int x = std::max(0, left); x < std::min(size.width, right); ++x)
                at(x, y) = 1;
        }
    }
    /// The middle of the plane's sample: ink averaged over the pixels that it stands for.
    double mean(int x, int y, int shift) {
        double sum = 0;
        int count = 0;
        for (int j = y << shift; j < std::min(size.height, (y + 1) << shift); ++j) {
            for (int i = x << shift; i < std::min(size.width, (x + 1) << shift); ++i) {
                sum += at(i, j);
                ++count;
            }
        }
        return sum / count;
    }
};

/// The colour in each plane's bytes, by the textbook formulas (limited range).
std::array<std::array<double, 4>, 3> plane_values(Color color, PixelFormat format, bool hd) {
    double kr = hd ? 0.2126 : 0.299;
    double kb = hd ? 0.0722 : 0.114;
    double r = color.red;
    double g = color.green;
    double b = color.blue;
    double luma = kr * r + (1 - kr - kb) * g + kb * b;
    double y = 16 + luma * 219 / 255;
    double u = 128 + (b - luma) / (1 - kb) * 112 / 255;
    double v = (r - luma) / (1 - kr) * 112 / 255 + 128;
    switch (format) {
        case PixelFormat::kI420:
            return {{{y}, {u}, {v}}};
        case PixelFormat::kNv12:
            return {{{y}, {u, v}}};
        case PixelFormat::kGray8:
            return {{{y}}};
        case PixelFormat::kRgb:
        case PixelFormat::kRgba:
        case PixelFormat::kRgbx:
            return {{{r, g, b, 255}}};
        default:
            return {{{b, g, r, 255}}};
    }
}

/// The greatest difference between the picture and the reference, over all planes.
double difference(const memory::MutableImageView& view, Reference& reference, Color color) {
    bool hd = view.matrix == memory::ColorMatrix::kBt709;
    auto values = plane_values(color, view.format, hd);
    double worst = 0;
    for (int i = 0; i < memory::layout(view.format).planes; ++i) {
        auto slot = static_cast<std::size_t>(i);
        memory::PlaneLayout plane = memory::layout(view.format).plane[slot];
        memory::Size extent = memory::plane_size(view.format, view.size, i);
        auto at_pixel = [&](int x, int y) {
            double part = reference.mean(x, y, plane.shift_x) * color.alpha / 255;
            for (int c = 0; c < plane.bytes_per_pixel; ++c) {
                double want = Guarded::kGround * (1 - part) +
                              values[slot][static_cast<std::size_t>(c)] * part;
                double have =
                    view.data[slot][y * view.stride[slot] + x * plane.bytes_per_pixel + c];
                worst = std::max(worst, std::abs(have - want));
            }
        };
        for (int y = 0; y < extent.height; ++y) {
            for (int x = 0; x < extent.width; ++x)
                at_pixel(x, y);
        }
    }
    return worst;
}

double shortest(double px, double py, const meta::Point& a, const meta::Point& b) {
    double dx = double{b.x} - a.x;
    double dy = double{b.y} - a.y;
    double square = dx * dx + dy * dy;
    double t = square > 0 ? std::clamp(((px - a.x) * dx + (py - a.y) * dy) / square, 0.0, 1.0) : 0;
    return std::hypot(px - a.x - t * dx, py - a.y - t * dy);
}

double distance(double px, double py, const meta::Line& line) {
    double nearest = HUGE_VAL;
    for (std::size_t i = 0; i + (line.closed ? 0 : 1) < line.points.size(); ++i) {
        const auto& next = line.points[(i + 1) % line.points.size()];
        nearest = std::min(nearest, shortest(px, py, line.points[i], next));
    }
    return nearest;
}

/// Ink of a line by 8x8 samples a pixel.
void reference_line(Reference& reference, const meta::Line& line) {
    constexpr int kSamples = 8;
    for (int y = 0; y < reference.size.height; ++y) {
        for (int x = 0; x < reference.size.width; ++x) {
            int hits = 0;
            for (int s = 0; s < kSamples * kSamples; ++s) {
                double px = x + (s % kSamples + 0.5) / kSamples;
                int row = s / kSamples;
                double py = y + (row + 0.5) / kSamples;
                hits += distance(px, py, line) <= line.line_width / 2;
            }
            reference.at(x, y) = hits / double{kSamples * kSamples};
        }
    }
}

class EveryFormat : public testing::TestWithParam<PixelFormat> {};

TEST_P(EveryFormat, FilledRectangleEqualsTheReference) {
    for (int alpha : {255, 90}) {
        for (memory::Size size : {memory::Size{64, 48}, memory::Size{63, 47}}) {
            Guarded picture(GetParam(), size);
            Color color{250, 40, 10, static_cast<std::uint8_t>(alpha)};
            draw(picture.view(), {meta::Rectangle{{13, 7, 60, 60}, color, 0}});
            Reference reference(size);
            reference.rectangle(13, 7, 73, 67);
            EXPECT_LE(difference(picture.view(), reference, color), 2) << alpha;
            EXPECT_TRUE(picture.intact());
        }
    }
}

TEST_P(EveryFormat, RectanglesLineLiesOnBothSidesOfItsEdge) {
    Guarded picture(GetParam(), {64, 48});
    Color color{10, 200, 90, 255};
    picture.view().matrix = memory::ColorMatrix::kBt709;
    draw(picture.view(), {meta::Rectangle{{10, 8, 30, 20}, color, 4}});
    Reference reference({64, 48});
    reference.rectangle(8, 6, 42, 30);
    for (int y = 10; y < 26; ++y) {
        for (int x = 12; x < 38; ++x)
            reference.at(x, y) = 0;
    }
    EXPECT_LE(difference(picture.view(), reference, color), 2);
}

void expect_line(PixelFormat format, const meta::Line& line, double tolerance) {
    Guarded picture(format, {63, 47});
    draw(picture.view(), {line});
    Reference reference({63, 47});
    reference_line(reference, line);
    EXPECT_LE(difference(picture.view(), reference, line.color), tolerance);
    EXPECT_TRUE(picture.intact());
}

TEST_P(EveryFormat, LinesEqualTheReferenceButForAntiAliasing) {
    // Coverage by distance is up to a tenth off the true area; of some 120 levels.
    Color color{20, 20, 250, 200};
    expect_line(GetParam(), {{{5, 5}, {50, 12.5F}}, color, 5, false}, 14);
    expect_line(GetParam(), {{{-20, 60}, {70, 3}}, color, 1, false}, 14);
    expect_line(GetParam(), {{{31, -1e6F}, {31, 1e6F}}, color, 4, false}, 14);
}

TEST_P(EveryFormat, PolygonsEqualTheReferenceButForTheirJoints) {
    // Two edges that each cover half of a pixel at a joint count once: a third off at the worst.
    Color color{20, 20, 250, 200};
    std::vector<meta::Point> points{{5, 5}, {50, 12.5F}, {30, 40}, {90, 44}};
    expect_line(GetParam(), {points, color, 5, false}, 42);
    expect_line(GetParam(), {points, color, 5, true}, 42);
}

TEST_P(EveryFormat, TextInksItsBoxAndNothingElse) {
    Guarded picture(GetParam(), {200, 80});
    draw(picture.view(),
         {meta::Text{"person 12", {20, 30}, {255, 255, 255, 255}, {0, 0, 0, 0}, 16}});
    EXPECT_TRUE(picture.intact());
    int inked = 0;
    int width = memory::layout(GetParam()).plane[0].bytes_per_pixel;
    const auto& view = picture.view();
    for (int y = 0; y < 80; ++y) {
        for (int x = 0; x < 200; ++x) {
            if (view.data[0][y * view.stride[0] + x * width] == Guarded::kGround) continue;
            ++inked;
            EXPECT_GE(x, 20);
            EXPECT_GE(y, 30);
            EXPECT_LT(x, 20 + 130);
            EXPECT_LT(y, 30 + label_height(16));
        }
    }
    EXPECT_GT(inked, 200);
    EXPECT_LT(inked, 2000);
}

TEST_P(EveryFormat, BlurLeavesOneColourASquareAndTheRestAlone) {
    Guarded picture(GetParam(), {64, 48});
    const auto& view = picture.view();
    std::mt19937 random(1);
    for (int i = 0; i < memory::layout(GetParam()).planes; ++i) {
        auto slot = static_cast<std::size_t>(i);
        int height = memory::plane_size(GetParam(), {64, 48}, i).height;
        for (int y = 0; y < height; ++y) {
            for (std::ptrdiff_t x = 0; x < view.stride[slot] - 32; ++x)
                view.data[slot][y * view.stride[slot] + x] = static_cast<std::uint8_t>(random());
        }
    }
    std::vector<std::uint8_t> before = picture.bytes();
    draw(view, {meta::Blur{{16, 8, 32, 32}}});
    EXPECT_TRUE(picture.intact());
    auto pixel = [&](int x, int y) {
        int width = memory::layout(GetParam()).plane[0].bytes_per_pixel;
        return view.data[0][y * view.stride[0] + x * width];
    };
    for (int y = 8; y < 40; ++y) {
        for (int x = 16; x < 48; ++x)
            EXPECT_EQ(pixel(x, y), pixel(x & ~7, y & ~7));
    }
    draw(view, {meta::Blur{{100, 100, 5, 5}}});
    std::size_t changed = 0;
    std::vector<std::uint8_t> after = picture.bytes();
    for (std::size_t i = 0; i < after.size(); ++i)
        changed += after[i] != before[i];
    int bytes = memory::layout(GetParam()).plane[0].bytes_per_pixel;
    EXPECT_GT(changed, 900U);
    EXPECT_LE(changed, static_cast<std::size_t>(32 * 32 * std::max(2, bytes)));
}

TEST_P(EveryFormat, HostileShapesNeverWriteBesideThePicture) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const float hostile[] = {0,
                             -0.5F,
                             1,
                             7.5F,
                             33,
                             64,
                             65,
                             1e4F,
                             -1e4F,
                             1e9F,
                             -1e9F,
                             3e38F,
                             -3e38F,
                             kInf,
                             -kInf,
                             std::nanf(""),
                             1e-30F,
                             2147483648.F};
    std::mt19937 random(7);
    auto number = [&] { return hostile[random() % std::size(hostile)]; };
    auto box = [&] { return meta::PixelBox{number(), number(), number(), number()}; };
    auto point = [&] { return meta::Point{number(), number()}; };
    const std::string texts[] = {
        "", "a", "person 1 0.99", "\xff\xfe broken", "Stra\u00dfe \u884c\n2", "\t"};
    auto drawer = renderer();
    for (memory::Size size : {memory::Size{1, 1}, {2, 1}, {1, 3}, {5, 3}, {64, 48}, {33, 65}}) {
        Guarded picture(GetParam(), size);
        for (int round = 0; round < 60; ++round) {
            Color color{1, 2, 3, static_cast<std::uint8_t>(random())};
            std::vector<meta::Primitive> list{
                meta::Rectangle{box(), color, number()},
                meta::Blur{box()},
                meta::Line{{point(), point(), point()}, color, number(), round % 2 == 0},
                meta::Line{{point()}, color, number(), true},
                meta::Text{texts[random() % std::size(texts)], point(), color, color, number()}};
            ASSERT_TRUE(drawer->draw(picture.view(), list));
        }
        EXPECT_TRUE(picture.intact()) << size.width << "x" << size.height;
    }
}

INSTANTIATE_TEST_SUITE_P(Renderer, EveryFormat, testing::ValuesIn(kFormats), [](const auto& one) {
    return std::string(memory::to_string(one.param));
});

TEST(Renderer, FullRangeReachesBlackAndWhite) {
    Guarded picture(PixelFormat::kI420, {8, 8});
    picture.view().range = memory::ColorRange::kFull;
    draw(picture.view(),
         {meta::Rectangle{{0, 0, 4, 8}, {255, 255, 255, 255}, 0},
          meta::Rectangle{{4, 0, 4, 8}, {0, 0, 0, 255}, 0}});
    EXPECT_EQ(picture.view().data[0][0], 255);
    EXPECT_EQ(picture.view().data[0][7], 0);
    EXPECT_EQ(picture.view().data[1][0], 128);
}

TEST(Renderer, TranslucentLineIsLaidOnOnceWhereItCrossesItself) {
    Guarded picture(PixelFormat::kGray8, {60, 60});
    meta::Line line{
        {{5, 30}, {55, 30}, {55, 5}, {30, 5}, {30, 55}}, {255, 255, 255, 128}, 5, false};
    draw(picture.view(), {line});
    auto at = [&](int x, int y) {
        return picture.view().data[0][y * picture.view().stride[0] + x];
    };
    EXPECT_EQ(at(30, 30), at(15, 30));
    EXPECT_GT(at(30, 30), Guarded::kGround);
}

TEST(Renderer, OneLineLeavesNothingBehindForTheNext) {
    auto drawer = renderer();
    meta::Line line{{{2, 2}, {30, 25}}, {255, 255, 255, 255}, 3, false};
    Guarded first(PixelFormat::kI420, {33, 31});
    Guarded large(PixelFormat::kI420, {90, 70});
    ASSERT_TRUE(drawer->draw(large.view(), std::vector<meta::Primitive>{line}));
    ASSERT_TRUE(drawer->draw(first.view(), std::vector<meta::Primitive>{line}));
    Guarded fresh(PixelFormat::kI420, {33, 31});
    draw(fresh.view(), {line});
    EXPECT_EQ(first.bytes(), fresh.bytes());
}

TEST(Renderer, MovesTextInsideAtTheRightAndLowerEdge) {
    Guarded picture(PixelFormat::kGray8, {200, 60});
    Guarded inside(PixelFormat::kGray8, {200, 60});
    meta::Text text{"person 12", {190, 55}, {255, 255, 255, 255}, {0, 0, 0, 255}, 16};
    draw(picture.view(), {text});
    auto background = [](Guarded& p) {
        int count = 0;
        for (int y = 0; y < 60; ++y) {
            for (int x = 0; x < 200; ++x)
                count += p.view().data[0][y * p.view().stride[0] + x] != Guarded::kGround;
        }
        return count;
    };
    text.at = {10, 10};
    draw(inside.view(), {text});
    EXPECT_EQ(background(picture), background(inside));
}

TEST(Renderer, TransparentShapesLeaveThePictureAlone) {
    Guarded picture(PixelFormat::kNv12, {64, 48});
    std::vector<std::uint8_t> before = picture.bytes();
    Color none{255, 0, 0, 0};
    draw(picture.view(),
         {meta::Rectangle{{5, 5, 20, 20}, none, 0},
          meta::Line{{{1, 1}, {40, 40}}, none, 4, false},
          meta::Text{"text", {5, 5}, none, none, 12}});
    EXPECT_EQ(picture.bytes(), before);
}

TEST(Renderer, RefusesAViewThatIsNoPicture) {
    auto drawer = renderer();
    std::vector<meta::Primitive> list{meta::Rectangle{{0, 0, 9, 9}, {}, 0}};
    Guarded picture(PixelFormat::kI420, {16, 16});
    auto refused = [&](auto change) {
        memory::MutableImageView view = picture.view();
        change(view);
        auto drawn = drawer->draw(view, list);
        return !drawn && drawn.error().code == ErrorCode::kInvalidArgument;
    };
    EXPECT_TRUE(refused([](auto& view) { view.data[2] = nullptr; }));
    EXPECT_TRUE(refused([](auto& view) { view.stride[1] = 7; }));
    EXPECT_TRUE(refused([](auto& view) { view.size.width = 0; }));
    EXPECT_TRUE(refused([](auto& view) { view.size.height = -1; }));
}

TEST(Renderer, OfTheCpuRefusesThePixelsOfADevice) {
    OsdOptions options;
    options.process_mode = ProcessMode::kCpu;
    auto drawer = Renderer::create(options).value();
    Guarded picture(PixelFormat::kI420, {16, 16});
    memory::MutableImageView view = picture.view();
    view.device = 0;
    EXPECT_EQ(drawer->draw(view, {}).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sluice::osd
