#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sluice/meta/ids.h"
#include "sluice/meta/object.h"

namespace sluice::infer {

/// What a second model said of each tracked object, so that it is not asked again every frame.
/// Bounded: a track unseen for kKeepFrames frames of its source goes, and the one least recently
/// seen when a source would have more than kMostTracks. A source whose sequence numbers start again
/// is a new one.
class ObjectCache {
public:
    static constexpr std::uint64_t kKeepFrames = 300;
    static constexpr std::size_t kMostTracks = 1024;
    /// A box that grew by this factor in area since it was last looked at is looked at again.
    static constexpr float kGrowth = 1.2f;

    struct Sight {
        meta::SourceId source;
        meta::TrackId track;
        std::uint64_t sequence = 0;  ///< of the frame
        float area = 0;              ///< of the box, pixels
    };

    /// Should the object be inferred now? If so it counts as asked from here on: the answer is
    /// under way and later frames do not ask again.
    bool ask(const Sight& sight, int reinfer_interval);

    /// The answer. Passed over when the track has been evicted meanwhile.
    void store(meta::SourceId source, meta::TrackId track, const std::vector<meta::Label>& labels);

    /// The answer was lost (a failed request): the next frame asks again.
    void forget(meta::SourceId source, meta::TrackId track);

    /// Null when nothing is known (yet).
    const std::vector<meta::Label>* find(meta::SourceId source, meta::TrackId track) const;

    void drop_source(meta::SourceId source);

    std::size_t size() const;

private:
    struct Entry {
        std::uint64_t asked = 0;  ///< sequence of the frame last inferred
        std::uint64_t seen = 0;   ///< sequence of the frame last seen in
        float area = 0;           ///< when last inferred
        bool answered = false;
        std::vector<meta::Label> labels;
    };
    struct Source {
        std::unordered_map<meta::TrackId, Entry> tracks;
        std::uint64_t swept = 0;
        std::uint64_t newest = 0;
    };

    static void make_room(Source& source);

    std::unordered_map<meta::SourceId, Source> sources_;
};

}  // namespace sluice::infer
