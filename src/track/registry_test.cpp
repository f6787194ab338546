#include "sluice/track/registry.h"

#include <fstream>
#include <vector>

#include <gmock/gmock.h>

#include "sluice/base/log.h"

namespace sluice::track {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

/// Catches warnings while it lives.
class Warnings {
public:
    Warnings() {
        set_log_sink([this](LogLevel, std::string_view, const std::string& message) {
            messages.push_back(message);
        });
    }
    ~Warnings() { set_log_sink({}); }
    std::vector<std::string> messages;
};

TrackerSettings with(std::string name, std::string key, std::string value) {
    return {std::move(name), {}, {{std::move(key), std::move(value)}}};
}

TrackerSettings from_file(std::string name, const std::string& text) {
    std::string path = testing::TempDir() + "tracker_" +
                       testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml";
    std::ofstream(path) << text;
    return {std::move(name), path, {}};
}

/// Frames that a new object needs to be seen on until it is reported.
int frames_until_reported(const TrackerSettings& settings) {
    auto tracker = create_tracker(settings);
    EXPECT_TRUE(tracker) << tracker.error().text();
    std::vector<TrackedObject> tracks;
    for (int i = 0; i < 20; ++i)
        (*tracker)->update({}, {}, tracks);
    meta::Detection object;
    object.box = {10, 10, 50, 100};
    object.score = 0.9F;
    for (int i = 1; i < 50; ++i) {
        (*tracker)->update({}, std::vector{object}, tracks);
        if (!tracks.empty()) return i;
    }
    return 0;
}

TEST(Registry, MakesEveryTrackerThatItLists) {
    EXPECT_THAT(known_trackers(), SizeIs(4));
    for (const TrackerInfo& info : known_trackers()) {
        TrackerSettings settings;
        settings.name = info.name;
        EXPECT_TRUE(create_tracker(settings)) << info.name;
    }
}

TEST(Registry, NamesTheNearestTracker) {
    auto outcome = create_tracker(TrackerSettings{"bytetrak", {}, {}});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(outcome.error().message, HasSubstr("bytetrack"));
}

TEST(Registry, MakesSeveralTrackersFromOneFactory) {
    auto make = tracker_factory(TrackerSettings{});
    ASSERT_TRUE(make);
    EXPECT_NE((*make)(), (*make)());
}

TEST(Registry, TakesEverySpellingOfAnOption) {
    for (const char* key :
         {"probation-age", "probationAge", "probation_age", "min-hits", "min_hits"})
        EXPECT_EQ(frames_until_reported(with("sort", key, "7")), 8) << key;
}

TEST(Registry, TakesTheOriginalsNames) {
    for (const char* key : {"track_buffer", "max-age", "iou_threshold", "det_thresh"})
        EXPECT_TRUE(create_tracker(with("ocsort", key, "0"))) << key;
    EXPECT_TRUE(create_tracker(with("bytetrack", "track_thresh", "0.6")));
}

TEST(Registry, TurnsAMatchThresholdIntoALowestScore) {
    // 0.95 times the overlap of a box with itself passes 1 - 0.1 as lowest score, not 1 - 0.01.
    auto lives = [](const char* threshold) {
        auto tracker = create_tracker(with("bytetrack", "match_thresh", threshold));
        EXPECT_TRUE(tracker);
        meta::Detection object;
        object.box = {10, 10, 50, 100};
        object.score = 0.95F;
        std::vector<TrackedObject> tracks;
        for (int i = 0; i < 3; ++i)
            (*tracker)->update({}, std::vector{object}, tracks);
        return !tracks.empty() && tracks[0].age == 3;
    };
    EXPECT_TRUE(lives("0.1"));
    EXPECT_FALSE(lives("0.01"));
    auto outcome = create_tracker(with("bytetrack", "match_thresh", "high"));
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message, HasSubstr("match_thresh"));
}

TEST(Registry, NamesTheNearestOption) {
    auto outcome = create_tracker(with("sort", "max-shadow-traking-age", "3"));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(outcome.error().message, HasSubstr("max-shadow-tracking-age"));
}

