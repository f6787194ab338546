#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/meta/display.h"
#include "sluice/osd/options.h"

namespace sluice::osd {

inline constexpr int kPaletteSize = 20;

/// One of kPaletteSize well-distinguishable colours; neighbouring numbers differ most.
meta::Color palette_color(std::uint64_t number);

/// White, or black where white would not be readable on the colour.
meta::Color readable_on(meta::Color background);

/// A colour option (three or four numbers in 0..1); `option` is its name for the error.
Result<meta::Color> parse_color(const std::vector<float>& numbers, std::string_view option);

/// The options' sizes, with those that are 0 chosen by the height of the frame.
int text_px(const OsdOptions& options, int frame_height);
int border_px(const OsdOptions& options, int frame_height);

/// Padding around a text of that size in its background box, and the height of such a box with
/// one line. The same for every font, so that whoever places a label needs no font.
int label_padding(int text_px);
int label_height(int text_px);

}  // namespace sluice::osd
