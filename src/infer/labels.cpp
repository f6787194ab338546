#include "sluice/infer/labels.h"

#include <array>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "sluice/base/text.h"

namespace sluice::infer {
namespace {

constexpr std::array<std::string_view, 80> kCoco{"person",        "bicycle",      "car",
                                                 "motorcycle",    "airplane",     "bus",
                                                 "train",         "truck",        "boat",
                                                 "traffic light", "fire hydrant", "stop sign",
                                                 "parking meter", "bench",        "bird",
                                                 "cat",           "dog",          "horse",
                                                 "sheep",         "cow",          "elephant",
                                                 "bear",          "zebra",        "giraffe",
                                                 "backpack",      "umbrella",     "handbag",
                                                 "tie",           "suitcase",     "frisbee",
                                                 "skis",          "snowboard",    "sports ball",
                                                 "kite",          "baseball bat", "baseball glove",
                                                 "skateboard",    "surfboard",    "tennis racket",
                                                 "bottle",        "wine glass",   "cup",
                                                 "fork",          "knife",        "spoon",
                                                 "bowl",          "banana",       "apple",
                                                 "sandwich",      "orange",       "broccoli",
                                                 "carrot",        "hot dog",      "pizza",
                                                 "donut",         "cake",         "chair",
                                                 "couch",         "potted plant", "bed",
                                                 "dining table",  "toilet",       "tv",
                                                 "laptop",        "mouse",        "remote",
                                                 "keyboard",      "cell phone",   "microwave",
                                                 "oven",          "toaster",      "sink",
                                                 "refrigerator",  "book",         "clock",
                                                 "vase",          "scissors",     "teddy bear",
                                                 "hair drier",    "toothbrush"};

Labels::Attribute parse_attribute(std::string_view line) {
    Labels::Attribute attribute;
    for (std::string_view label : split(line, ';')) {
        if (!label.empty()) attribute.values.emplace_back(label);
    }
    return attribute;
}

}  // namespace

Result<Labels> parse_labels(std::string_view text, const std::string& name) {
    std::vector<std::string_view> lines = split(text, '\n');
    while (!lines.empty() && lines.back().empty())
        lines.pop_back();
    if (lines.empty()) return invalid_argument("there is no label in the file", name);

    bool attributes = text.find(';') != std::string_view::npos;
    Labels labels;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].empty())
            return invalid_argument("an empty line among the labels",
                                    fmt::format("{}:{}", name, i + 1));
        if (attributes) {
            labels.attributes.push_back(parse_attribute(lines[i]));
        } else {
            labels.classes.emplace_back(lines[i]);
        }
    }
    return labels;
}

Result<Labels> read_labels(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return not_found("the label file cannot be read", path);
    return parse_labels(text.str(), path);
}

std::vector<Name> coco_labels() {
    std::vector<Name> labels;
    for (std::string_view label : kCoco)
        labels.emplace_back(label);
    return labels;
}

std::vector<Name> default_labels(int count) {
    if (count == static_cast<int>(kCoco.size())) return coco_labels();
    std::vector<Name> labels;
    for (int i = 0; i < count; ++i)
        labels.emplace_back(fmt::format("{}", i));
    return labels;
}

}  // namespace sluice::infer
