#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "sluice/meta/frame.h"
#include "sluice/track/registry.h"

namespace sluice::track {

/// Follows the objects of many sources: one tracker each, made when the source is first seen.
/// Reentrant; frames of one source come in order.
class FrameTracker {
public:
    /// `class_ids`: the classes that are followed; empty: all.
    FrameTracker(TrackerFactory factory, std::vector<int> class_ids);

    /// Runs the frame's own tracker over its objects. Objects that joined a reported target get its
    /// id, box and confidence; targets without a detection are added with a zero detector box;
    /// detections that belong to no reported target leave the frame, with what was found on them.
    /// Objects of other classes and objects found on objects are not the tracker's business: they
    /// stay as they are.
    void update(meta::Frame& frame);

    /// Drops the source's tracker: it has left, and its id may come again for another.
    void forget(meta::SourceId source) { trackers_.erase(source); }
    void forget_all() { trackers_.clear(); }

private:
    bool follows(const meta::Object& object) const;
    void collect(const meta::Frame& frame);
    void join(meta::Frame& frame);

    TrackerFactory factory_;
    std::vector<int> class_ids_;
    std::unordered_map<meta::SourceId, std::unique_ptr<Tracker>> trackers_;

    // Scratch of one update, kept for its capacity.
    std::vector<meta::Detection> detections_;
    std::vector<std::size_t> object_of_detection_;
    std::vector<TrackedObject> tracked_;
    std::vector<std::int32_t> new_index_;  ///< of each old object; -1: it left
    std::vector<meta::Object> objects_;
};

}  // namespace sluice::track
