#include "sluice/mux/batch_former.h"

#include <initializer_list>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::mux {
namespace {

using meta::SourceId;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Outcome = Admission::Outcome;

TimePoint ms(double t) {
    return TimePoint{} + std::chrono::hours(1) + Duration(static_cast<std::int64_t>(t * 1e6));
}

Entry entry(std::uint32_t source, std::size_t bytes = 100, std::int64_t pts_ns = meta::kNoPts) {
    Entry out;
    out.frame.source = SourceId{source};
    out.frame.pts_ns = pts_ns;
    out.bytes = bytes;
    return out;
}

Outcome push(BatchFormer& former, std::uint32_t source, double t) {
    Entry one = entry(source);
    return former.push(one, ms(t)).outcome;
}

/// The batch's sources in order; empty when there was no batch.
std::vector<std::uint32_t> poll(BatchFormer& former, double t) {
    std::vector<std::uint32_t> out;
    std::optional<Formed> formed = former.poll(ms(t));
    if (!formed) return out;
    EXPECT_EQ(formed->batch.frames.size(), formed->pixels.size());
    for (const meta::Frame& frame : formed->batch.frames)
        out.push_back(frame.source.value);
    return out;
}

void add(BatchFormer& former,
         std::initializer_list<std::uint32_t> sources,
         SourceOptions options = {}) {
    for (std::uint32_t source : sources)
        EXPECT_TRUE(former.add_source(SourceId{source}, options));
}

SourceCounters counters(const BatchFormer& former, std::uint32_t source) {
    for (const auto& [id, counts] : former.counters().sources) {
        if (id == SourceId{source}) return counts;
    }
    ADD_FAILURE() << "no source " << source;
    return {};
}

TEST(BatchFormer, GivesNothingWhenNothingWaits) {
    BatchFormer former;
    EXPECT_FALSE(former.poll(ms(0)));
    EXPECT_EQ(former.next_deadline(), TimePoint::max());
    add(former, {0});
    EXPECT_FALSE(former.poll(ms(1)));
    EXPECT_EQ(former.next_deadline(), TimePoint::max());
}

TEST(BatchFormer, LetsEachFrameOfASingleSourceLeaveAtOnce) {
    BatchFormer former;
    add(former, {3});
    push(former, 3, 0);
    EXPECT_LE(former.next_deadline(), ms(0));
    EXPECT_THAT(poll(former, 0), ElementsAre(3));
    EXPECT_THAT(poll(former, 0), IsEmpty());
}

TEST(BatchFormer, WaitsForEverySourceWhenBatchSizeIsAutomatic) {
    BatchFormer former;
    add(former, {0, 1, 2});
    EXPECT_EQ(former.batch_size(), 3u);
    push(former, 0, 0);
    push(former, 2, 1);
    EXPECT_THAT(poll(former, 2), IsEmpty());
    push(former, 1, 3);
    EXPECT_THAT(poll(former, 3), ElementsAre(0, 2, 1));
}

TEST(BatchFormer, EmitsPartialBatchWhenTheOldestFrameIsDue) {
    BatchFormer former({.batched_push_timeout = 10'000});
    add(former, {0, 1});
    push(former, 0, 5);
    EXPECT_EQ(former.next_deadline(), ms(15));
    EXPECT_THAT(poll(former, 14.999), IsEmpty());
    EXPECT_THAT(poll(former, 15), ElementsAre(0));
}

TEST(BatchFormer, CountsTheTimeoutFromArrivalForFramesLeftOverFromABatch) {
    BatchFormer former({.batched_push_timeout = 10'000});
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 0, 6);
    push(former, 1, 8);
    EXPECT_THAT(poll(former, 8), ElementsAre(0, 1));
    EXPECT_EQ(former.next_deadline(), ms(16));
}

TEST(BatchFormer, WithTimeoutZeroTakesWhatThereIs) {
    BatchFormer former({.batched_push_timeout = 0});
    add(former, {0, 1, 2});
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(1));
}

TEST(BatchFormer, WithTimeoutMinusOneWaitsForEver) {
    BatchFormer former({.batched_push_timeout = -1});
    add(former, {0, 1});
    push(former, 0, 0);
    EXPECT_EQ(former.next_deadline(), TimePoint::max());
    EXPECT_THAT(poll(former, 1e9), IsEmpty());
    push(former, 1, 1e9);
    EXPECT_THAT(poll(former, 1e9), ElementsAre(0, 1));
}

TEST(BatchFormer, LeavesAsSoonAsFull) {
    BatchFormer former({.batch_size = 2});
    add(former, {0, 1, 2, 3});
    push(former, 3, 0);
    EXPECT_THAT(poll(former, 0), IsEmpty());
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(3, 1));
}

TEST(BatchFormer, LeavesIncompleteWhenNobodyElseCanAdd) {
    BatchFormer former({.batch_size = 8, .max_same_source_frames = 1});
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1));
}

