#include "sluice/app/detail/recorder.h"

#include <gtest/gtest.h>

namespace sluice::app::detail {
namespace {

using std::chrono::milliseconds;

TimePoint at(int ms) {
    return TimePoint(milliseconds(1000 + ms));
}

meta::Frame frame(std::uint32_t source, std::uint64_t sequence, int arrived) {
    meta::Frame out;
    out.source = meta::SourceId(source);
    out.sequence = sequence;
    out.inference = meta::Inference::kDone;
    out.times[meta::Stage::kArrived] = at(arrived);
    out.times[meta::Stage::kBatched] = at(arrived + 1);
    out.times[meta::Stage::kInferred] = at(arrived + 5);
    return out;
}

meta::Object tracked(std::uint64_t id) {
    meta::Object object;
    object.track_id = meta::TrackId(id);
    return object;
}

meta::Batch batch(std::vector<meta::Frame> frames) {
    meta::Batch out;
    out.frames = std::move(frames);
    return out;
}

SourceReport source_of(const Recorder& recorder, std::size_t index) {
    SourceReport report;
    recorder.fill(report, index);
    return report;
}

TEST(Recorder, CountsFramesAndRatesPerSource) {
    Recorder recorder(2);
    for (int i = 0; i < 11; ++i)
        recorder.record(batch({frame(1, static_cast<std::uint64_t>(i), i * 100)}), at(i * 100 + 6));
    EXPECT_EQ(source_of(recorder, 0).frames, 0u);
    EXPECT_EQ(source_of(recorder, 1).frames, 11u);
    EXPECT_EQ(source_of(recorder, 1).inferred, 11u);
    EXPECT_DOUBLE_EQ(source_of(recorder, 1).fps, 10);
}
TEST(Recorder, CountsTheWayToTheFirstResultsFromTheRunsBeginning) {
    Recorder recorder(3, at(0));
    recorder.record(batch({frame(0, 0, 2900)}), at(3000));
    recorder.record(batch({frame(0, 1, 4000), frame(1, 0, 4000)}), at(5000));
    EXPECT_DOUBLE_EQ(source_of(recorder, 0).first_result_seconds, 3);
    EXPECT_DOUBLE_EQ(source_of(recorder, 1).first_result_seconds, 5);
    EXPECT_EQ(source_of(recorder, 2).first_result_seconds, 0);
    RunReport report;
    recorder.fill(report);
    EXPECT_DOUBLE_EQ(report.first_result_seconds, 3);
}
TEST(Recorder, LetsTheFirstBatchOnlyStartTheClock) {
    Recorder recorder(2);
    recorder.record(batch({frame(0, 0, 0), frame(1, 0, 0)}), at(10));
    recorder.record(batch({frame(0, 1, 0), frame(1, 1, 0)}), at(1010));
    RunReport report;
    report.sources = {source_of(recorder, 0), source_of(recorder, 1)};
    recorder.fill(report);
    EXPECT_EQ(report.frames, 4u);
    EXPECT_EQ(report.batches, 2u);
    EXPECT_DOUBLE_EQ(report.seconds, 1);
    EXPECT_DOUBLE_EQ(report.fps, 2);
}
TEST(Recorder, CountsEachTrackOnce) {
    Recorder recorder(1);
    for (std::uint64_t i = 0; i < 5; ++i) {
        meta::Frame one = frame(0, i, 0);
        one.objects = {tracked(7), tracked(8 + i), meta::Object()};
        recorder.record(batch({one}), at(10));
    }
    EXPECT_EQ(source_of(recorder, 0).objects, 15u);
    EXPECT_EQ(source_of(recorder, 0).tracks, 6u);
}
TEST(Recorder, ForgetsTracksThatAreLongGone) {
    Recorder recorder(1);
    auto see = [&](std::uint64_t sequence, std::uint64_t id) {
        meta::Frame one = frame(0, sequence, 0);
        one.objects = {tracked(id)};
        recorder.record(batch({one}), at(10));
    };
    see(0, 7);
    see(9'000, 7);
    see(10'001, 8);
    see(10'002, 7);
    EXPECT_EQ(source_of(recorder, 0).tracks, 2u);
    see(30'000, 9);
    see(30'001, 7);
    EXPECT_EQ(source_of(recorder, 0).tracks, 4u);
}
TEST(Recorder, MeasuresEachStageFromTheOneBefore) {
    Recorder recorder(1);
    recorder.record(batch({frame(0, 0, 0)}), at(20));
    RunReport report;
    report.sources = {source_of(recorder, 0)};
    recorder.fill(report);
    ASSERT_EQ(report.stages.size(), 2u);
    EXPECT_EQ(report.stages[0].latency.mean, milliseconds(1));
    EXPECT_EQ(report.stages[1].name, "inference");
    EXPECT_EQ(report.stages[1].latency.mean, milliseconds(4));
    EXPECT_EQ(report.latency.mean, milliseconds(20));
}
TEST(Recorder, MeasuresDrawingFromTheAnalysis) {
    Recorder recorder(1);
    meta::Frame one = frame(0, 0, 0);
    one.times[meta::Stage::kDrawn] = at(9);
    recorder.record_drawn(batch({one, frame(0, 1, 0)}));
    RunReport report;
    recorder.fill(report);
    ASSERT_EQ(report.stages.size(), 1u);
    EXPECT_EQ(report.stages[0].name, "drawing");
    EXPECT_EQ(report.stages[0].latency.mean, milliseconds(4));
}
TEST(Recorder, PassesOverSourcesThatItDoesNotKnow) {
    Recorder recorder(1);
    recorder.record(batch({frame(3, 0, 0)}), at(10));
    EXPECT_EQ(source_of(recorder, 0).frames, 0u);
}

}  // namespace
}  // namespace sluice::app::detail
