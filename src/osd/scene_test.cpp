#include "sluice/osd/scene.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "sluice/osd/style.h"

namespace sluice::osd {
namespace {

meta::Object person(float left, float top, std::uint64_t track) {
    meta::Object object;
    object.box = {left, top, 40, 80};
    object.label = Name("person");
    object.class_id = meta::ClassId(3);
    object.score = 0.871F;
    object.track_id = meta::TrackId(track);
    return object;
}

meta::Frame frame_of(std::vector<meta::Object> objects) {
    meta::Frame frame;
    frame.size = {640, 480};
    frame.pts_ns = 0;
    frame.objects = std::move(objects);
    return frame;
}

Scene scene(const OsdOptions& options = {}) {
    return std::move(Scene::create(options)).value();
}

template <class Shape>
std::vector<Shape> shapes(std::span<const meta::Primitive> list) {
    std::vector<Shape> out;
    for (const meta::Primitive& primitive : list) {
        if (const auto* shape = std::get_if<Shape>(&primitive)) out.push_back(*shape);
    }
    return out;
}

std::string label_of(const OsdOptions& options, const meta::Object& object) {
    auto s = scene(options);
    auto texts = shapes<meta::Text>(s.build(frame_of({object})));
    return texts.empty() ? "" : texts.front().text;
}

TEST(Scene, LabelsSayClassTrackAndScore) {
    EXPECT_EQ(label_of({}, person(100, 100, 12)), "person 12 0.87");
}

TEST(Scene, LabelsLeaveOutWhatIsSwitchedOffOrUnknown) {
    OsdOptions options;
    options.display_score = false;
    EXPECT_EQ(label_of(options, person(100, 100, 12)), "person 12");
    options.display_track_id = false;
    EXPECT_EQ(label_of(options, person(100, 100, 12)), "person");
    meta::Object object = person(100, 100, 1);
    object.track_id = meta::kUntracked;
    object.score = 0;
    object.label = {};
    EXPECT_EQ(label_of({}, object), "class 3");
}

TEST(Scene, LabelsEndWithWhatSecondaryModelsSaid) {
    meta::Object object = person(100, 100, 2);
    meta::Label label;
    label.value = Name("red");
    object.labels.push_back(label);
    label.value = Name("coat");
    object.labels.push_back(label);
    EXPECT_EQ(label_of({}, object), "person 2 0.87 | red, coat");
    OsdOptions options;
    options.display_labels = false;
    EXPECT_EQ(label_of(options, object), "person 2 0.87");
}

TEST(Scene, DrawsBlursThenBoxesThenLabelsThenTheUsersShapes) {
    OsdOptions options;
    options.blur_class_ids = {3};
    meta::Frame frame = frame_of({person(100, 100, 1)});
    frame.display.emplace_back(meta::Line{{{0, 0}, {5, 5}}, {}, 1, false});
    auto s = scene(options);
    auto list = s.build(frame);
    ASSERT_EQ(list.size(), 4U);
    EXPECT_TRUE(std::holds_alternative<meta::Blur>(list[0]));
    EXPECT_TRUE(std::holds_alternative<meta::Rectangle>(list[1]));
    EXPECT_TRUE(std::holds_alternative<meta::Text>(list[2]));
    EXPECT_TRUE(std::holds_alternative<meta::Line>(list[3]));
}

TEST(Scene, DrawsNothingWhenAllIsOff) {
    OsdOptions options;
    options.display_bbox = options.display_text = options.display_user = false;
    meta::Frame frame = frame_of({person(100, 100, 1)});
    frame.display.emplace_back(meta::Blur{});
    auto s = scene(options);
    EXPECT_TRUE(s.build(frame).empty());
}

TEST(Scene, ColoursByTrackClassOrAsTold) {
    auto color_of = [](const OsdOptions& options, const meta::Object& object) {
        auto s = scene(options);
        return shapes<meta::Rectangle>(s.build(frame_of({object}))).front().color;
    };
    OsdOptions options;
    EXPECT_EQ(color_of(options, person(0, 0, 7)), palette_color(7));
    meta::Object untracked = person(0, 0, 0);
    untracked.track_id = meta::kUntracked;
    EXPECT_EQ(color_of(options, untracked), palette_color(3));
    options.color_by = ColorBy::kClass;
    EXPECT_EQ(color_of(options, person(0, 0, 7)), palette_color(3));
    options.color_by = ColorBy::kFixed;
    EXPECT_EQ(color_of(options, person(0, 0, 7)), (meta::Color{0, 255, 0, 255}));
    options.color_by = ColorBy::kTrack;
    options.border_color = {0, 0, 1};
    EXPECT_EQ(color_of(options, person(0, 0, 7)), (meta::Color{0, 0, 255, 255}));
}

TEST(Scene, TextHasTheBoxesColourBehindItUnlessTold) {
    OsdOptions options;
    auto s = scene(options);
    auto text = shapes<meta::Text>(s.build(frame_of({person(100, 100, 7)}))).front();
    EXPECT_EQ(text.background, palette_color(7));
    EXPECT_EQ(text.color, readable_on(palette_color(7)));
    options.text_color = {1, 1, 0};
    options.text_bg_color = {0, 0, 0, 0.5F};
    s = scene(options);
    text = shapes<meta::Text>(s.build(frame_of({person(100, 100, 7)}))).front();
    EXPECT_EQ(text.color, (meta::Color{255, 255, 0, 255}));
    EXPECT_EQ(text.background, (meta::Color{0, 0, 0, 128}));
}

TEST(Scene, PutsLabelsOnTopOfTheBoxOrInsideWhereThereIsNoRoom) {
    auto s = scene();
    auto texts = shapes<meta::Text>(s.build(frame_of({person(100, 100, 1), person(-10, 5, 2)})));
    ASSERT_EQ(texts.size(), 2U);
    EXPECT_FLOAT_EQ(texts[0].at.y, 100 - 1 - static_cast<float>(label_height(12)));
    EXPECT_FLOAT_EQ(texts[0].at.x, 99);
    EXPECT_FLOAT_EQ(texts[1].at.y, 4);
    EXPECT_FLOAT_EQ(texts[1].at.x, 0);
}

TEST(Scene, LeavesOutLabelsOfBoxesOutOfSight) {
    auto s = scene();
    meta::Object nowhere = person(0, 0, 4);
    nowhere.box.left = std::nanf("");
    auto list =
        s.build(frame_of({person(-50, 10, 1), person(641, 10, 2), person(5, 900, 3), nowhere}));
    EXPECT_TRUE(shapes<meta::Text>(list).empty());
}

TEST(Scene, TrailsFollowTheFeetAndEndWithTheSource) {
    OsdOptions options;
    options.trails = std::chrono::seconds(1);
    auto s = scene(options);
    meta::Frame frame = frame_of({person(100, 100, 1)});
    EXPECT_TRUE(shapes<meta::Line>(s.build(frame)).empty());
    frame.pts_ns += 100'000'000;
    frame.objects[0].box.left += 10;
    auto lines = shapes<meta::Line>(s.build(frame));
    ASSERT_EQ(lines.size(), 1U);
    ASSERT_EQ(lines[0].points.size(), 2U);
    EXPECT_FLOAT_EQ(lines[0].points[0].x, 120);
    EXPECT_FLOAT_EQ(lines[0].points[1].x, 130);
    EXPECT_FLOAT_EQ(lines[0].points[1].y, 180);
    s.forget(frame.source);
    frame.pts_ns += 100'000'000;
    EXPECT_TRUE(shapes<meta::Line>(s.build(frame)).empty());
}

TEST(Scene, ForgetsTheFrameBefore) {
    auto s = scene();
    EXPECT_EQ(s.build(frame_of({person(9, 99, 1), person(99, 99, 2), person(199, 99, 3)})).size(),
              6U);
    auto list = s.build(frame_of({person(99, 99, 5)}));
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(shapes<meta::Text>(list).front().text, "person 5 0.87");
    EXPECT_TRUE(s.build(frame_of({})).empty());
}

TEST(Scene, RefusesAWrongColour) {
    OsdOptions options;
    options.text_bg_color = {2, 0, 0};
    auto made = Scene::create(options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::osd