TEST(BatchFormer, FillsALargeBatchWithEachSourcesShare) {
    BatchFormer former({.batch_size = 4});
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 0, 0);
    push(former, 0, 0);
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), IsEmpty());
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1, 0, 1));
}

TEST(BatchFormer, DoesNotWaitForASecondFrameOfALiveSource) {
    BatchFormer former({.batch_size = 4, .live_source = true});
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 0, 0);
    push(former, 1, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1, 0));
}

TEST(BatchFormer, HonoursFramesPerBatchOfASource) {
    BatchFormer former({.batch_size = 4, .batched_push_timeout = 0, .max_same_source_frames = 2});
    add(former, {0}, {.max_frames_per_batch = 3});
    add(former, {1}, {});
    for (int i = 0; i < 4; ++i) {
        push(former, 0, 0);
        push(former, 1, 0);
    }
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1, 0, 1));
    ASSERT_TRUE(former.set_source_options(SourceId{1}, {.max_frames_per_batch = 1}));
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1, 0));
}

TEST(BatchFormer, DoesNotWaitAgainForASourceThatMissedADeadline) {
    BatchFormer former({.batched_push_timeout = 10'000});
    add(former, {0, 1});
    push(former, 0, 0);
    EXPECT_THAT(poll(former, 10), ElementsAre(0));
    push(former, 0, 20);
    EXPECT_THAT(poll(former, 20), ElementsAre(0));  // at once
    push(former, 1, 30);
    EXPECT_THAT(poll(former, 30), IsEmpty());  // 1 is back, and 0 is never far
    push(former, 0, 31);
    EXPECT_THAT(poll(former, 31), ElementsAre(1, 0));
    push(former, 0, 40);
    EXPECT_EQ(former.next_deadline(), ms(50));  // 1 is waited for again
}

TEST(BatchFormer, TakesTurnsFromTheRememberedPosition) {
    BatchFormer former({.batch_size = 2, .batched_push_timeout = 0, .max_same_source_frames = 1});
    add(former, {0, 1, 2});
    for (int i = 0; i < 2; ++i) {
        for (std::uint32_t source : {0u, 1u, 2u})
            push(former, source, 0);
    }
    EXPECT_THAT(poll(former, 0), ElementsAre(0, 1));
    EXPECT_THAT(poll(former, 0), ElementsAre(2, 0));
    EXPECT_THAT(poll(former, 0), ElementsAre(1, 2));
}

TEST(BatchFormer, DoesNotLetAFastSourceStarveASlowOne) {
    BatchFormer former({.batch_size = 1});
    add(former, {0, 1});
    for (int i = 0; i < 4; ++i)
        push(former, 0, 0);
    push(former, 1, 1);
    EXPECT_THAT(poll(former, 1), ElementsAre(0));
    EXPECT_THAT(poll(former, 1), ElementsAre(1));
}

TEST(BatchFormer, TakesHigherPriorityFirstButEveryFourthByTurn) {
    BatchFormer former({.batch_size = 1, .queue_frames = 16});
    add(former, {0, 1});
    add(former, {9}, {.priority = 5});
    for (int i = 0; i < 8; ++i) {
        for (std::uint32_t source : {0u, 1u, 9u})
            push(former, source, 0);
    }
    std::vector<std::uint32_t> order;
    for (int i = 0; i < 8; ++i)
        order.push_back(poll(former, 0).at(0));
    EXPECT_THAT(order, ElementsAre(9, 9, 9, 0, 9, 9, 9, 1));
}

TEST(BatchFormer, LetsASourceBelowItsMinimumRateGoFirst) {
    BatchFormer former({.batch_size = 1});
    add(former, {0}, {.priority = 5});
    add(former, {1}, {.min_fps = 10});
    push(former, 1, 0);
    for (int i = 0; i < 3; ++i)
        push(former, 0, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(0));    // 1 has until 100 ms
    EXPECT_THAT(poll(former, 100), ElementsAre(1));  // behind
}

TEST(BatchFormer, RefusesAFileSourcesFrameWhenItsQueueIsFull) {
    BatchFormer former({.batched_push_timeout = -1, .queue_frames = 2});
    add(former, {0, 1});
    EXPECT_EQ(push(former, 0, 0), Outcome::kTaken);
    EXPECT_EQ(push(former, 0, 1), Outcome::kTaken);
    Entry third = entry(0, 77, 42);
    EXPECT_EQ(former.push(third, ms(2)).outcome, Outcome::kRefused);
    EXPECT_EQ(third.bytes, 77u);
    EXPECT_EQ(third.frame.sequence, 0u);
    EXPECT_EQ(counters(former, 0).in, 2u);
    push(former, 1, 3);
    EXPECT_THAT(poll(former, 3), ElementsAre(0, 1));
    EXPECT_EQ(former.push(third, ms(4)).outcome, Outcome::kTaken);
}

/// How many frames the first of `sources` gets in before one is refused or displaced.
std::size_t room(int sources, MuxOptions options, SourceOptions source = {}) {
    BatchFormer former(options);
    for (int i = 0; i < sources; ++i)
        add(former, {static_cast<std::uint32_t>(i)}, source);
    for (int i = 0; i < 20; ++i)
        push(former, 0, i);
    return counters(former, 0).queued;
}

TEST(BatchFormer, LetsFewerFramesOfARecordingWaitWhereManyMakeABatch) {
    EXPECT_EQ(room(1, {.batched_push_timeout = -1}), 4u);
    EXPECT_EQ(room(16, {.batched_push_timeout = -1}), 4u);
    EXPECT_EQ(room(16, {.batch_size = 12, .batched_push_timeout = -1}), 3u);
    EXPECT_EQ(room(16, {.batch_size = 4, .batched_push_timeout = -1}), 2u);
}
TEST(BatchFormer, LetsAsManyFramesOfALiveSourceWaitAmongMany) {
    EXPECT_EQ(room(16, {.batch_size = 4, .batched_push_timeout = -1}, {.live = true}), 4u);
}
TEST(BatchFormer, LetsAsManyFramesWaitAsItsOptionSays) {
    EXPECT_EQ(room(16, {.batch_size = 4, .batched_push_timeout = -1, .queue_frames = 7}), 7u);
}

TEST(BatchFormer, DisplacesALiveSourcesOldestFrame) {
    BatchFormer former({.batched_push_timeout = 50'000, .queue_frames = 2});
    add(former, {0}, {.live = true});
    add(former, {1});
    push(former, 0, 0);
    push(former, 0, 10);
    Entry third = entry(0);
    Admission admission = former.push(third, ms(20));
    EXPECT_EQ(admission.outcome, Outcome::kTaken);
    EXPECT_EQ(admission.displaced.size(), 1u);
    EXPECT_EQ(counters(former, 0)[DropReason::kDisplaced], 1u);
    EXPECT_EQ(former.next_deadline(), ms(60));  // the oldest is now the one of 10 ms
    auto formed = former.poll(ms(60));
    ASSERT_TRUE(formed);
    EXPECT_EQ(formed->batch.frames.at(0).sequence, 1u);
}

TEST(BatchFormer, BoundsTheBytesOfAQueueButAlwaysLetsOneFrameWait) {
    BatchFormer former({.queue_frames = 10, .queue_bytes = 250});
    add(former, {0, 1});
    Entry big = entry(0, 1000);
    EXPECT_EQ(former.push(big, ms(0)).outcome, Outcome::kTaken);
    EXPECT_EQ(push(former, 0, 0), Outcome::kRefused);
    EXPECT_EQ(push(former, 1, 0), Outcome::kTaken);
    EXPECT_EQ(push(former, 1, 0), Outcome::kTaken);
    EXPECT_EQ(push(former, 1, 0), Outcome::kRefused);
    EXPECT_EQ(counters(former, 0).queued_bytes, 1000u);
    EXPECT_EQ(counters(former, 1).queued_bytes, 200u);
}

TEST(BatchFormer, DisplacesAllOfALiveSourcesFramesForOneAsLargeAsItsBound) {
    BatchFormer former({.queue_bytes = 300});
    add(former, {0}, {.live = true});
    add(former, {1});
    for (int i = 0; i < 3; ++i)
        push(former, 0, i);
    Entry big = entry(0, 1000);
    EXPECT_EQ(former.push(big, ms(9)).displaced.size(), 3u);
    push(former, 1, 10);
    EXPECT_THAT(poll(former, 10), ElementsAre(0, 1));
}

TEST(BatchFormer, DoesNotWaitForASourceThatItRefused) {
    BatchFormer former({.batch_size = 4, .batched_push_timeout = -1, .queue_bytes = 150});
    add(former, {0});
    push(former, 0, 0);
    EXPECT_THAT(poll(former, 0), IsEmpty());
    EXPECT_EQ(push(former, 0, 1), Outcome::kRefused);
    EXPECT_THAT(poll(former, 1), ElementsAre(0));
    EXPECT_EQ(push(former, 0, 2), Outcome::kTaken);
    EXPECT_THAT(poll(former, 2), IsEmpty());  // there is room again, so there may be more
}

TEST(BatchFormer, LetsAQueueHoldWhatABatchMayTake) {
    BatchFormer former({.batch_size = 6, .batched_push_timeout = -1, .queue_frames = 1});
    add(former, {0});
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(push(former, 0, 0), Outcome::kTaken);
    EXPECT_EQ(poll(former, 0).size(), 6u);
}

TEST(BatchFormer, DropsLateFramesOfLiveSourcesButNotTheNewest) {
    BatchFormer former(
        {.batched_push_timeout = 0, .drop_late = true, .max_latency = milliseconds(50)});
    add(former, {0}, {.live = true});
    add(former, {1});
    for (double t : {0.0, 10.0, 60.0}) {
        push(former, 0, t);
        push(former, 1, t);
    }
    auto formed = former.poll(ms(200));
    ASSERT_TRUE(formed);
    EXPECT_EQ(formed->late.size(), 2u);
    EXPECT_EQ(formed->batch.frames.at(0).sequence, 2u);  // late as well, but the newest
    EXPECT_EQ(formed->batch.frames.at(1).sequence, 0u);  // of a file: never late
    EXPECT_EQ(counters(former, 0)[DropReason::kLate], 2u);
    EXPECT_EQ(counters(former, 1)[DropReason::kLate], 0u);
}

TEST(BatchFormer, ThinsASourceToItsMaximumRateByPts) {
    BatchFormer former({.queue_frames = 100});
    add(former, {0}, {.max_fps = 10});
    for (int i = 0; i < 30; ++i) {  // one second of 30 fps, pushed in no time
        Entry one = entry(0, 1, i * 33'333'333);
        Outcome outcome = former.push(one, ms(0)).outcome;
        EXPECT_EQ(outcome, i % 3 == 0 ? Outcome::kTaken : Outcome::kDropped) << i;
    }
    EXPECT_EQ(counters(former, 0)[DropReason::kMaxFps], 20u);
}

TEST(BatchFormer, KeepsEveryNthFrameAndCountsAllInTheSequence) {
    BatchFormer former;
    add(former, {0}, {.drop_frame_interval = 3});
    std::vector<std::uint64_t> kept;
    for (int i = 0; i < 7; ++i) {
        push(former, 0, i);
        if (auto formed = former.poll(ms(i))) kept.push_back(formed->batch.frames.at(0).sequence);
    }
    EXPECT_THAT(kept, ElementsAre(0, 3, 6));
    EXPECT_EQ(counters(former, 0)[DropReason::kInterval], 4u);
}

TEST(BatchFormer, DoesNotCountARefusedFrameInThinning) {
    BatchFormer former({.batched_push_timeout = -1, .queue_frames = 1});
    add(former, {0}, {.drop_frame_interval = 2});
    add(former, {1});
    EXPECT_EQ(push(former, 0, 0), Outcome::kTaken);
    EXPECT_EQ(push(former, 0, 1), Outcome::kDropped);
    EXPECT_EQ(push(former, 0, 2), Outcome::kRefused);
    EXPECT_EQ(push(former, 0, 3), Outcome::kRefused);
    push(former, 1, 4);
    poll(former, 4);
    EXPECT_EQ(push(former, 0, 5), Outcome::kTaken);
    EXPECT_EQ(counters(former, 0).in, 3u);
}

TEST(BatchFormer, KeepsToTheOverallMaximumRate) {
    BatchFormer former({.overall_max_fps = 10});
    add(former, {0});
    push(former, 0, 0);
    push(former, 0, 0);
    EXPECT_THAT(poll(former, 0), ElementsAre(0));
    EXPECT_EQ(former.next_deadline(), ms(100));
    EXPECT_THAT(poll(former, 99), IsEmpty());
    EXPECT_THAT(poll(former, 100), ElementsAre(0));
    push(former, 0, 101);
    MuxOptions options;
    former.set_options(options);
    EXPECT_THAT(poll(former, 101), ElementsAre(0));  // the limit is gone at once
}

TEST(BatchFormer, LetsQueuedFramesLeaveBeforeItTellsTheEnd) {
    BatchFormer former({.batch_size = 1});
    add(former, {0});
    push(former, 0, 0);
    push(former, 0, 0);
    ASSERT_TRUE(former.end_source(SourceId{0}));
    EXPECT_FALSE(former.ended());
    auto first = former.poll(ms(0));
    ASSERT_TRUE(first);
    EXPECT_THAT(first->ended, IsEmpty());
    auto second = former.poll(ms(0));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->batch.frames.size(), 1u);
    EXPECT_THAT(second->ended, ElementsAre(SourceId{0}));
    EXPECT_TRUE(former.ended());
    EXPECT_FALSE(former.poll(ms(0)));
    EXPECT_EQ(former.next_deadline(), TimePoint::max());
}

TEST(BatchFormer, TellsTheEndOfASourceWithNothingWaitingAtOnce) {
    BatchFormer former;
    add(former, {0, 1});
    push(former, 1, 0);
    ASSERT_TRUE(former.end_source(SourceId{0}));
    ASSERT_TRUE(former.end_source(SourceId{0}));  // said twice, told once
    EXPECT_LE(former.next_deadline(), ms(0));
    auto told = former.poll(ms(0));
    ASSERT_TRUE(told);
    EXPECT_THAT(told->ended, ElementsAre(SourceId{0}));
    EXPECT_THAT(told->batch.frames, IsEmpty());
    auto batch = former.poll(ms(0));  // nobody is left to wait for
    ASSERT_TRUE(batch);
    EXPECT_THAT(batch->ended, IsEmpty());
    EXPECT_EQ(batch->batch.sequence, 0u);
}

TEST(BatchFormer, LetsTheTailOfEndedSourcesLeaveWithoutTimeout) {
    BatchFormer former({.batch_size = 8, .batched_push_timeout = -1});
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 1, 0);
    push(former, 1, 0);
    ASSERT_TRUE(former.end_source(SourceId{0}));
    EXPECT_THAT(poll(former, 0), IsEmpty());
    ASSERT_TRUE(former.end_source(SourceId{1}));
    auto formed = former.poll(ms(0));
    ASSERT_TRUE(formed);
    EXPECT_EQ(formed->batch.frames.size(), 3u);
    EXPECT_THAT(formed->ended, ElementsAre(SourceId{0}, SourceId{1}));
}

TEST(BatchFormer, AdaptsTheBatchAsSourcesComeAndGo) {
    BatchFormer former;
    EXPECT_EQ(former.batch_size(), 1u);
    add(former, {0, 1, 2});
    EXPECT_EQ(former.batch_size(), 3u);
    ASSERT_TRUE(former.end_source(SourceId{1}));
    EXPECT_EQ(former.batch_size(), 2u);
    former.remove_source(SourceId{2});
    EXPECT_EQ(former.batch_size(), 1u);
    add(former, {2, 4});
    EXPECT_EQ(former.batch_size(), 3u);
}

TEST(BatchFormer, DropsFramesOfEndedAndUnknownSources) {
    BatchFormer former;
    add(former, {0});
    ASSERT_TRUE(former.end_source(SourceId{0}));
    for (std::uint32_t source : {0u, 7u}) {
        Entry one = entry(source);
        Admission admission = former.push(one, ms(0));
        EXPECT_EQ(admission.outcome, Outcome::kDropped);
        EXPECT_EQ(admission.reason, DropReason::kClosed);
    }
    EXPECT_EQ(counters(former, 0)[DropReason::kClosed], 1u);
}

TEST(BatchFormer, GivesBackWhatARemovedSourceHadWaiting) {
    BatchFormer former;
    add(former, {0, 1});
    push(former, 0, 0);
    push(former, 0, 0);
    push(former, 1, 5);
    EXPECT_EQ(poll(former, 5).size(), 2u);
    Leftover leftover = former.remove_source(SourceId{0});
    EXPECT_EQ(leftover.pixels.size(), 1u);
    EXPECT_EQ(leftover.counters.in, 2u);
    EXPECT_EQ(leftover.counters[DropReason::kFlushed], 1u);
    EXPECT_EQ(leftover.counters.queued, 0u);
    auto told = former.poll(ms(5));
    ASSERT_TRUE(told);
    EXPECT_THAT(told->ended, ElementsAre(SourceId{0}));
    EXPECT_THAT(former.remove_source(SourceId{0}).pixels, IsEmpty());
    EXPECT_FALSE(former.poll(ms(5)));
}

TEST(BatchFormer, TellsTheEndOfARemovedSourceOnlyOnce) {
    BatchFormer former;
    add(former, {0});
    ASSERT_TRUE(former.end_source(SourceId{0}));
    ASSERT_TRUE(former.poll(ms(0)));
    former.remove_source(SourceId{0});
    EXPECT_FALSE(former.poll(ms(0)));
    EXPECT_FALSE(former.ended());  // there is no source
}

TEST(BatchFormer, TellsTheOldEndBeforeASuccessorWithItsIdStarts) {
    BatchFormer former;
    add(former, {0});
    former.remove_source(SourceId{0});
    add(former, {0});
    push(former, 0, 0);
    auto told = former.poll(ms(0));
    ASSERT_TRUE(told);
    EXPECT_THAT(told->batch.frames, IsEmpty());
    EXPECT_THAT(told->ended, ElementsAre(SourceId{0}));
    EXPECT_THAT(poll(former, 0), ElementsAre(0));
}

TEST(BatchFormer, StartsAFlushedSourceAfresh) {
    BatchFormer former({.batched_push_timeout = -1});
    add(former, {0}, {.drop_frame_interval = 2});
    add(former, {1});
    push(former, 0, 0);
    ASSERT_TRUE(former.end_source(SourceId{0}));
    EXPECT_EQ(former.flush_source(SourceId{0}).pixels.size(), 1u);
    EXPECT_EQ(former.next_deadline(), TimePoint::max());
    EXPECT_FALSE(former.poll(ms(0)));
    EXPECT_EQ(push(former, 0, 1), Outcome::kTaken);
    push(former, 1, 1);
    auto formed = former.poll(ms(1));
    ASSERT_TRUE(formed);
    EXPECT_EQ(formed->batch.frames.at(0).sequence, 1u);
    EXPECT_THAT(formed->ended, IsEmpty());
    EXPECT_THAT(former.flush_source(SourceId{5}).pixels, IsEmpty());
}

TEST(BatchFormer, TakesBackAnEndThatWasNotToldWhenFlushed) {
    BatchFormer former;
    add(former, {0});
    ASSERT_TRUE(former.end_source(SourceId{0}));
    former.flush_source(SourceId{0});
    EXPECT_FALSE(former.poll(ms(0)));
    EXPECT_EQ(push(former, 0, 0), Outcome::kTaken);
}

TEST(BatchFormer, NamesTheSourceInErrors) {
    BatchFormer former;
    add(former, {0});
    EXPECT_EQ(former.add_source(SourceId{0}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(former.end_source(SourceId{7}).error().code, ErrorCode::kNotFound);
    auto set = former.set_source_options(SourceId{7}, {});
    EXPECT_EQ(set.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(set.error().text(), "the mux has no source 7");
}

TEST(BatchFormer, RestartsWithTheSameSourcesAndNothingElse) {
    BatchFormer former({.batch_size = 1});
    add(former, {0}, {.drop_frame_interval = 1});
    add(former, {1});
    push(former, 0, 0);
    poll(former, 0);
    push(former, 0, 1);
    EXPECT_TRUE(former.end_source(SourceId{1}));

    EXPECT_EQ(former.restart().size(), 1u);
    EXPECT_FALSE(former.poll(ms(2))) << "a frame or an end was left";
    EXPECT_EQ(former.counters().batches, 0u);
    EXPECT_EQ(counters(former, 0).in, 0u);
    EXPECT_EQ(former.options().batch_size, 1);
    EXPECT_EQ(push(former, 1, 3), Outcome::kTaken);
    auto formed = former.poll(ms(3));
    ASSERT_TRUE(formed);
    EXPECT_EQ(formed->batch.frames.at(0).sequence, 0u);
}

TEST(BatchFormer, StampsTimesSequenceAndPlace) {
    BatchFormer former({.width = 640, .height = 360});
    add(former, {0});
    Entry one = entry(0);
    one.frame.source_size = {1920, 1080};
    former.push(one, ms(3));
    auto formed = former.poll(ms(4));
    ASSERT_TRUE(formed);
    const meta::Frame& frame = formed->batch.frames.at(0);
    EXPECT_EQ(frame.times[meta::Stage::kArrived], ms(3));
    EXPECT_EQ(frame.times[meta::Stage::kBatched], ms(4));
    EXPECT_EQ(frame.size, (memory::Size{640, 360}));
    EXPECT_EQ(formed->batch.sequence, 0u);
}

TEST(BatchFormer, KeepsPixelsWithTheirFrameAndReleasesEachOnce) {
    std::vector<int> released(6, 0);
    {
        BatchFormer former({.batch_size = 2, .queue_frames = 2});
        add(former, {0, 1}, {.live = true});
        for (int i = 0; i < 6; ++i) {
            Entry one = entry(i < 4 ? 0 : 1);
            one.pixels = memory::Handle(&released[static_cast<std::size_t>(i)],
                                        [](void* count) { ++*static_cast<int*>(count); });
            former.push(one, ms(i));
        }
        auto formed = former.poll(ms(6));
        ASSERT_TRUE(formed);
        EXPECT_THAT(released, ElementsAre(1, 1, 0, 0, 0, 0));
        EXPECT_EQ(formed->pixels.at(0).get(), &released[2]);
        EXPECT_EQ(formed->pixels.at(1).get(), &released[4]);
    }
    EXPECT_THAT(released, ElementsAre(1, 1, 1, 1, 1, 1));
}

TEST(BatchFormer, CountsFramesAndFill) {
    BatchFormer former({.batch_size = 4, .batched_push_timeout = 0});
    add(former, {1, 0});
    push(former, 0, 0);
    poll(former, 0);
    push(former, 0, 1);
    push(former, 1, 1);
    poll(former, 1);
    push(former, 1, 2);
    MuxCounters all = former.counters();
    EXPECT_EQ(all.batches, 2u);
    EXPECT_EQ(all.frames, 3u);
    EXPECT_DOUBLE_EQ(all.fill(), 3.0 / 8);
    ASSERT_EQ(all.sources.size(), 2u);
    EXPECT_EQ(all.sources[0].first, SourceId{0});
    EXPECT_EQ(all.sources[1].second.queued, 1u);
    EXPECT_EQ(MuxCounters{}.fill(), 0.0);
}

}  // namespace
}  // namespace sluice::mux
