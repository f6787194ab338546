#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/eval/detail/file.h"
#include "sluice/eval/readers.h"

namespace sluice::eval {
namespace {

namespace fs = std::filesystem;

struct Line {
    std::int64_t class_id = 0;
    std::array<double, 5> values{};  ///< cx, cy, width, height, score
};

Result<Line> parse_line(std::string_view text, std::size_t wanted) {
    std::vector<std::string_view> pieces;
    for (std::string_view piece : split(text, ' ')) {
        if (!piece.empty()) pieces.push_back(piece);
    }
    if (pieces.size() != wanted) {
        return corrupt(fmt::format("wants 'class cx cy width height{}' but has {} number(s)",
                                   wanted == 6 ? " score" : "",
                                   pieces.size()));
    }
    Line line;
    auto class_id = parse_integer(pieces[0]);
    if (!class_id) return corrupt(fmt::format("class '{}' is no whole number", pieces[0]));
    line.class_id = *class_id;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
        auto number = parse_number(pieces[i]);
        if (!number || !std::isfinite(*number)) {
            return corrupt(fmt::format("'{}' is no number", pieces[i]));
        }
        line.values[i - 1] = *number;
    }
    return line;
}

Result<std::vector<Line>> read_lines(const std::string& path, std::size_t wanted) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    std::vector<Line> lines;
    auto read = [&](std::string_view line, std::size_t number) -> Result<void> {
        if (trim(line).empty()) return {};
        auto parsed = parse_line(trim(line), wanted);
        if (!parsed) {
            Error error = std::move(parsed).error();
            error.where = detail::place(path, number);
            return error;
        }
        lines.push_back(*parsed);
        return {};
    };
    SLUICE_TRY(detail::for_each_line(text, read));
    return lines;
}

Box to_box(const Line& line, const ImageEntry& image) {
    double width = line.values[2] * image.width;
    double height = line.values[3] * image.height;
    return {line.values[0] * image.width - width / 2,
            line.values[1] * image.height - height / 2,
            width,
            height};
}

fs::path subfolder(const std::string& folder, const char* name) {
    std::error_code ignored;
    fs::path inner = fs::path(folder) / name;
    return fs::is_directory(inner, ignored) ? inner : fs::path(folder);
}

Result<std::vector<fs::path>> list_images(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> out;
    fs::directory_iterator entries(folder, error);
    if (error) return not_found("no such folder, or it may not be read", folder.string());
    for (const auto& entry : entries) {
        std::string extension = to_lower(entry.path().extension().string());
        if (extension == ".jpg" || extension == ".jpeg" || extension == ".png") {
            out.push_back(entry.path());
        }
    }
    if (out.empty()) return not_found("no JPEG or PNG in this folder", folder.string());
    std::sort(out.begin(), out.end());
    return out;
}

/// COCO's images are named by their ids.
bool named_by_number(const std::vector<fs::path>& images) {
    return std::all_of(images.begin(), images.end(), [](const fs::path& path) {
        std::string name = path.stem().string();
        return name.size() <= 18 && name.find_first_not_of("0123456789") == std::string::npos;
    });
}

Result<std::vector<Category>> read_names(const std::string& path) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    std::vector<Category> out;
    auto read = [&](std::string_view line, std::size_t) -> Result<void> {
        out.push_back({static_cast<std::int64_t>(out.size()), std::string(trim(line))});
        return {};
    };
    SLUICE_TRY(detail::for_each_line(trim(text), read));
    return out;
}

fs::path label_file(const fs::path& folder, const ImageEntry& image) {
    return folder / fs::path(image.name).stem().concat(".txt");
}

Result<void> add_boxes(const fs::path& file, const ImageEntry& image, DetectionTruth& truth) {
    std::vector<Line> lines = SLUICE_TRY(read_lines(file.string(), 5));
    for (const Line& line : lines) {
        Box box = to_box(line, image);
        truth.boxes.push_back({image.id, line.class_id, box, box.area(), false});
    }
    return {};
}

/// Without names, the classes are those that occur.
void name_classes(DetectionTruth& truth) {
    std::set<std::int64_t> ids;
    for (const TruthBox& box : truth.boxes)
        ids.insert(box.category);
    for (std::int64_t id : ids)
        truth.categories.push_back({id, {}});
}

}  // namespace

Result<DetectionTruth> read_yolo_truth(const std::string& folder, const std::string& names_path) {
    DetectionTruth truth;
    std::vector<fs::path> images = SLUICE_TRY(list_images(subfolder(folder, "images")));
    fs::path labels = subfolder(folder, "labels");
    if (!names_path.empty()) truth.categories = SLUICE_TRY(read_names(names_path));
    bool numbers = named_by_number(images);
    for (const fs::path& path : images) {
        detail::PictureSize size = SLUICE_TRY(detail::picture_size(path.string()));
        auto id = static_cast<std::int64_t>(truth.images.size() + 1);
        if (numbers) id = SLUICE_TRY(parse_integer(path.stem().string()));
        truth.images.push_back({id, path.filename().string(), size.width, size.height});
        fs::path file = label_file(labels, truth.images.back());
        if (!fs::exists(file)) continue;  // an image without objects
        SLUICE_TRY(add_boxes(file, truth.images.back(), truth));
    }
    if (names_path.empty()) name_classes(truth);
    return truth;
}

Result<DetectionTruth> read_yolo_labels(const std::string& folder, std::vector<ImageEntry> images) {
    DetectionTruth truth;
    truth.images = std::move(images);
    fs::path labels = subfolder(folder, "labels");
    bool any = false;
    for (const ImageEntry& image : truth.images) {
        fs::path file = label_file(labels, image);
        if (!fs::exists(file)) continue;
        any = true;
        SLUICE_TRY(add_boxes(file, image, truth));
    }
    if (!any) return not_found("no file here is named after an image", labels.string());
    name_classes(truth);
    return truth;
}

Result<std::vector<DetectedBox>> read_yolo_results(const std::string& folder,
                                                   const DetectionTruth& truth) {
    fs::path labels = subfolder(folder, "labels");
    std::vector<DetectedBox> out;
    bool any = false;
    for (const ImageEntry& image : truth.images) {
        fs::path file = label_file(labels, image);
        if (!fs::exists(file)) continue;
        any = true;
        if (image.width <= 0 || image.height <= 0) {
            return invalid_argument("the ground truth does not say this image's size", image.name);
        }
        std::vector<Line> lines = SLUICE_TRY(read_lines(file.string(), 6));
        for (const Line& line : lines) {
            out.push_back({image.id, line.class_id, to_box(line, image), line.values[4]});
        }
    }
    if (!any) return not_found("no file here is named after an image of the ground truth", folder);
    return out;
}

}  // namespace sluice::eval
