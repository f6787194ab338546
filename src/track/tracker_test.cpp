#include "sluice/track/tracker.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include <gmock/gmock.h>

#include "sluice/track/registry.h"

namespace sluice::track {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kInterval = 40'000'000;

meta::Detection detection(float left, float top, int class_id = 0, float score = 0.9F) {
    meta::Detection out;
    out.box = {left, top, 60, 160};
    out.score = score;
    out.class_id = meta::ClassId(class_id);
    return out;
}

/// A tracker, its stream's time, and what it said last.
class Stream {
public:
    explicit Stream(std::unique_ptr<Tracker> tracker) : tracker_(std::move(tracker)) {}

    const std::vector<TrackedObject>& show(const std::vector<meta::Detection>& detections) {
        return feed(detections, meta::Inference::kDone);
    }
    const std::vector<TrackedObject>& skip() { return feed({}, meta::Inference::kSkipped); }
    /// The same frame so many times.
    const std::vector<TrackedObject>& hold(const std::vector<meta::Detection>& detections,
                                           int frames) {
        for (int i = 0; i < frames; ++i)
            show(detections);
        return tracks;
    }
    void wait(int frames) { pts += frames * kInterval; }
    void reset() { tracker_->reset(); }

    std::int64_t pts = 0;
    std::vector<TrackedObject> tracks;

private:
    const std::vector<TrackedObject>& feed(const std::vector<meta::Detection>& detections,
                                           meta::Inference inference) {
        tracker_->update({{1920, 1080}, pts, inference}, detections, tracks);
        pts += kInterval;
        return tracks;
    }

