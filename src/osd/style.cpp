#include "sluice/osd/style.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace sluice::osd {
namespace {

// Chosen 2026-11 by farthest-point sampling in CIELAB among the vivid colours of middle lightness
// (L 50..88, chroma 45 and more): no two are nearer than 32, the first few are farthest apart.
constexpr std::array<meta::Color, kPaletteSize> kPalette{{
    {48, 216, 72, 255},   {204, 0, 252, 255},   {252, 48, 0, 255},   {0, 180, 252, 255},
    {252, 132, 180, 255}, {252, 204, 0, 255},   {0, 240, 216, 255},  {60, 108, 252, 255},
    {108, 132, 48, 255},  {192, 108, 60, 255},  {240, 0, 180, 255},  {240, 0, 84, 255},
    {180, 228, 0, 255},   {180, 156, 240, 255}, {192, 96, 228, 255}, {252, 216, 132, 255},
    {252, 132, 0, 255},   {144, 240, 156, 255}, {0, 252, 0, 255},    {0, 144, 96, 255},
}};

// Contrast ratio that WCAG 2.1 (section 1.4.3) asks of large or bold text. White is taken wherever
// it reaches that: on saturated dark colours it is easier on the eye than black of equal ratio.
constexpr double kLeastContrast = 3;

// Sizes at 1080 lines; smaller frames scale down to the least that can be read.
constexpr int kReferenceHeight = 1080;
constexpr int kReferenceTextPx = 20;
constexpr int kLeastTextPx = 12;
constexpr int kReferenceBorderPx = 3;
constexpr int kLeastBorderPx = 2;

int scaled(int at_reference, int frame_height) {
    return (at_reference * frame_height + kReferenceHeight / 2) / kReferenceHeight;
}

/// Relative luminance (ITU-R BT.709 weights; a gamma of 2 is near enough), 0..1.
double luminance(meta::Color color) {
    auto linear = [](std::uint8_t value) { return value * value / (255.0 * 255.0); };
    return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

}  // namespace

meta::Color palette_color(std::uint64_t number) {
    return kPalette[static_cast<std::size_t>(number % kPalette.size())];
}

meta::Color readable_on(meta::Color background) {
    double contrast_to_white = 1.05 / (luminance(background) + 0.05);
    bool white = contrast_to_white >= kLeastContrast;
    return white ? meta::Color{255, 255, 255, 255} : meta::Color{0, 0, 0, 255};
}

Result<meta::Color> parse_color(const std::vector<float>& numbers, std::string_view option) {
    bool valid = numbers.size() == 3 || numbers.size() == 4;
    for (float number : numbers)
        valid = valid && number >= 0 && number <= 1;
    if (!valid) {
        return invalid_argument(
            fmt::format("option '{}': a colour is red;green;blue or red;green;blue;alpha, each "
                        "0..1, not '{}'",
                        option,
                        to_text(numbers)));
    }
    auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(numbers[i] * 255 + 0.5F); };
    return meta::Color{
        byte(0), byte(1), byte(2), numbers.size() == 4 ? byte(3) : std::uint8_t{255}};
}

int text_px(const OsdOptions& options, int frame_height) {
    if (options.text_size > 0) return options.text_size;
    return std::max(kLeastTextPx, scaled(kReferenceTextPx, frame_height));
}

int border_px(const OsdOptions& options, int frame_height) {
    if (options.border_width > 0) return options.border_width;
    return std::max(kLeastBorderPx, scaled(kReferenceBorderPx, frame_height));
}

int label_padding(int text_px) {
    return std::max(2, text_px / 5);
}

int label_height(int text_px) {
    return (text_px * 5 + 3) / 4 + 2;
}

}  // namespace sluice::osd
