#include "sluice/osd/trails.h"

#include <gtest/gtest.h>

namespace sluice::osd {
namespace {

using std::chrono::seconds;

meta::Frame frame_at(double time_s, const std::vector<std::uint64_t>& tracks, float x = 0) {
    meta::Frame frame;
    frame.size = {640, 480};
    frame.pts_ns = static_cast<std::int64_t>(time_s * 1e9);
    for (std::uint64_t id : tracks) {
        meta::Object object;
        object.track_id = meta::TrackId(id);
        object.box = {x, 0, 10, 20};
        frame.objects.push_back(object);
    }
    return frame;
}

std::vector<meta::Point> points(const Trails& trails, std::uint64_t track) {
    std::vector<meta::Point> out;
    trails.append_points(meta::SourceId(0), meta::TrackId(track), out);
    return out;
}

TEST(Trails, KeepWhatIsYoungerThanTheirLength) {
    Trails trails(seconds(1));
    for (int i = 0; i < 50; ++i)
        trails.update(frame_at(i * 0.1, {1}, static_cast<float>(i)));
    auto kept = points(trails, 1);
    EXPECT_GE(kept.size(), 10U);
    EXPECT_LE(kept.size(), 11U);
    EXPECT_FLOAT_EQ(kept.back().x, 54);
    EXPECT_FLOAT_EQ(kept.back().y, 20);
}

TEST(Trails, AreBoundedInPointsYetSpanTheirLength) {
    Trails trails(seconds(10));
    for (int i = 0; i < 600; ++i)
        trails.update(frame_at(i / 60.0, {1}, static_cast<float>(i)));
    auto kept = points(trails, 1);
    EXPECT_LE(kept.size(), Trails::kMaxPoints);
    EXPECT_GE(kept.size(), Trails::kMaxPoints / 2);
    EXPECT_LE(kept.front().x, 60);
    EXPECT_FLOAT_EQ(kept.back().x, 604);
}

TEST(Trails, DropTracksNotSeenForTheirLength) {
    Trails trails(seconds(1));
    trails.update(frame_at(0, {1, 2}));
    trails.update(frame_at(0.9, {2}));
    EXPECT_EQ(trails.tracks(meta::SourceId(0)), 2U);
    trails.update(frame_at(1.1, {2}));
    EXPECT_EQ(trails.tracks(meta::SourceId(0)), 1U);
    EXPECT_TRUE(points(trails, 1).empty());
}

TEST(Trails, BoundTheTracksOfASource) {
    Trails trails(seconds(1));
    std::vector<std::uint64_t> many(Trails::kMaxTracks + 50);
    for (std::size_t i = 0; i < many.size(); ++i)
        many[i] = i;
    trails.update(frame_at(0, many));
    EXPECT_EQ(trails.tracks(meta::SourceId(0)), Trails::kMaxTracks);
}

TEST(Trails, StartAnewWhenTimeOrSizeJumps) {
    Trails trails(seconds(1));
    trails.update(frame_at(5, {1}));
    trails.update(frame_at(5.1, {1}));
    trails.update(frame_at(0, {1}));
    EXPECT_EQ(points(trails, 1).size(), 1U);
    meta::Frame other = frame_at(0.1, {1});
    other.size = {320, 240};
    trails.update(other);
    EXPECT_EQ(points(trails, 1).size(), 1U);
}

TEST(Trails, CountFramesWhereThereIsNoTime) {
    Trails trails(seconds(1));
    for (std::uint64_t i = 0; i < 100; ++i) {
        meta::Frame frame = frame_at(0, {1});
        frame.pts_ns = meta::kNoPts;
        frame.sequence = i;
        trails.update(frame);
    }
    EXPECT_GE(points(trails, 1).size(), 25U);
    EXPECT_LE(points(trails, 1).size(), 26U);
}

TEST(Trails, KnowNothingOfOthers) {
    Trails trails(seconds(1));
    meta::Frame untracked = frame_at(0, {meta::kUntracked.value});
    trails.update(untracked);
    EXPECT_EQ(trails.tracks(meta::SourceId(0)), 0U);
    trails.update(frame_at(0.1, {1}));
    trails.forget(meta::SourceId(0));
    EXPECT_TRUE(points(trails, 1).empty());
    EXPECT_EQ(trails.tracks(meta::SourceId(9)), 0U);
}

}  // namespace
}  // namespace sluice::osd
