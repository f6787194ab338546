#include "sluice/meta/writers.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::meta {
namespace {

Frame two_objects() {
    Frame frame;
    frame.source = SourceId(3);
    frame.sequence = 41;
    frame.pts_ns = 4'100'000'000;
    frame.source_size = {1920, 1080};
    frame.size = {960, 640};
    frame.content = {0, 50, 960, 540};
    frame.inference = Inference::kDone;

    Object car;
    car.box = {100, 150, 50, 40};
    car.class_id = ClassId(2);
    car.label = Name("sports car");
    car.component_id = 1;
    car.detector_box = car.box;
    car.score = 0.75f;
    car.track_id = TrackId(7);
    car.tracker_box = {101, 151, 50, 40};
    car.tracker_confidence = 0.5f;
    car.labels.push_back({Name("color"), Name("red"), ClassId(4), 0.875f, 2});

    Object plate;
    plate.box = {110, 170, 10, 5};
    plate.class_id = ClassId(0);
    plate.detector_box = plate.box;
    plate.score = 0.25f;
    plate.parent = 0;
    frame.objects = {car, plate};
    return frame;
}

nlohmann::json parsed(const Frame& frame, const SourceText& source, BoxSpace space) {
    std::string line;
    append_json_line(line, frame, source, space);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    return nlohmann::json::parse(line);
}

TEST(JsonWriter, WritesTheSchemaAsDocumented) {
    std::string line;
    append_json_line(line, two_objects(), {"gate", "file:///a.mp4"}, BoxSpace::kProcessing);
    EXPECT_EQ(line,
              R"({"schema":"sluice.frame/1","source":{"id":3,"name":"gate","uri":"file:///a.mp4"},)"
              R"("sequence":41,"pts_ns":4100000000,"source_size":[1920,1080],"size":[960,640],)"
              R"("content":[0.000,50.000,960.000,540.000],"space":"processing","inference":"done",)"
              R"("objects":[{"class_id":2,"component":1,"label":"sports car",)"
              R"("box":[100.000,150.000,50.000,40.000],)"
              R"("detector_box":[100.000,150.000,50.000,40.000],"score":0.7500,"track_id":7,)"
              R"("tracker_box":[101.000,151.000,50.000,40.000],"tracker_confidence":0.5000,)"
              R"("labels":[{"class_id":4,"component":2,"attribute":"color","value":"red",)"
              R"("score":0.8750}]},)"
              R"({"class_id":0,"component":0,"box":[110.000,170.000,10.000,5.000],)"
              R"("detector_box":[110.000,170.000,10.000,5.000],"score":0.2500,"parent":0}]})"
              "\n");
}

TEST(JsonWriter, GivesBoxesInSourcePixelsWhenAsked) {
    auto json = parsed(two_objects(), {}, BoxSpace::kSource);
    EXPECT_EQ(json["space"], "source");
    EXPECT_EQ(json["objects"][0]["box"], (nlohmann::json{200.0, 200.0, 100.0, 80.0}));
    EXPECT_EQ(json["content"], (nlohmann::json{0.0, 50.0, 960.0, 540.0}));
    EXPECT_FALSE(json["source"].contains("uri"));
}

TEST(JsonWriter, NumbersThatAreNotFiniteBecomeNull) {
    Frame frame = two_objects();
    frame.pts_ns = kNoPts;
    frame.objects[0].score = std::numeric_limits<float>::quiet_NaN();
    frame.objects[0].box.left = std::numeric_limits<float>::infinity();
    auto json = parsed(frame, {}, BoxSpace::kProcessing);
    EXPECT_TRUE(json["pts_ns"].is_null());
    EXPECT_TRUE(json["objects"][0]["score"].is_null());
    EXPECT_TRUE(json["objects"][0]["box"][0].is_null());
}

TEST(JsonWriter, EscapesTextAndMendsBrokenUtf8) {
    auto json = parsed(two_objects(), {"a\"b\\c\n\x01", "caf\xC3\xA9 \xF0\x9F\x9A\x97"}, {});
    EXPECT_EQ(json["source"]["name"], "a\"b\\c\n\x01");
    EXPECT_EQ(json["source"]["uri"], "caf\xC3\xA9 \xF0\x9F\x9A\x97");
    for (const char* broken :
         {"\xC3", "\xFF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
        auto name = parsed(two_objects(), {broken, {}}, {})["source"]["name"].get<std::string>();
        EXPECT_THAT(name, testing::StartsWith("\xEF\xBF\xBD"));
    }
}

TEST(JsonWriter, AFrameWithoutObjectsIsALineToo) {
    Frame frame;
    frame.inference = Inference::kSkipped;
    auto json = parsed(frame, {}, {});
    EXPECT_TRUE(json["objects"].empty());
    EXPECT_EQ(json["inference"], "skipped");
}

TEST(MotWriter, WritesTrackedObjectsWithTheFirstFrameAsOne) {
    std::string lines = "kept\n";
    append_mot_lines(lines, two_objects(), MotRows::kTracks);
    EXPECT_EQ(lines, "kept\n42,7,200.000,200.000,100.000,80.000,0.5000,-1,-1,-1\n");
}

TEST(MotWriter, WritesDetectionsWithoutAnId) {
    std::string lines;
    append_mot_lines(lines, two_objects(), MotRows::kDetections, BoxSpace::kProcessing);
    EXPECT_EQ(lines,
              "42,-1,100.000,150.000,50.000,40.000,0.7500,-1,-1,-1\n"
              "42,-1,110.000,170.000,10.000,5.000,0.2500,-1,-1,-1\n");
}

TEST(MotWriter, LeavesOutBoxesThatAreNotFinite) {
    Frame frame = two_objects();
    frame.objects[0].box.top = std::numeric_limits<float>::quiet_NaN();
    std::string lines;
    append_mot_lines(lines, frame, MotRows::kTracks);
    EXPECT_EQ(lines, "");
}

TEST(KittiWriter, WritesDetectionsWithTheirScoreLast) {
    std::string lines;
    append_kitti_detections(lines, two_objects());
    EXPECT_EQ(lines,
              "sports_car 0.0 0 0.0 200.000 200.000 300.000 280.000 "
              "0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.7500\n"
              "class0 0.0 0 0.0 220.000 240.000 240.000 250.000 "
              "0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.2500\n");
}

TEST(KittiWriter, WritesTheTrackersOwnBox) {
    std::string lines;
    append_kitti_tracks(lines, two_objects(), BoxSpace::kProcessing);
    EXPECT_EQ(lines,
              "sports_car 7 0.0 0 0.0 101.000 151.000 151.000 191.000 "
              "0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.5000\n");
}

TEST(SourceSpace, IsTheSameWhereNoProcessingSizeIsSet) {
    Frame frame;
    EXPECT_EQ(to_source({1, 2, 3, 4}, frame), (PixelBox{1, 2, 3, 4}));
    frame.source_size = {100, 100};
    frame.size = {200, 50};
    EXPECT_EQ(to_source({20, 10, 20, 10}, frame), (PixelBox{10, 20, 10, 20}));
}

}  // namespace
}  // namespace sluice::meta
