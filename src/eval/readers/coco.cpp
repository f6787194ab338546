#include <algorithm>

#include <fmt/format.h>

#include "sluice/eval/detail/file.h"
#include "sluice/eval/detail/json.h"
#include "sluice/eval/readers.h"

namespace sluice::eval {
namespace {

using detail::Json;

Result<ImageEntry> read_image(const Json& json, const std::string& where) {
    ImageEntry image;
    image.id = SLUICE_TRY(detail::integer_member(json, "id", where));
    image.name = detail::text_member(json, "file_name");
    if (json.contains("width")) {
        image.width = static_cast<int>(SLUICE_TRY(detail::number_member(json, "width", where)));
    }
    if (json.contains("height")) {
        image.height = static_cast<int>(SLUICE_TRY(detail::number_member(json, "height", where)));
    }
    return image;
}

Result<Category> read_category(const Json& json, const std::string& where) {
    Category category;
    category.id = SLUICE_TRY(detail::integer_member(json, "id", where));
    category.name = detail::text_member(json, "name");
    return category;
}

Result<bool> read_crowd(const Json& json, const std::string& where) {
    auto crowd = json.find("iscrowd");
    if (crowd == json.end()) return false;
    if (crowd->is_boolean()) return crowd->get<bool>();
    if (crowd->is_number()) return crowd->get<double>() != 0;
    return corrupt("'iscrowd' should be 0 or 1", where);
}

Result<TruthBox> read_annotation(const Json& json, const std::string& where) {
    TruthBox box;
    box.image = SLUICE_TRY(detail::integer_member(json, "image_id", where));
    box.category = SLUICE_TRY(detail::integer_member(json, "category_id", where));
    box.box = SLUICE_TRY(detail::box_member(json, "bbox", where));
    box.area = json.contains("area") ? SLUICE_TRY(detail::number_member(json, "area", where))
                                     : box.box.area();
    box.crowd = SLUICE_TRY(read_crowd(json, where));
    return box;
}

Result<DetectedBox> read_detection(const Json& json, const std::string& where) {
    DetectedBox box;
    box.image = SLUICE_TRY(detail::integer_member(json, "image_id", where));
    box.category = SLUICE_TRY(detail::integer_member(json, "category_id", where));
    box.box = SLUICE_TRY(detail::box_member(json, "bbox", where));
    box.score = SLUICE_TRY(detail::number_member(json, "score", where));
    return box;
}

template <class T>
Result<std::vector<T>> read_list(const Json& list,
                                 const std::string& where,
                                 Result<T> (*read)(const Json&, const std::string&)) {
    std::vector<T> out;
    out.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        out.push_back(SLUICE_TRY(read(list[i], fmt::format("{}[{}]", where, i))));
    }
    return out;
}

template <class T>
Result<std::vector<T>> read_member(const Json& root,
                                   const char* key,
                                   const std::string& path,
                                   Result<T> (*read)(const Json&, const std::string&)) {
    const Json* list = SLUICE_TRY(detail::list_member(root, key, path));
    return read_list(*list, fmt::format("{}: {}", path, key), read);
}

}  // namespace

Result<DetectionTruth> read_coco_truth(const std::string& path) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    Json root = SLUICE_TRY(detail::parse_json(text, path));
    DetectionTruth truth;
    truth.images = SLUICE_TRY(read_member(root, "images", path, &read_image));
    truth.categories = SLUICE_TRY(read_member(root, "categories", path, &read_category));
    truth.boxes = SLUICE_TRY(read_member(root, "annotations", path, &read_annotation));
    return truth;
}

Result<std::vector<DetectedBox>> read_coco_results(const std::string& path) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    Json root = SLUICE_TRY(detail::parse_json(text, path));
    if (!root.is_array()) return corrupt("should be a list of detections", path);
    return read_list(root, path, &read_detection);
}

}  // namespace sluice::eval
