#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/eval/detail/file.h"
#include "sluice/eval/detail/json.h"
#include "sluice/eval/readers.h"

// The schema is docs/reference/metadata.md.

namespace sluice::eval {
namespace {

using detail::Json;

constexpr std::string_view kSchema = "sluice.frame/1";

struct FrameLine {
    Json json;
    std::string where;
    std::int64_t sequence = 0;
    std::int64_t source = 0;
    std::string uri;
    bool scaled = false;  ///< boxes are in processing space: move by content, then scale
    Box content;
    double scale_x = 1;
    double scale_y = 1;
};

Result<void> read_space(FrameLine& frame) {
    if (detail::text_member(frame.json, "space") != "processing") return {};
    const Json* size = SLUICE_TRY(detail::list_member(frame.json, "source_size", frame.where));
    frame.content = SLUICE_TRY(detail::box_member(frame.json, "content", frame.where));
    bool numbers = size->size() == 2 && (*size)[0].is_number() && (*size)[1].is_number();
    if (!numbers) return corrupt("'source_size' should be two numbers", frame.where);
    if (frame.content.width <= 0 || frame.content.height <= 0) return {};
    frame.scaled = true;
    frame.scale_x = (*size)[0].get<double>() / frame.content.width;
    frame.scale_y = (*size)[1].get<double>() / frame.content.height;
    return {};
}

Result<FrameLine> parse_frame(std::string_view line, const std::string& path, std::size_t number) {
    FrameLine frame;
    frame.where = detail::place(path, number);
    frame.json = SLUICE_TRY(detail::parse_json(line, path, number));
    if (!frame.json.is_object()) return corrupt("wants an object on each line", frame.where);
    std::string schema = detail::text_member(frame.json, "schema");
    if (schema != kSchema) {
        return unsupported(fmt::format("schema is '{}', wanted '{}'", schema, kSchema),
                           frame.where);
    }
    frame.sequence = SLUICE_TRY(detail::integer_member(frame.json, "sequence", frame.where));
    const Json* source = SLUICE_TRY(detail::member(frame.json, "source", frame.where));
    frame.source = SLUICE_TRY(detail::integer_member(*source, "id", frame.where));
    frame.uri = detail::text_member(*source, "uri");
    SLUICE_TRY(detail::list_member(frame.json, "objects", frame.where));
    SLUICE_TRY(read_space(frame));
    return frame;
}

/// Calls `visit(frame)` for each frame of the file.
template <class Visitor>
Result<void> for_each_frame(const std::string& path, Visitor&& visit) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    return detail::for_each_line(text,
                                 [&](std::string_view line, std::size_t number) -> Result<void> {
                                     if (trim(line).empty()) return {};
                                     FrameLine frame = SLUICE_TRY(parse_frame(line, path, number));
                                     return visit(frame);
                                 });
}

/// The box in source pixels; nothing where the writer had none, or none that was finite.
std::optional<Box> read_box(const FrameLine& frame, const Json& object, const char* key) {
    auto box = detail::box_member(object, key, frame.where);
    if (!box) return std::nullopt;
    if (!frame.scaled) return *box;
    return Box{(box->left - frame.content.left) * frame.scale_x,
               (box->top - frame.content.top) * frame.scale_y,
               box->width * frame.scale_x,
               box->height * frame.scale_y};
}

double number_or(const Json& object, const char* key, double otherwise) {
    auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

Result<void> add_tracks(const FrameLine& frame, Tracks& tracks) {
    for (const Json& object : frame.json["objects"]) {
        if (!object.is_object()) return corrupt("'objects' should hold objects", frame.where);
        if (!object.contains("track_id")) continue;
        TrackRow row;
        row.frame = frame.sequence + 1;
        row.id = SLUICE_TRY(detail::integer_member(object, "track_id", frame.where));
        row.confidence = number_or(object, "tracker_confidence", 0);
        auto box = read_box(frame, object, "box");
        if (!box) continue;
        row.box = *box;
        tracks.push_back(row);
    }
    return {};
}

/// COCO's classes as COCO spells them and as the coco.names of Darknet and its heirs does.
constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
    {"motorcycle", "motorbike"},
    {"airplane", "aeroplane"},
    {"couch", "sofa"},
    {"potted plant", "pottedplant"},
    {"dining table", "diningtable"},
    {"tv", "tvmonitor"},
};

std::string other_spelling(std::string_view label) {
    for (const auto& [coco, darknet] : kSpellings) {
        if (label == coco) return std::string(darknet);
        if (label == darknet) return std::string(coco);
    }
    return std::string(label);
}

/// Finds images by name and categories by label.
class Directory {
public:
    explicit Directory(const DetectionTruth& truth) {
        std::vector<const ImageEntry*> images;
        for (const ImageEntry& image : truth.images)
            images.push_back(&image);
        std::sort(images.begin(), images.end(), [](const auto* a, const auto* b) {
            return a->name < b->name;
        });
        for (const ImageEntry* image : images) {
            by_name_.emplace(detail::stem(image->name), image->id);
            in_order_.push_back(image->id);
        }
        for (const Category& category : truth.categories) {
            if (!category.name.empty()) by_label_.emplace(category.name, category.id);
        }
    }

