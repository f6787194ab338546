#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/fields.h"

namespace sluice::osd {

enum class ProcessMode { kAuto, kCpu, kGpu };
enum class ColorBy { kClass, kTrack, kFixed };

/// What sluiceosd draws, and how. Names and numbers are DeepStream's where it has them. Colours are
/// red;green;blue;alpha, each 0..1 (alpha may be left out); empty: chosen for the best contrast.
struct OsdOptions {
    ProcessMode process_mode = ProcessMode::kAuto;
    bool display_bbox = true;
    bool display_text = true;
    bool display_track_id = true;
    bool display_score = true;
    bool display_labels = true;
    bool display_user = true;
    Duration trails{0};
    ColorBy color_by = ColorBy::kTrack;
    int border_width = 0;
    std::vector<float> border_color;
    std::string font = "Sans Bold";
    int text_size = 0;
    std::vector<float> text_color;
    std::vector<float> text_bg_color;
    std::vector<int> blur_class_ids;
};

}  // namespace sluice::osd

namespace sluice {

/// DeepStream's numbers come last: the words are what we write.
template <>
inline constexpr auto enum_words<osd::ProcessMode> =
    std::array<std::pair<std::string_view, osd::ProcessMode>, 5>{{
        {"auto", osd::ProcessMode::kAuto},
        {"cpu", osd::ProcessMode::kCpu},
        {"gpu", osd::ProcessMode::kGpu},
        {"0", osd::ProcessMode::kCpu},
        {"1", osd::ProcessMode::kGpu},
    }};

template <>
inline constexpr auto enum_words<osd::ColorBy> =
    std::array<std::pair<std::string_view, osd::ColorBy>, 3>{{
        {"class", osd::ColorBy::kClass},
        {"track", osd::ColorBy::kTrack},
        {"fixed", osd::ColorBy::kFixed},
    }};

template <>
inline constexpr auto fields<osd::OsdOptions> = field_table(
    field("process-mode",
          &osd::OsdOptions::process_mode,
          "who draws: auto, cpu (or 0) or gpu (or 1)"),
    field("display-bbox", &osd::OsdOptions::display_bbox, "draw the objects' boxes"),
    field("display-text", &osd::OsdOptions::display_text, "draw the objects' labels"),
    field("display-track-id",
          &osd::OsdOptions::display_track_id,
          "write the track id into the label"),
    field("display-score",
          &osd::OsdOptions::display_score,
          "write the detector's score into the label"),
    field("display-labels",
          &osd::OsdOptions::display_labels,
          "write what secondary models said into the label"),
    field("display-user",
          &osd::OsdOptions::display_user,
          "draw the shapes and texts that the user attached to the frame"),
    field("trails",
          &osd::OsdOptions::trails,
          range(0.0, 60.0),
          "draw where each track was in the last so many seconds; 0: off"),
    field("color-by",
          &osd::OsdOptions::color_by,
          "what a colour stands for: class, track (class where untracked) or fixed"),
    field("border-width",
          &osd::OsdOptions::border_width,
          range(0, 64),
          "pixels of a box's line; 0: by the frame's height"),
    field("border-color",
          &osd::OsdOptions::border_color,
          "one colour for all boxes, e.g. 1;0;0;1; empty: as color-by says (fixed: green)"),
    field("font",
          &osd::OsdOptions::font,
          "Pango's name of a font, e.g. Sans Bold; where it is missing the nearest is taken"),
    field("text-size",
          &osd::OsdOptions::text_size,
          range(0, 200),
          "height of the text in pixels; 0: by the frame's height"),
    field("text-color",
          &osd::OsdOptions::text_color,
          "colour of the labels, e.g. 1;1;1;1; empty: black or white, whichever reads better"),
    field("text-bg-color",
          &osd::OsdOptions::text_bg_color,
          "colour behind the labels, e.g. 0;0;0;0.5; empty: the box's own colour"),
    field("blur-class-ids",
          &osd::OsdOptions::blur_class_ids,
          "objects of these classes are made unrecognisable, e.g. 0;2"));

}  // namespace sluice
