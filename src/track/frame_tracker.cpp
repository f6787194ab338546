#include "sluice/track/frame_tracker.h"

#include <algorithm>
#include <utility>

namespace sluice::track {
namespace {

constexpr std::int32_t kUndecided = -2;
constexpr std::int32_t kGone = -1;

void mark(meta::Object& object, const TrackedObject& target, const meta::PixelBox& frame) {
    object.track_id = target.track_id;
    object.tracker_box = target.box;
    object.tracker_confidence = target.confidence;
    object.box = meta::clip(target.box, frame.width, frame.height);
}

}  // namespace

FrameTracker::FrameTracker(TrackerFactory factory, std::vector<int> class_ids)
    : factory_(std::move(factory)), class_ids_(std::move(class_ids)) {}

bool FrameTracker::follows(const meta::Object& object) const {
    if (object.parent != meta::kNoParent) return false;
    return class_ids_.empty() ||
           std::find(class_ids_.begin(), class_ids_.end(), object.class_id.value) !=
               class_ids_.end();
}

void FrameTracker::collect(const meta::Frame& frame) {
    detections_.clear();
    object_of_detection_.clear();
    for (std::size_t i = 0; i < frame.objects.size(); ++i) {
        const meta::Object& object = frame.objects[i];
        if (!follows(object)) continue;
        detections_.push_back({object.detector_box, object.score, object.class_id, object.label});
        object_of_detection_.push_back(i);
    }
}

void FrameTracker::update(meta::Frame& frame) {
    std::unique_ptr<Tracker>& tracker = trackers_[frame.source];
    if (!tracker) tracker = factory_();
    collect(frame);
    tracker->update({frame.size, frame.pts_ns, frame.inference}, detections_, tracked_);
    join(frame);
}

void FrameTracker::join(meta::Frame& frame) {
    const meta::PixelBox whole{
        0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
    new_index_.assign(frame.objects.size(), kUndecided);
    for (std::size_t object : object_of_detection_)
        new_index_[object] = kGone;
    objects_.clear();
    for (const TrackedObject& target : tracked_) {
        meta::Object object;
        if (target.detection != kNoDetection) {
            std::size_t old = object_of_detection_[static_cast<std::size_t>(target.detection)];
            new_index_[old] = static_cast<std::int32_t>(objects_.size());
            object = std::move(frame.objects[old]);
        } else {
            object.class_id = target.class_id;
            object.label = target.label;
        }
        mark(object, target, whole);
        objects_.push_back(std::move(object));
    }
    // A parent stands before its children, so its fate is known here.
    for (std::size_t i = 0; i < frame.objects.size(); ++i) {
        if (new_index_[i] != kUndecided) continue;
        meta::Object& object = frame.objects[i];
        if (object.parent != meta::kNoParent) {
            object.parent = new_index_[static_cast<std::size_t>(object.parent)];
            if (object.parent == kGone) {
                new_index_[i] = kGone;
                continue;
            }
        }
        new_index_[i] = static_cast<std::int32_t>(objects_.size());
        objects_.push_back(std::move(object));
    }
    frame.objects.swap(objects_);
}

}  // namespace sluice::track