TEST(Registry, RefusesAValueByTheNameThatTheUserWrote) {
    auto outcome = create_tracker(with("bytetrack", "track-thresh", "7"));
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message, HasSubstr("track-thresh"));
}

TEST(Registry, RefusesValuesOutOfRange) {
    EXPECT_FALSE(create_tracker(with("sort", "min-matching-score4-iou", "1.5")));
    EXPECT_FALSE(create_tracker(with("sort", "max-targets-per-stream", "0")));
    EXPECT_FALSE(create_tracker(with("sort", "probation-age", "soon")));
}

TEST(Registry, ReadsDeepStreamsGroups) {
    Warnings warnings;
    TrackerSettings settings = from_file("sort", R"(%YAML:1.0
BaseConfig:
  minDetectorConfidence: 0.1
TargetManagement:
  maxTargetsPerStream: 150
  probationAge: 6
  maxShadowTrackingAge: 38
  preserveStreamUpdateOrder: 0
DataAssociator:
  checkClassMatch: 1
  associationMatcherType: 0
StateEstimator:
VisualTracker:
  visualTrackerType: 1
  useHog: 1
)");
    EXPECT_EQ(frames_until_reported(settings), 7);
    ASSERT_THAT(warnings.messages, SizeIs(3));
    EXPECT_THAT(warnings.messages[0], HasSubstr("preserveStreamUpdateOrder"));
    EXPECT_THAT(warnings.messages[1], HasSubstr("associationMatcherType"));
    EXPECT_THAT(warnings.messages[2], HasSubstr("VisualTracker"));
}

TEST(Registry, ReadsFlatKeysAndLetsPropertiesWin) {
    TrackerSettings settings = from_file("sort", "probation-age: 6\nmax-age: 4\n");
    EXPECT_EQ(frames_until_reported(settings), 7);
    settings.options = {{"probation-age", "2"}};
    EXPECT_EQ(frames_until_reported(settings), 3);
}

TEST(Registry, TakesAnEmptyFile) {
    EXPECT_TRUE(create_tracker(from_file("iou", "")));
}

TEST(Registry, TellsFileAndLineOfAnUnknownKey) {
    auto outcome = create_tracker(
        from_file("sort", "TargetManagement:\n  probationAge: 3\n  probatonAge: 4\n"));
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().text(), HasSubstr(".yaml:3"));
    EXPECT_THAT(outcome.error().text(), HasSubstr("probation-age"));
}

TEST(Registry, TellsFileAndLineOfABadValue) {
    auto outcome = create_tracker(from_file("sort", "TargetManagement:\n  probationAge: -3\n"));
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().text(), HasSubstr(".yaml:2"));
}

TEST(Registry, NamesTheNearestGroup) {
    auto outcome = create_tracker(from_file("sort", "TargetManagment:\n  probationAge: 3\n"));
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().text(), HasSubstr("TargetManagement"));
}

TEST(Registry, RefusesFilesOfAnotherShape) {
    EXPECT_FALSE(create_tracker(from_file("sort", "- probationAge\n")));
    EXPECT_FALSE(create_tracker(from_file("sort", "TargetManagement: 3\n")));
    EXPECT_FALSE(create_tracker(from_file("sort", "DataAssociator:\n  checkClassMatch: {a: b}\n")));
    auto missing = create_tracker(TrackerSettings{"sort", "/nowhere/tracker.yaml", {}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::kIo);
}

TEST(ParseTrackerOptions, SplitsPairs) {
    auto options = parse_tracker_options(" max-age = 3; min-hits=2 ;");
    ASSERT_TRUE(options);
    EXPECT_THAT(*options, ElementsAre(Pair("max-age", "3"), Pair("min-hits", "2")));
    EXPECT_THAT(*parse_tracker_options(""), IsEmpty());
}

TEST(ParseTrackerOptions, RefusesWhatIsNoPair) {
    EXPECT_FALSE(parse_tracker_options("max-age"));
    EXPECT_FALSE(parse_tracker_options("=3"));
}

}  // namespace
}  // namespace sluice::track
