#include "sluice/app/detail/recorder.h"

#include <algorithm>

namespace sluice::app::detail {
namespace {

// No tracker keeps a target for so many frames without a detection.
constexpr std::uint64_t kForgetAfter = 10'000;
constexpr std::uint64_t kPruneEvery = 1'000;

std::int64_t ticks(TimePoint time) {
    return time.time_since_epoch().count();
}

/// Frames per second when the first one only starts the clock.
double rate(std::uint64_t frames, std::int64_t first, std::int64_t last) {
    if (last <= first) return 0;
    return static_cast<double>(frames) * 1e9 / static_cast<double>(last - first);
}

constexpr std::string_view kStageNames[meta::kStageCount] = {
    "", "queue, batch", "inference", "tracking", "drawing", ""};

}  // namespace

Recorder::Recorder(std::size_t sources, TimePoint begun) : begun_(begun), sources_(sources) {}

void Recorder::TrackCount::see(meta::TrackId id, std::uint64_t sequence) {
    auto [place, fresh] = recent_.insert_or_assign(id.value, sequence);
    if (!fresh) return;
    ++total_;
    if (sequence < next_prune_) return;
    next_prune_ = sequence + kPruneEvery;
    std::erase_if(recent_,
                  [&](const auto& entry) { return entry.second + kForgetAfter < sequence; });
}

void Recorder::record(const meta::Batch& batch, TimePoint now) {
    for (const meta::Frame& frame : batch.frames)
        record_frame(frame, now);
    if (batches_++ == 0) {
        first_ = ticks(now);
        first_frames_ = batch.frames.size();
    }
    last_ = ticks(now);
}

void Recorder::record_frame(const meta::Frame& frame, TimePoint now) {
    if (frame.source.value >= sources_.size()) return;
    PerSource& source = sources_[frame.source.value];
    if (source.frames++ == 0) source.first = ticks(now);
    source.last = ticks(now);
    source.objects += frame.objects.size();
    if (frame.inference == meta::Inference::kDone) ++source.inferred;
    for (const meta::Object& object : frame.objects) {
        if (object.tracked()) source.tracks.see(object.track_id, frame.sequence);
    }
    Duration latency = now - frame.times[meta::Stage::kArrived];
    source.latency.record(latency);
    latency_.record(latency);
    record_stages(frame);
}

void Recorder::record_stages(const meta::Frame& frame) {
    TimePoint before = frame.times[meta::Stage::kArrived];
    for (std::size_t stage = 1; stage < meta::kStageCount; ++stage) {
        TimePoint at = frame.times.at[stage];
        if (at == TimePoint()) continue;
        stages_[stage].record(at - before);
        before = at;
    }
}

void Recorder::record_drawn(const meta::Batch& batch) {
    for (const meta::Frame& frame : batch.frames) {
        TimePoint drawn = frame.times[meta::Stage::kDrawn];
        TimePoint before =
            std::max(frame.times[meta::Stage::kTracked], frame.times[meta::Stage::kInferred]);
        if (drawn == TimePoint() || before == TimePoint()) continue;
        stages_[static_cast<std::size_t>(meta::Stage::kDrawn)].record(drawn - before);
    }
}

/// Zero where there was none.
double Recorder::seconds_until(std::int64_t first) const {
    return first == 0 ? 0 : static_cast<double>(first - ticks(begun_)) / 1e9;
}

void Recorder::fill(SourceReport& report, std::size_t index) const {
    const PerSource& source = sources_[index];
    report.frames = source.frames;
    report.inferred = source.inferred;
    report.objects = source.objects;
    report.tracks = source.tracks.total();
    report.first_result_seconds = seconds_until(source.first);
    report.fps = report.frames > 1 ? rate(report.frames - 1, source.first, source.last) : 0;
    report.latency = figures(source.latency.snapshot());
}

void Recorder::fill(RunReport& report) const {
    report.batches = batches_;
    report.first_result_seconds = seconds_until(first_);
    report.seconds = static_cast<double>(last_ - first_) / 1e9;
    for (const SourceReport& source : report.sources) {
        report.frames += source.frames;
        report.objects += source.objects;
        report.tracks += source.tracks;
    }
    std::uint64_t first = std::min<std::uint64_t>(first_frames_, report.frames);
    report.fps = rate(report.frames - first, first_, last_);
    report.latency = figures(latency_.snapshot());
    for (std::size_t stage = 0; stage < meta::kStageCount; ++stage) {
        auto snapshot = stages_[stage].snapshot();
        if (kStageNames[stage].empty() || snapshot.count == 0) continue;
        report.stages.push_back({std::string(kStageNames[stage]), figures(snapshot)});
    }
}

}  // namespace sluice::app::detail
