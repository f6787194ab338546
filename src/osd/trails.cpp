#include "sluice/osd/trails.h"

#include <algorithm>

namespace sluice::osd {
namespace {

/// Stands for time where a stream has none.
constexpr std::int64_t kFrameNsWithoutPts = 40'000'000;

std::int64_t time_of(const meta::Frame& frame) {
    if (frame.pts_ns != meta::kNoPts) return frame.pts_ns;
    return static_cast<std::int64_t>(frame.sequence) * kFrameNsWithoutPts;
}

}  // namespace

void Trails::update(const meta::Frame& frame) {
    Source& source = sources_[frame.source];
    std::int64_t time = time_of(frame);
    if (time < source.time_ns || source.size != frame.size) source.tracks.clear();
    source.time_ns = time;
    source.size = frame.size;
    for (const meta::Object& object : frame.objects) {
        if (object.tracked()) add(source, object);
    }
    evict(source);
}

void Trails::add(Source& source, const meta::Object& object) const {
    bool full = source.tracks.size() >= kMaxTracks;
    if (full && !source.tracks.contains(object.track_id)) return;
    meta::Point foot{object.box.left + object.box.width / 2, object.box.bottom()};
    std::vector<Step>& steps = source.tracks[object.track_id];
    // The last step follows the object until it is far enough in time from the one before it, so
    // that kMaxPoints always span the whole length.
    std::int64_t gap = length_.count() / static_cast<std::int64_t>(kMaxPoints);
    std::size_t count = steps.size();
    bool follow = count >= 2 && steps[count - 1].time_ns - steps[count - 2].time_ns < gap;
    if (follow) steps.pop_back();
    auto stale = std::find_if(steps.begin(), steps.end(), [&](const Step& step) {
        return source.time_ns - step.time_ns <= length_.count();
    });
    steps.erase(steps.begin(), stale);
    if (steps.size() >= kMaxPoints) steps.erase(steps.begin());
    steps.push_back({source.time_ns, foot});
}

void Trails::evict(Source& source) const {
    std::erase_if(source.tracks, [&](const auto& entry) {
        return source.time_ns - entry.second.back().time_ns > length_.count();
    });
}

void Trails::append_points(meta::SourceId source,
                           meta::TrackId track,
                           std::vector<meta::Point>& points) const {
    auto known = sources_.find(source);
    if (known == sources_.end()) return;
    auto found = known->second.tracks.find(track);
    if (found == known->second.tracks.end()) return;
    for (const Step& step : found->second)
        points.push_back(step.foot);
}

void Trails::forget(meta::SourceId source) {
    sources_.erase(source);
}

std::size_t Trails::tracks(meta::SourceId source) const {
    auto known = sources_.find(source);
    return known == sources_.end() ? 0 : known->second.tracks.size();
}

}  // namespace sluice::osd
