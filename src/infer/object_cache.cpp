#include "sluice/infer/object_cache.h"

#include <algorithm>

namespace sluice::infer {

bool ObjectCache::ask(const Sight& sight, int reinfer_interval) {
    if (sight.track == meta::kUntracked) return true;
    Source& source = sources_[sight.source];
    if (sight.sequence < source.newest) source = Source{};
    source.newest = sight.sequence;

    auto found = source.tracks.find(sight.track);
    if (found == source.tracks.end()) {
        make_room(source);
        Entry entry;
        entry.asked = entry.seen = sight.sequence;
        entry.area = sight.area;
        source.tracks.emplace(sight.track, std::move(entry));
        return true;
    }
    Entry& entry = found->second;
    entry.seen = sight.sequence;
    bool grown = sight.area >= entry.area * kGrowth;
    bool old = sight.sequence - entry.asked >= static_cast<std::uint64_t>(reinfer_interval);
    if (entry.area > 0 && !grown && !old) return false;
    entry.asked = sight.sequence;
    entry.area = sight.area;
    return true;
}

void ObjectCache::store(meta::SourceId source,
                        meta::TrackId track,
                        const std::vector<meta::Label>& labels) {
    auto of_source = sources_.find(source);
    if (of_source == sources_.end()) return;
    auto found = of_source->second.tracks.find(track);
    if (found == of_source->second.tracks.end()) return;
    found->second.labels = labels;
    found->second.answered = true;
}

void ObjectCache::forget(meta::SourceId source, meta::TrackId track) {
    auto of_source = sources_.find(source);
    if (of_source == sources_.end()) return;
    auto found = of_source->second.tracks.find(track);
    if (found != of_source->second.tracks.end()) found->second.area = 0;
}

const std::vector<meta::Label>* ObjectCache::find(meta::SourceId source,
                                                  meta::TrackId track) const {
    auto of_source = sources_.find(source);
    if (of_source == sources_.end()) return nullptr;
    auto found = of_source->second.tracks.find(track);
    if (found == of_source->second.tracks.end() || !found->second.answered) return nullptr;
    return &found->second.labels;
}

void ObjectCache::drop_source(meta::SourceId source) {
    sources_.erase(source);
}

std::size_t ObjectCache::size() const {
    std::size_t count = 0;
    for (const auto& [id, source] : sources_)
        count += source.tracks.size();
    return count;
}

/// Called when a track is new, so memory cannot grow without passing here; sweeping at most once in
/// kKeepFrames frames makes its cost negligible.
void ObjectCache::make_room(Source& source) {
    if (source.newest >= source.swept + kKeepFrames) {
        std::uint64_t oldest = source.newest - kKeepFrames;
        std::erase_if(source.tracks, [&](const auto& entry) { return entry.second.seen < oldest; });
        source.swept = source.newest;
    }
    if (source.tracks.size() < kMostTracks) return;
    auto stalest = std::min_element(
        source.tracks.begin(), source.tracks.end(), [](const auto& a, const auto& b) {
            return a.second.seen < b.second.seen;
        });
    source.tracks.erase(stalest);
}

}  // namespace sluice::infer
