#pragma once

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/osd/renderer.h"

/// Pictures and draw lists that twins are compared on.
namespace sluice::osd::cuda {

inline constexpr memory::PixelFormat kFormats[] = {memory::PixelFormat::kNv12,
                                                   memory::PixelFormat::kI420,
                                                   memory::PixelFormat::kBgr,
                                                   memory::PixelFormat::kRgba,
                                                   memory::PixelFormat::kGray8};
inline constexpr memory::Size kSizes[] = {{320, 192}, {319, 191}, {33, 65}, {1, 1}};

/// Random pixels in padded rows; the padding is compared too.
class Picture {
public:
    Picture(memory::PixelFormat format, memory::Size size, unsigned seed) {
        view_.format = format;
        view_.size = size;
        view_.matrix = memory::ColorMatrix::kBt709;
        std::size_t total = 0;
        for (int i = 0; i < memory::layout(format).planes; ++i) {
            auto slot = static_cast<std::size_t>(i);
            memory::Size extent = memory::plane_size(format, size, i);
            view_.stride[slot] = extent.width * memory::layout(format).plane[slot].bytes_per_pixel +
                                 static_cast<int>(kPadding);
            offset_[slot] = total;
            total += static_cast<std::size_t>(view_.stride[slot] * extent.height);
        }
        std::mt19937 random(seed);
        bytes_.resize(total);
        for (std::uint8_t& byte : bytes_)
            byte = static_cast<std::uint8_t>(random());
    }

    std::vector<std::uint8_t>& bytes() { return bytes_; }
    memory::MutableImageView view() { return view_at(bytes_.data(), memory::kHostMemory); }
    /// The same picture, were its bytes there.
    memory::MutableImageView view_at(std::uint8_t* bytes, int device) const {
        memory::MutableImageView view = view_;
        for (int i = 0; i < memory::layout(view.format).planes; ++i)
            view.data[static_cast<std::size_t>(i)] = bytes + offset_[static_cast<std::size_t>(i)];
        view.device = device;
        return view;
    }

private:
    static constexpr std::size_t kPadding = 32;
    memory::MutableImageView view_;
    std::array<std::size_t, 3> offset_{};
    std::vector<std::uint8_t> bytes_;
};

inline int worst_difference(const std::vector<std::uint8_t>& a,
                            const std::vector<std::uint8_t>& b) {
    int worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
}

inline void draw_reference(Picture& picture, const std::vector<meta::Primitive>& list) {
    OsdOptions options;
    options.process_mode = ProcessMode::kCpu;
    auto renderer = Renderer::create(options).value();
    auto drawn = renderer->draw(picture.view(), list);
    ASSERT_TRUE(drawn) << drawn.error().text();
}

/// Draws random shapes in, across and outside a picture.
class Shaker {
public:
    Shaker(memory::Size size, unsigned seed) : size_(size), random_(seed) {}

    meta::Rectangle fill() { return {box(), color(), 0}; }
    meta::Rectangle border() { return {box(), color(), number(1, 7)}; }
    meta::Blur blur() { return {box()}; }
    meta::Line line() {
        meta::Line out{{}, color(), number(0, 9), random_() % 2 == 0};
        for (unsigned i = 0; i < 2 + random_() % 5; ++i)
            out.points.push_back(point());
        return out;
    }
    meta::Text text() {
        static const std::string texts[] = {
            "person 12 0.87", "Stra\u00dfe \u884c", "Wj|", "", "two\nlines", "(odd)"};
        return {texts[random_() % std::size(texts)], point(), color(), color(), number(6, 40)};
    }
    meta::Primitive any() {
        switch (random_() % 5) {
            case 0:
                return fill();
            case 1:
                return border();
            case 2:
                return line();
            case 3:
                return text();
            default:
                return blur();
        }
    }

private:
    float number(float low, float high) {
        return std::uniform_real_distribution<float>(low, high)(random_);
    }
    meta::Point point() {
        auto width = static_cast<float>(size_.width);
        auto height = static_cast<float>(size_.height);
        float distance = random_() % 16 == 0 ? 1e5F : 1;
        return {distance * number(-0.2F * width, 1.2F * width),
                distance * number(-0.2F * height, 1.2F * height)};
    }
    meta::PixelBox box() {
        meta::Point at = point();
        return {at.x,
                at.y,
                number(0, 0.7F * static_cast<float>(size_.width)),
                number(0, 0.7F * static_cast<float>(size_.height))};
    }
    meta::Color color() {
        auto byte = [&] { return static_cast<std::uint8_t>(random_()); };
        return {byte(), byte(), byte(), random_() % 3 == 0 ? std::uint8_t{255} : byte()};
    }

    memory::Size size_;
    std::mt19937 random_;
};

struct TestScene {
    std::string name;
    std::vector<meta::Primitive> list;
    /// Lines are computed in single precision.
    int tolerance;
};

inline std::vector<TestScene> test_scenes(memory::Size size) {
    Shaker shaker(size, 42);
    std::vector<TestScene> out{{"fills", {}, 0},
                               {"borders", {}, 0},
                               {"texts", {}, 0},
                               {"blurs", {}, 0},
                               {"lines", {}, 2},
                               {"everything", {}, 2}};
    for (int i = 0; i < 12; ++i) {
        out[0].list.emplace_back(shaker.fill());
        out[1].list.emplace_back(shaker.border());
        out[2].list.emplace_back(shaker.text());
        out[3].list.emplace_back(shaker.blur());
        out[4].list.emplace_back(shaker.line());
    }
    for (int i = 0; i < 60; ++i)
        out[5].list.push_back(shaker.any());
    return out;
}

}  // namespace sluice::osd::cuda
