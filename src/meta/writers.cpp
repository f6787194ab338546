#include "sluice/meta/writers.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace sluice::meta {
namespace {

bool drawable(const PixelBox& box) {
    return std::isfinite(box.left) && std::isfinite(box.top) && std::isfinite(box.width) &&
           std::isfinite(box.height) && box.width > 0 && box.height > 0;
}

PixelBox placed(const PixelBox& box, const Frame& frame, BoxSpace space) {
    return space == BoxSpace::kSource ? to_source(box, frame) : box;
}

float finite_or_zero(float value) {
    return std::isfinite(value) ? value : 0.f;
}

/// KITTI's fields are divided by blanks, so a label may hold none.
void append_kitti_label(std::string& out, const Object& object) {
    if (object.label.empty()) {
        fmt::format_to(std::back_inserter(out), "class{}", object.class_id.value);
        return;
    }
    for (char c : object.label.view()) {
        bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        out.push_back(blank ? '_' : c);
    }
}

}  // namespace

PixelBox to_source(const PixelBox& box, const Frame& frame) {
    if (frame.source_size.width <= 0 || frame.source_size.height <= 0) return box;
    PixelBox content = frame.content;
    if (content.width <= 0 || content.height <= 0) {
        content = {
            0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
    }
    if (content.width <= 0 || content.height <= 0) return box;
    float x = static_cast<float>(frame.source_size.width) / content.width;
    float y = static_cast<float>(frame.source_size.height) / content.height;
    return {
        (box.left - content.left) * x, (box.top - content.top) * y, box.width * x, box.height * y};
}

void append_mot_lines(std::string& out, const Frame& frame, MotRows rows, BoxSpace space) {
    for (const Object& object : frame.objects) {
        bool tracks = rows == MotRows::kTracks;
        if (tracks && !object.tracked()) continue;
        PixelBox box = placed(tracks ? object.box : object.detector_box, frame, space);
        if (!drawable(box)) continue;
        fmt::format_to(std::back_inserter(out), "{},", frame.sequence + 1);
        if (tracks) {
            fmt::format_to(std::back_inserter(out), "{}", object.track_id.value);
        } else {
            out += "-1";
        }
        fmt::format_to(std::back_inserter(out),
                       ",{:.3f},{:.3f},{:.3f},{:.3f},{:.4f},-1,-1,-1\n",
                       box.left,
                       box.top,
                       box.width,
                       box.height,
                       finite_or_zero(tracks ? object.tracker_confidence : object.score));
    }
}

void append_kitti_detections(std::string& out, const Frame& frame, BoxSpace space) {
    for (const Object& object : frame.objects) {
        PixelBox box = placed(object.detector_box, frame, space);
        if (!drawable(box)) continue;
        append_kitti_label(out, object);
        fmt::format_to(
            std::back_inserter(out),
            " 0.0 0 0.0 {:.3f} {:.3f} {:.3f} {:.3f} 0.0 0.0 0.0 0.0 0.0 0.0 0.0 {:.4f}\n",
            box.left,
            box.top,
            box.right(),
            box.bottom(),
            finite_or_zero(object.score));
    }
}

void append_kitti_tracks(std::string& out, const Frame& frame, BoxSpace space) {
    for (const Object& object : frame.objects) {
        if (!object.tracked()) continue;
        PixelBox box = placed(object.tracker_box, frame, space);
        if (!drawable(box)) continue;
        append_kitti_label(out, object);
        fmt::format_to(
            std::back_inserter(out),
            " {} 0.0 0 0.0 {:.3f} {:.3f} {:.3f} {:.3f} 0.0 0.0 0.0 0.0 0.0 0.0 0.0 {:.4f}\n",
            object.track_id.value,
            box.left,
            box.top,
            box.right(),
            box.bottom(),
            finite_or_zero(object.tracker_confidence));
    }
}

}  // namespace sluice::meta