    std::optional<std::int64_t> named(std::string_view uri) const {
        auto found = by_name_.find(std::string(detail::stem(uri)));
        if (found == by_name_.end()) return std::nullopt;
        return found->second;
    }

    Result<std::int64_t> nth(std::int64_t sequence, const std::string& where) const {
        if (sequence < 0 || sequence >= static_cast<std::int64_t>(in_order_.size())) {
            return invalid_argument(
                fmt::format(
                    "frame {} has no image: the ground truth has {}", sequence, in_order_.size()),
                where);
        }
        return in_order_[static_cast<std::size_t>(sequence)];
    }

    Result<std::int64_t> category(const Json& object, const std::string& where) const {
        std::string label = detail::text_member(object, "label");
        if (by_label_.empty() || label.empty()) {
            return detail::integer_member(object, "class_id", where);
        }
        auto found = by_label_.find(label);
        if (found == by_label_.end()) found = by_label_.find(other_spelling(label));
        // A class that the truth does not know is not scored.
        return found == by_label_.end() ? kUnknownCategory : found->second;
    }

    static constexpr std::int64_t kUnknownCategory = std::numeric_limits<std::int64_t>::min();

private:
    std::map<std::string, std::int64_t> by_name_;
    std::map<std::string, std::int64_t> by_label_;
    std::vector<std::int64_t> in_order_;
};

Result<void> add_detections(const FrameLine& frame,
                            std::int64_t image,
                            const Directory& directory,
                            std::vector<DetectedBox>& out) {
    for (const Json& object : frame.json["objects"]) {
        if (!object.is_object()) return corrupt("'objects' should hold objects", frame.where);
        auto box = read_box(frame, object, "detector_box");
        if (!box) continue;
        std::int64_t category = SLUICE_TRY(directory.category(object, frame.where));
        out.push_back({image, category, *box, number_or(object, "score", 0)});
    }
    return {};
}

}  // namespace

Result<Tracks> read_json_lines_tracks(const std::string& path) {
    Tracks tracks;
    std::optional<std::int64_t> source;
    auto add = [&](const FrameLine& frame) -> Result<void> {
        if (source && *source != frame.source) {
            return invalid_argument("a second source in one file: write one file per source",
                                    frame.where);
        }
        source = frame.source;
        return add_tracks(frame, tracks);
    };
    SLUICE_TRY(for_each_frame(path, add));
    return tracks;
}

Result<std::vector<DetectedBox>> read_json_lines_detections(const std::string& path,
                                                            const DetectionTruth& truth) {
    Directory directory(truth);
    bool any_named = false;
    auto look = [&](const FrameLine& frame) -> Result<void> {
        any_named = any_named || directory.named(frame.uri);
        return {};
    };
    SLUICE_TRY(for_each_frame(path, look));
    std::vector<DetectedBox> out;
    auto add = [&](const FrameLine& frame) -> Result<void> {
        auto image = directory.named(frame.uri);
        if (!image && any_named) {
            return invalid_argument(fmt::format("'{}' is no image of the ground truth", frame.uri),
                                    frame.where);
        }
        if (!image) image = SLUICE_TRY(directory.nth(frame.sequence, frame.where));
        return add_detections(frame, *image, directory, out);
    };
    SLUICE_TRY(for_each_frame(path, add));
    return out;
}

}  // namespace sluice::eval