    std::unique_ptr<Tracker> tracker_;
};

/// What every tracker must keep to.
class EveryTracker : public testing::TestWithParam<const char*> {
protected:
    static Stream open(std::vector<std::pair<std::string, std::string>> options = {}) {
        TrackerSettings settings;
        settings.name = GetParam();
        settings.options = std::move(options);
        auto tracker = create_tracker(settings);
        EXPECT_TRUE(tracker) << tracker.error().text();
        return Stream(std::move(*tracker));
    }
};

INSTANTIATE_TEST_SUITE_P(Kinds,
                         EveryTracker,
                         testing::Values("iou", "sort", "bytetrack", "ocsort"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(EveryTracker, FollowsAMovingObjectUnderOneId) {
    Stream stream = open();
    std::set<meta::TrackId> ids;
    for (int t = 0; t < 30; ++t) {
        stream.show({detection(100 + 4.F * static_cast<float>(t), 200)});
        for (const TrackedObject& track : stream.tracks) {
            ids.insert(track.track_id);
            EXPECT_EQ(track.detection, 0);
            EXPECT_EQ(track.age, static_cast<std::uint32_t>(t + 1));
            EXPECT_FLOAT_EQ(track.confidence, 0.9F);
        }
    }
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_THAT(ids, SizeIs(1));
    EXPECT_NEAR(stream.tracks[0].box.left, 100 + 4 * 29, 5);
    EXPECT_NEAR(stream.tracks[0].box.width, 60, 2);
}

TEST_P(EveryTracker, SaysWhichDetectionJoinedWhichTarget) {
    Stream stream = open();
    meta::Detection a = detection(100, 100);
    meta::Detection b = detection(700, 100);
    a.label = Name("person");
    b.label = Name("car");
    b.class_id = meta::ClassId(2);
    stream.hold({a, b}, 8);
    ASSERT_THAT(stream.tracks, SizeIs(2));
    stream.show({detection(300, 800, 0, 0.01F), b, a});
    ASSERT_THAT(stream.tracks, SizeIs(2));
    for (const TrackedObject& track : stream.tracks) {
        bool car = track.class_id == meta::ClassId(2);
        EXPECT_EQ(track.detection, car ? 1 : 2);
        EXPECT_EQ(track.label, Name(car ? "car" : "person"));
    }
}

TEST_P(EveryTracker, KeepsTheIdAcrossAShortOcclusion) {
    Stream stream = open();
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    EXPECT_THAT(stream.show({}), IsEmpty());
    stream.hold({detection(102, 100)}, 5);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, EndsATargetThatIsLostForLong) {
    Stream stream = open({{"max-shadow-tracking-age", "5"}});
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.hold({}, 6);
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_NE(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, KeepsATargetForTheWholeShadowAge) {
    Stream stream = open({{"max-shadow-tracking-age", "5"}});
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.hold({}, 5);
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, ReportsNothingOnProbation) {
    Stream stream = open({{"probation-age", "3"}});
    stream.hold({}, 10);
    for (int t = 0; t < 3; ++t)
        EXPECT_THAT(stream.show({detection(100, 100)}), IsEmpty()) << t;
    EXPECT_THAT(stream.show({detection(100, 100)}), SizeIs(1));
}

TEST_P(EveryTracker, EndsATargetOnProbationEarly) {
    Stream stream = open({{"probation-age", "3"}, {"early-termination-age", "1"}});
    stream.hold({}, 10);
    stream.hold({detection(100, 100)}, 3);
    stream.show({});
    EXPECT_THAT(stream.show({detection(100, 100)}), IsEmpty());
    stream.hold({detection(100, 100)}, 3);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].age, 4U) << "a new target, not the first";
}

TEST_P(EveryTracker, ReportsAtOnceWithoutProbation) {
    Stream stream = open({{"probation-age", "0"}});
    stream.hold({}, 10);
    EXPECT_THAT(stream.show({detection(100, 100)}), SizeIs(1));
}

TEST_P(EveryTracker, GoesOnWithPredictionsWhereInferenceWasSkipped) {
    Stream stream = open({{"max-shadow-tracking-age", "2"}, {"early-termination-age", "3"}});
    float left = 100;
    for (int t = 0; t < 12; ++t)
        stream.show({detection(left += 4, 100)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    for (int t = 0; t < 6; ++t) {
        stream.skip();
        left += 4;
        ASSERT_THAT(stream.tracks, SizeIs(1)) << "skipped frames do not age the shadow";
        EXPECT_EQ(stream.tracks[0].track_id, id);
        EXPECT_EQ(stream.tracks[0].detection, kNoDetection);
        if (std::string(GetParam()) != "iou") {
            EXPECT_NEAR(stream.tracks[0].box.left, left, 5);
        }
    }
    stream.show({detection(left + 4, 100)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, FollowsAtEverySecondFrameAsWell) {
    Stream stream = open();
    std::set<meta::TrackId> ids;
    for (int t = 0; t < 60; ++t) {
        if (t % 2) {
            stream.skip();
        } else {
            stream.show({detection(100 + 4.F * static_cast<float>(t), 100)});
        }
        for (const TrackedObject& track : stream.tracks)
            ids.insert(track.track_id);
    }
    EXPECT_THAT(stream.tracks, SizeIs(1));
    EXPECT_THAT(ids, SizeIs(1));
}

TEST_P(EveryTracker, ReportsNoLostTargetOnSkippedFrames) {
    Stream stream = open();
    stream.hold({detection(100, 100)}, 10);
    stream.show({});
    EXPECT_THAT(stream.skip(), IsEmpty());
}

TEST_P(EveryTracker, MovesOnByTimeNotByCalls) {
    if (std::string(GetParam()) == "iou") GTEST_SKIP() << "the IOU tracker knows no motion";
    Stream stream = open();
    float left = 100;
    for (int t = 0; t < 30; ++t)
        stream.show({detection(left += 6, 100)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.wait(14);  // frames that never came: 15 x 6 pixels, more than the box is wide
    stream.hold({detection(left + 90, 100)}, 1);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, StartsAnewAfterALongGap) {
    Stream stream = open();
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.wait(25 * 3600);
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_NE(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, BearsRepeatedAndBackwardTime) {
    Stream stream = open();
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.pts -= kInterval;
    stream.show({detection(100, 100)});
    stream.pts = -1'000'000'000;
    stream.show({detection(100, 100)});
    stream.pts = meta::kNoPts;
    stream.show({detection(100, 100)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

TEST_P(EveryTracker, DoesNotMixClasses) {
    Stream stream = open();
    stream.hold({detection(100, 100, 1)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.hold({detection(100, 100, 2)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_NE(stream.tracks[0].track_id, id);
    EXPECT_EQ(stream.tracks[0].class_id, meta::ClassId(2));
}

TEST_P(EveryTracker, MixesClassesWhenToldTo) {
    Stream stream = open({{"checkClassMatch", "0"}});
    stream.hold({detection(100, 100, 1)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.show({detection(100, 100, 2)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
    EXPECT_EQ(stream.tracks[0].class_id, meta::ClassId(2));
}

TEST_P(EveryTracker, NeverKeepsMoreTargetsThanAllowed) {
    Stream stream = open({{"max-targets-per-stream", "3"}});
    std::vector<meta::Detection> crowd;
    for (int i = 0; i < 10; ++i)
        crowd.push_back(detection(150.F * static_cast<float>(i), 100));
    stream.hold(crowd, 10);
    EXPECT_THAT(stream.tracks, SizeIs(3));
}

TEST_P(EveryTracker, StartsNoTargetUponAnother) {
    Stream stream = open({{"minIouDiff4NewTarget", "0.5"}});
    stream.hold({detection(100, 100), detection(106, 100)}, 10);
    EXPECT_THAT(stream.tracks, SizeIs(1));
}

TEST_P(EveryTracker, IgnoresWeakDetections) {
    Stream stream = open({{"minDetectorConfidence", "0.8"}});
    stream.hold({detection(100, 100, 0, 0.7F)}, 10);
    EXPECT_THAT(stream.tracks, IsEmpty());
}

TEST_P(EveryTracker, IgnoresBoxesThatAreNone) {
    Stream stream = open();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    std::vector<meta::Detection> bad(9, detection(0, 0));
    bad[0].box = {10, 10, 0, 0};
    bad[1].box = {10, 10, -5, 20};
    bad[2].box = {nan, 10, 20, 20};
    bad[3].box = {10, 10, inf, 20};
    bad[4].box = {-inf, 10, 20, 20};
    bad[5].box = {3e38F, 3e38F, 3e38F, 3e38F};
    bad[6].box = {10, 10, 1e-30F, 1e-30F};
    bad[7].score = nan;
    bad[8].box = {10, 10, 20, nan};
    bad.push_back(detection(400, 100));
    stream.hold(bad, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].detection, 9);
    EXPECT_TRUE(std::isfinite(stream.tracks[0].box.left));
}

TEST_P(EveryTracker, BearsScoresOutOfRange) {
    Stream stream = open();
    meta::Detection odd = detection(100, 100);
    odd.score = std::numeric_limits<float>::infinity();
    stream.hold({odd, detection(500, 100)}, 10);
    EXPECT_THAT(stream.tracks, SizeIs(2));
}

TEST_P(EveryTracker, UsesNoIdTwiceEvenAfterReset) {
    Stream stream = open();
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.reset();
    stream.pts = 0;
    stream.hold({detection(100, 100)}, 10);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_GT(stream.tracks[0].track_id, id);
}

/// Boxes that jump about at random: nothing to be found there, but the promises must hold.
TEST_P(EveryTracker, KeepsItsPromisesOnNoise) {
    Stream stream = open({{"max-targets-per-stream", "60"}});
    std::mt19937 random(11);
    std::uniform_real_distribution<float> place(-100, 700);
    std::uniform_real_distribution<float> chance(0, 1);
    std::map<meta::TrackId, std::uint32_t> last_age;
    for (int t = 0; t < 400; ++t) {
        std::vector<meta::Detection> frame;
        for (int i = 0; i < 40; ++i) {
            frame.push_back(detection(place(random), place(random), i % 3, chance(random)));
            frame.back().box.width = 1 + 200 * chance(random);
            frame.back().box.height = 1 + 200 * chance(random);
        }
        if (chance(random) < 0.05F) stream.wait(static_cast<int>(40 * chance(random)));
        bool skipped = chance(random) < 0.2F;
        if (skipped) {
            stream.skip();
        } else {
            stream.show(frame);
        }
        std::set<meta::TrackId> ids;
        std::set<std::int32_t> used;
        for (const TrackedObject& track : stream.tracks) {
            EXPECT_TRUE(ids.insert(track.track_id).second) << "an id twice in one frame";
            EXPECT_GT(track.age, last_age[track.track_id]) << "an age that does not grow";
            last_age[track.track_id] = track.age;
            EXPECT_TRUE(std::isfinite(track.box.left) && track.box.width > 0);
            if (skipped) {
                EXPECT_EQ(track.detection, kNoDetection);
                continue;
            }
            ASSERT_GE(track.detection, 0);
            ASSERT_LT(track.detection, 40);
            EXPECT_TRUE(used.insert(track.detection).second) << "a detection for two";
            EXPECT_EQ(track.class_id, frame[static_cast<std::size_t>(track.detection)].class_id);
        }
        EXPECT_LE(stream.tracks.size(), 60U);
    }
}

TEST_P(EveryTracker, BearsThousandsOfDetections) {
    Stream stream = open({{"max-targets-per-stream", "200"}});
    std::vector<meta::Detection> crowd;
    for (int i = 0; i < 5000; ++i) {
        crowd.push_back(
            detection(static_cast<float>(i % 97) * 15, static_cast<float>(i % 51) * 15));
    }
    stream.hold(crowd, 6);
    EXPECT_LE(stream.tracks.size(), 200U);
    EXPECT_FALSE(stream.tracks.empty());
}

TEST(Sort, DemandsProbationAnewAfterALoss) {
    Stream stream(create_tracker(SortOptions{}));
    stream.hold({detection(100, 100)}, 10);
    stream.show({});
    EXPECT_THAT(stream.hold({detection(100, 100)}, 2), IsEmpty());
    EXPECT_THAT(stream.show({detection(100, 100)}), SizeIs(1));
}

TEST(ByteTrack, KeepsTracksAliveOnWeakDetections) {
    Stream stream(create_tracker(ByteTrackOptions{}));
    stream.hold({detection(100, 100)}, 5);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    EXPECT_THAT(stream.hold({detection(100, 100, 0, 0.2F)}, 50), SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
    EXPECT_FLOAT_EQ(stream.tracks[0].confidence, 0.2F);
}

TEST(ByteTrack, StartsNoTrackOnWeakDetections) {
    Stream stream(create_tracker(ByteTrackOptions{}));
    EXPECT_THAT(stream.hold({detection(100, 100, 0, 0.4F)}, 10), IsEmpty());
    EXPECT_THAT(stream.hold({detection(100, 100, 0, 0.55F)}, 10), IsEmpty())
        << "strong, but not by the margin that a new target needs";
    EXPECT_THAT(stream.hold({detection(100, 100, 0, 0.65F)}, 2), SizeIs(1));
}

TEST(OcSort, FindsATargetAgainWhereItWasLastSeen) {
    Stream stream(create_tracker(OcSortOptions{}));
    float left = 100;
    for (int t = 0; t < 20; ++t)
        stream.show({detection(left += 8, 100)});
    ASSERT_THAT(stream.tracks, SizeIs(1));
    meta::TrackId id = stream.tracks[0].track_id;
    stream.hold({}, 15);  // its prediction walks on for 120 pixels, it does not
    stream.hold({detection(left, 100)}, 4);
    ASSERT_THAT(stream.tracks, SizeIs(1));
    EXPECT_EQ(stream.tracks[0].track_id, id);
}

}  // namespace
}  // namespace sluice::track
