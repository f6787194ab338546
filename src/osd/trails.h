#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/meta/frame.h"

namespace sluice::osd {

/// Where the feet of each track's boxes were in the last `length` of stream time. Bounded: at most
/// kMaxPoints a track (closer ones are merged) and kMaxTracks a source (later ones get no trail); a
/// track that was not seen for `length` is dropped, and all of a source's when its time or size
/// jumps.
class Trails {
public:
    static constexpr std::size_t kMaxPoints = 128;
    static constexpr std::size_t kMaxTracks = 1024;

    explicit Trails(Duration length) : length_(length) {}

    /// Takes in the frame's tracked objects. Frames of one source come in order.
    void update(const meta::Frame& frame);
    /// Appends a track's points, oldest first, the present one last; none for an unknown track.
    void append_points(meta::SourceId source,
                       meta::TrackId track,
                       std::vector<meta::Point>& points) const;
    void forget(meta::SourceId source);

    std::size_t tracks(meta::SourceId source) const;

private:
    struct Step {
        std::int64_t time_ns;
        meta::Point foot;
    };
    struct Source {
        std::int64_t time_ns = 0;
        memory::Size size;
        std::unordered_map<meta::TrackId, std::vector<Step>> tracks;
    };

    void add(Source& source, const meta::Object& object) const;
    void evict(Source& source) const;

    Duration length_;
    std::unordered_map<meta::SourceId, Source> sources_;
};

}  // namespace sluice::osd
