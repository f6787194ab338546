#include "sluice/infer/object_cache.h"

#include <gtest/gtest.h>

namespace sluice::infer {
namespace {

constexpr int kNever = 1'000'000;

class ObjectCacheTest : public testing::Test {
protected:
    bool ask(std::uint64_t track, std::uint64_t sequence, float area, int interval = kNever) {
        return cache.ask({source, meta::TrackId{track}, sequence, area}, interval);
    }
    void store(std::uint64_t track, std::string_view value) {
        meta::Label label;
        label.value = Name(value);
        cache.store(source, meta::TrackId{track}, {label});
    }
    std::string_view known(std::uint64_t track) {
        const auto* labels = cache.find(source, meta::TrackId{track});
        return labels && !labels->empty() ? labels->front().value.view() : "";
    }

    ObjectCache cache;
    meta::SourceId source{3};
};

TEST_F(ObjectCacheTest, AsksOnceForATrackThatStaysAsItIs) {
    EXPECT_TRUE(ask(1, 0, 100));
    EXPECT_FALSE(ask(1, 1, 100));
}

TEST_F(ObjectCacheTest, DoesNotAskAgainWhileTheAnswerIsUnderWay) {
    ask(1, 0, 100);
    EXPECT_FALSE(ask(1, 1, 100));
    EXPECT_EQ(cache.find(source, meta::TrackId{1}), nullptr);
}

TEST_F(ObjectCacheTest, GivesTheAnswerOfItsOwnTrackAndSource) {
    ask(1, 0, 100);
    ask(2, 0, 100);
    store(1, "red");
    EXPECT_EQ(known(1), "red");
    EXPECT_EQ(known(2), "");
    EXPECT_EQ(cache.find(meta::SourceId{4}, meta::TrackId{1}), nullptr);
}

TEST_F(ObjectCacheTest, AsksAgainWhenTheAreaGrewByAFifth) {
    ask(1, 0, 100);
    EXPECT_FALSE(ask(1, 1, 119));
    EXPECT_TRUE(ask(1, 2, 121));
    EXPECT_FALSE(ask(1, 3, 121));
}

TEST_F(ObjectCacheTest, AsksAgainAfterTheInterval) {
    ask(1, 10, 100, 5);
    EXPECT_FALSE(ask(1, 14, 100, 5));
    EXPECT_TRUE(ask(1, 15, 100, 5));
}

TEST_F(ObjectCacheTest, KeepsTheOldAnswerWhileANewOneIsUnderWay) {
    ask(1, 0, 100);
    store(1, "red");
    EXPECT_TRUE(ask(1, 1, 200));
    EXPECT_EQ(known(1), "red");
}

TEST_F(ObjectCacheTest, AsksAgainWhenTheAnswerWasLost) {
    ask(1, 0, 100);
    cache.forget(source, meta::TrackId{1});
    EXPECT_TRUE(ask(1, 1, 100));
}

TEST_F(ObjectCacheTest, AlwaysAsksForUntrackedObjectsAndKeepsNothing) {
    EXPECT_TRUE(ask(meta::kUntracked.value, 0, 100));
    EXPECT_TRUE(ask(meta::kUntracked.value, 1, 100));
    EXPECT_EQ(cache.size(), 0u);
}

TEST_F(ObjectCacheTest, EvictsTracksThatAreLongOutOfSight) {
    ask(1, 0, 100);
    ask(2, 0, 100);
    ask(2, ObjectCache::kKeepFrames, 100);
    ask(3, ObjectCache::kKeepFrames + 1, 100);
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_TRUE(ask(1, ObjectCache::kKeepFrames + 2, 100));
}

TEST_F(ObjectCacheTest, HoldsNoMoreThanItsBoundAndDropsTheStalest) {
    for (std::uint64_t track = 0; track <= ObjectCache::kMostTracks; ++track)
        ask(track, track / 100, 100);
    EXPECT_EQ(cache.size(), ObjectCache::kMostTracks);
    store(ObjectCache::kMostTracks, "red");
    EXPECT_EQ(known(ObjectCache::kMostTracks), "red");
}

TEST_F(ObjectCacheTest, ForgetsASourceThatLeft) {
    ask(1, 0, 100);
    cache.drop_source(source);
    EXPECT_EQ(cache.size(), 0u);
    store(1, "red");
    EXPECT_EQ(known(1), "");
}

TEST_F(ObjectCacheTest, TakesASourceWhoseSequenceStartsAgainForANewOne) {
    ask(1, 100, 100);
    store(1, "red");
    EXPECT_TRUE(ask(1, 0, 100));
    EXPECT_EQ(known(1), "");
}

}  // namespace
}  // namespace sluice::infer
