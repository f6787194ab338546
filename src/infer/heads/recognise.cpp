#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/head.h"

// The rules, in order; the first that fits wins. A named head has to fit its own rule only. G is
// the number of cells of the grids with strides 8, 16, 32 (or as given), G4 with 64 as well; the
// batch is left out of shapes.
//   one output, N x 6       end-to-end; but yolov5 of one class when N = 3 G and it is "output0"
//               3G x (5+C)  yolov5 (3 G4 too)
//               (4+C) x G   yolov8 (G4, and an open extent, too)
//               G x (5+C)   yolox; yolov8 by rows when the labels say 4+C, or there are 84 columns;
//                           nanodet when the labels leave 32, or there are 112
//               G4 x (C+32) nanodet
//               Q x (4+C)   detr with boxes and scores in one output, Q <= 1000 and no grid
//               1 x N x 7   detection-output (the batch's dimension is 1 as well)
//               (5+C) x H x W, stride 16: fastestdet
//   two outputs, Q x 4 and Q x C                      detr, Q <= 1000
//   boxes N x 4, two or three lists by their names    ssd
//   heat, size (2 or 4 maps) and perhaps offset maps  centernet
//   pairs of equal N, one pair per stride             nanodet
//   only vectors             classifier when several, or 1000 long, or there are labels; else
//                            tensors
// Class counts with no label to go by are the count that makes the shape fit; end-to-end: 80, ssd
// and detection-output: 91 (COCO's numbering with gaps).
namespace sluice::infer {
namespace {

using heads::grid_size;
using Shape = std::span<const std::int64_t>;

constexpr std::array kStrides{8, 16, 32};
constexpr std::array kFourStrides{8, 16, 32, 64};
constexpr int kCocoClasses = 80;
constexpr int kSsdClasses = 91;
constexpr std::int64_t kOpen = -1;
constexpr std::int64_t kMostQueries = 1000;
constexpr std::int64_t kNanodetBins = 4 * 8;

struct Candidate {
    std::span<const TensorSpec> outputs;
    memory::Size input;
    HeadOptions options;
    bool named = false;

    bool wants(HeadKind kind) const { return !named || options.head == kind; }
    int known() const { return options.num_detected_classes; }
    /// Extents of an output without the batch.
    Shape shape(std::size_t i) const {
        const memory::Shape& all = outputs[i].shape;
        return all.empty() ? Shape() : Shape(all.data() + 1, all.size() - 1);
    }
    bool name_has(std::size_t i, std::string_view part) const {
        return to_lower(outputs[i].name).find(part) != std::string::npos;
    }
};
using Match = std::optional<HeadLayout>;

Match match(const Candidate& c,
            HeadKind kind,
            std::int64_t classes,
            std::vector<std::size_t> parts,
            std::string reason) {
    if (classes < 1) return {};
    HeadLayout layout;
    layout.options = c.options;
    layout.options.head = kind;
    layout.options.num_detected_classes = static_cast<int>(classes);
    layout.parts = std::move(parts);
    layout.input = c.input;
    layout.reason = std::move(reason);
    return layout;
}

std::vector<int> strides_of(const Candidate& c, std::span<const int> usual) {
    if (!c.options.strides.empty()) return c.options.strides;
    return {usual.begin(), usual.end()};
}

void set_boxes(HeadLayout& layout, BoxLayout box_layout, BoxUnit unit) {
    HeadOptions& options = layout.options;
    if (options.box_layout == BoxLayout::kAuto) options.box_layout = box_layout;
    if (options.box_unit == BoxUnit::kAuto) options.box_unit = unit;
}

void set_activation(HeadLayout& layout, ScoreActivation activation) {
    if (layout.options.score_activation == ScoreActivation::kAuto)
        layout.options.score_activation = activation;
}

/// The only output with `rank` extents besides the batch, others having five (raw grids that some
/// YOLOv5 exports carry along).
std::optional<std::size_t> only_output(const Candidate& c, std::size_t rank) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < c.outputs.size(); ++i) {
        if (c.shape(i).size() == 4) continue;
        if (found || c.shape(i).size() != rank) return {};
        found = i;
    }
    return found;
}

Match end_to_end(const Candidate& c) {
    auto i = only_output(c, 2);
    if (!i || c.shape(*i)[1] != 6) return {};
    const std::int64_t grid = 3 * grid_size(c.input, kStrides);
    if (!c.named && c.shape(*i)[0] == grid && c.outputs[*i].name == "output0") return {};
    auto layout =
        match(c,
              HeadKind::kEndToEnd,
              c.known() > 0 ? c.known() : kCocoClasses,
              {*i},
              c.options.box_layout == BoxLayout::kCxcywh ? "rows of six: cx cy w h score class"
                                                         : "rows of six: x1 y1 x2 y2 score class");
    set_boxes(*layout, BoxLayout::kXyxy, BoxUnit::kPixels);
    return layout;
}

Match yolov5(const Candidate& c) {
    auto i = only_output(c, 2);
    if (!i) return {};
    const std::int64_t rows = c.shape(*i)[0];
    const bool grid =
        rows == 3 * grid_size(c.input, kStrides) || rows == 3 * grid_size(c.input, kFourStrides);
    if (!grid && !c.named) return {};
    return match(c,
                 HeadKind::kYolov5,
                 c.shape(*i)[1] - 5,
                 {*i},
                 "three rows per cell, of box, objectness and classes");
}

Match yolov8(const Candidate& c) {
    auto i = only_output(c, 2);
    if (!i) return {};
    const std::int64_t rows = c.shape(*i)[0];
    const std::int64_t columns = c.shape(*i)[1];
    auto is_grid = [&](std::int64_t count) {
        return count == grid_size(c.input, strides_of(c, kStrides)) ||
               count == grid_size(c.input, strides_of(c, kFourStrides));
    };
    if (is_grid(columns) || (columns == kOpen && rows > 0) ||
        (c.named && !is_grid(rows) && rows > 0 && rows < columns)) {
        auto layout =
            match(c, HeadKind::kYolov8, rows - 4, {*i}, "one column per cell, of box and classes");
        if (layout) layout->order = CellOrder::kColumns;
        return layout;
    }
    const bool said = c.known() > 0 ? columns == c.known() + 4 : columns == kCocoClasses + 4;
    if (!c.named && !(is_grid(rows) && said)) return {};
    return match(c, HeadKind::kYolov8, columns - 4, {*i}, "one row per cell, of box and classes");
}

/// Columns of a concatenated NanoDet row that are classes; 0 when it is none.
std::int64_t nanodet_classes(const Candidate& c, std::int64_t columns) {
    if (c.known() > 0) {
        const std::int64_t rest = columns - c.known();
        const bool fits = c.named ? rest >= 8 && rest % 4 == 0 : rest == kNanodetBins;
        return fits ? c.known() : 0;
    }
    return columns - kNanodetBins;
}

Match nanodet_concatenated(const Candidate& c) {
    auto i = only_output(c, 2);
    if (!i) return {};
    const std::int64_t rows = c.shape(*i)[0];
    const std::int64_t columns = c.shape(*i)[1];
    std::vector<int> strides = strides_of(c, kFourStrides);
    if (rows != grid_size(c.input, strides) || !c.options.strides.empty()) {
        strides = strides_of(c, kStrides);
        if (rows != grid_size(c.input, strides)) return {};
        const bool usual =
            c.known() > 0 ? columns != c.known() + 5 : columns == kCocoClasses + kNanodetBins;
        if (!c.named && !usual) return {};
    }
    auto layout = match(c,
                        HeadKind::kNanodet,
                        nanodet_classes(c, columns),
                        {*i},
                        "one row per cell, of classes and distance distributions");
    if (!layout) return {};
    layout->options.strides = strides;
    set_activation(*layout, ScoreActivation::kNone);
    return layout;
}

Match yolox(const Candidate& c) {
    auto i = only_output(c, 2);
    if (!i) return {};
    std::vector<int> strides = strides_of(c, kStrides);
    const std::int64_t rows = c.shape(*i)[0];
    if (rows != grid_size(c.input, strides) && !(c.named && rows == kOpen)) return {};
    auto layout = match(c,
                        HeadKind::kYolox,
                        c.shape(*i)[1] - 5,
                        {*i},
                        "one row per cell, of box, objectness and classes");
    if (layout) layout->options.strides = strides;
    return layout;
}

Match detr(const Candidate& c) {
    if (c.outputs.empty() || c.outputs.size() > 2) return {};
    std::size_t boxes = 0;
    if (c.outputs.size() == 2 && c.shape(0).size() == 2 && c.shape(1).size() == 2) {
        boxes = c.shape(0)[1] == 4 && !(c.shape(1)[1] == 4 && c.name_has(1, "box")) ? 0 : 1;
        if (c.shape(boxes)[1] != 4) return {};
    }
    const std::size_t scores = c.outputs.size() - 1 - boxes;
    if (c.shape(boxes).size() != 2 || c.shape(scores).size() != 2) return {};
    if (c.shape(boxes)[0] != c.shape(scores)[0]) return {};
    if (!c.named && c.shape(boxes)[0] > kMostQueries) return {};

    const bool single = c.outputs.size() == 1;
    const std::int64_t columns = c.shape(scores)[1] - (single ? 4 : 0);
    ScoreActivation activation = ScoreActivation::kSigmoid;
    if (single || c.name_has(scores, "score") || c.name_has(scores, "prob")) {
        activation = ScoreActivation::kNone;
    } else if (columns == kSsdClasses + 1 || (c.known() > 0 && columns == c.known() + 1)) {
        activation = ScoreActivation::kSoftmax;  // with "no object"
    }
    if (c.options.score_activation != ScoreActivation::kAuto)
        activation = c.options.score_activation;
    auto layout = match(c,
                        HeadKind::kDetr,
                        columns - (activation == ScoreActivation::kSoftmax ? 1 : 0),
                        single ? std::vector<std::size_t>{0} : std::vector{boxes, scores},
                        "boxes and class scores of a few hundred queries");
    if (!layout) return {};
    set_boxes(*layout, BoxLayout::kCxcywh, BoxUnit::kNormalized);
    set_activation(*layout, activation);
    return layout;
}

/// Boxes, scores, classes and perhaps their number, told apart by name.
Match ssd(const Candidate& c) {
    if (c.outputs.size() < 3 || c.outputs.size() > 4) return {};
    constexpr std::size_t kNone = 99;
    std::size_t boxes = kNone, scores = kNone, classes = kNone, count = kNone;
    const bool tflite = c.name_has(0, "detection_postprocess");  // always in this order
    for (std::size_t i = 0; i < c.outputs.size(); ++i) {
        const Shape shape = c.shape(i);
        if (shape.size() == 2 && shape[1] == 4) {
            boxes = i;
        } else if (shape.empty() || (shape.size() == 1 && shape[0] == 1 && c.outputs.size() == 4)) {
            count = i;
        } else if (shape.size() != 1) {
            return {};
        } else if (c.name_has(i, "class") || c.name_has(i, "label") || (tflite && i == 1)) {
            classes = i;
        } else if (c.name_has(i, "score") || c.name_has(i, "conf") || (tflite && i == 2)) {
            scores = i;
        }
    }
    if (boxes == kNone || scores == kNone || classes == kNone) return {};
    std::vector<std::size_t> parts{boxes, scores, classes};
    if (count != kNone) parts.push_back(count);
    auto layout = match(c,
                        HeadKind::kSsd,
                        c.known() > 0 ? c.known() : kSsdClasses,
                        std::move(parts),
                        "lists of boxes, scores and classes");
    // RT-DETR's and torchvision's exports call their classes labels, and mean pixels.
    const bool pixels = c.name_has(classes, "label");
    set_boxes(*layout,
              pixels ? BoxLayout::kXyxy : BoxLayout::kYxyx,
              pixels ? BoxUnit::kPixels : BoxUnit::kNormalized);
    return layout;
}

Match detection_output(const Candidate& c) {
    if (c.outputs.size() != 1 || c.shape(0).size() != 3) return {};
    if (c.shape(0)[0] != 1 || c.shape(0)[2] != 7) return {};
    auto layout = match(c,
                        HeadKind::kDetectionOutput,
                        c.known() > 0 ? c.known() : kSsdClasses,
                        {0},
                        "rows of seven: image class score x1 y1 x2 y2");
    set_boxes(*layout, BoxLayout::kXyxy, BoxUnit::kNormalized);
    return layout;
}

Match fastestdet(const Candidate& c) {
    if (c.outputs.size() != 1 || c.shape(0).size() != 3) return {};
    const Shape shape = c.shape(0);
    const bool stride_16 = shape[2] * 16 == c.input.width && shape[1] * 16 == c.input.height;
    if (!c.named && !stride_16) return {};
    return match(
        c, HeadKind::kFastestdet, shape[0] - 5, {0}, "one grid of objectness, box and classes");
}

std::vector<std::size_t> all_parts(const Candidate& c) {
    std::vector<std::size_t> parts(c.outputs.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
        parts[i] = i;
    return parts;
}

HeadLayout pass_through(const Candidate& c, HeadKind kind, std::string reason) {
    HeadLayout layout;
    layout.options = c.options;
    layout.options.head = kind;
    layout.parts = all_parts(c);
    layout.input = c.input;
    layout.reason = std::move(reason);
    return layout;
}

Match vectors(const Candidate& c) {
    if (c.outputs.empty()) return {};
    for (std::size_t i = 0; i < c.outputs.size(); ++i) {
        const Shape shape = c.shape(i);
        if (shape.empty() || std::any_of(shape.begin() + 1, shape.end(), [](std::int64_t extent) {
                return extent != 1;
            }))
            return {};
    }
    // Labels of another number than the vector's are the classifier's error to tell.
    const bool classifier = c.outputs.size() > 1 || c.shape(0)[0] == 1000 || c.known() > 0;
    const HeadKind kind = c.named      ? c.options.head
                          : classifier ? HeadKind::kClassifier
                                       : HeadKind::kTensors;
    return pass_through(c,
                        kind,
                        kind == HeadKind::kClassifier ? "vectors of class probabilities"
                                                      : "a vector without labels");
}

Match centernet(const Candidate& c) {
    if (c.outputs.size() < 2 || c.outputs.size() > 3 || vectors(c)) return {};
    constexpr std::size_t kNone = 99;
    std::size_t heat = kNone, size = kNone, offset = kNone;
    for (std::size_t i = 0; i < c.outputs.size(); ++i) {
        const Shape shape = c.shape(i);
        if (shape.size() != 3 || shape[1] != c.shape(0)[1] || shape[2] != c.shape(0)[2]) return {};
        const bool may_be_heat = c.known() == 0 || shape[0] == c.known();
        const bool heat_name = c.name_has(i, "hm") || c.name_has(i, "heat") ||
                               c.name_has(i, "keypoint") || c.name_has(i, "cls");
        const bool size_name =
            c.name_has(i, "wh") || c.name_has(i, "size") || c.name_has(i, "ltrb");
        if (heat_name || (may_be_heat && shape[0] != 2 && shape[0] != 4 && !size_name)) {
            heat = i;
        } else if (size_name || shape[0] == 4 || (size == kNone && c.outputs.size() == 2)) {
            size = i;
        } else {
            offset = i;
        }
    }
    if (heat == kNone || size == kNone || (c.outputs.size() == 3 && offset == kNone)) return {};
    if (c.shape(size)[0] != 2 && c.shape(size)[0] != 4) return {};
    if (offset != kNone && c.shape(offset)[0] != 2) return {};
    std::vector<std::size_t> parts{heat, size};
    if (offset != kNone) parts.push_back(offset);
    auto layout =
        match(c, HeadKind::kCenternet, c.shape(heat)[0], std::move(parts), "heat map and size map");
    if (!layout) return {};
    set_activation(*layout,
                   c.name_has(heat, "logit") ? ScoreActivation::kSigmoid : ScoreActivation::kNone);
    return layout;
}

/// Finds the pair of outputs with one row per cell of a stride.
std::optional<std::array<std::size_t, 2>> nanodet_pair(const Candidate& c, int stride) {
    const std::int64_t rows = grid_size(c.input, std::span(&stride, 1));
    std::vector<std::size_t> pair;
    for (std::size_t i = 0; i < c.outputs.size(); ++i) {
        if (c.shape(i).size() == 2 && c.shape(i)[0] == rows) pair.push_back(i);
    }
    if (pair.size() != 2) return {};
    auto is_distance = [&](std::size_t i) {
        return c.name_has(i, "dis") || c.name_has(i, "reg") || c.name_has(i, "box");
    };
    auto is_scores = [&](std::size_t i) {
        return c.known() > 0 ? c.shape(i)[1] == c.known() : c.shape(i)[1] != kNanodetBins;
    };
    if (is_distance(pair[0]) || (!is_distance(pair[1]) && !is_scores(pair[0])))
        std::swap(pair[0], pair[1]);
    return std::array{pair[0], pair[1]};
}

Match nanodet_levels(const Candidate& c) {
    if (c.outputs.size() % 2 != 0 || c.outputs.size() < 4) return {};
    std::vector<int> strides =
        c.outputs.size() == 8 ? strides_of(c, kFourStrides) : strides_of(c, kStrides);
    if (strides.size() * 2 != c.outputs.size()) return {};
    std::vector<std::size_t> parts;
    for (int stride : strides) {
        auto pair = nanodet_pair(c, stride);
        if (!pair) return {};
        parts.insert(parts.end(), pair->begin(), pair->end());
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::int64_t columns = c.shape(parts[i])[1];
        if (columns != c.shape(parts[i % 2])[1]) return {};
        if (i % 2 == 1 && (columns % 4 != 0 || columns < 8)) return {};
    }
    auto layout = match(c,
                        HeadKind::kNanodet,
                        c.shape(parts[0])[1],
                        parts,
                        "class scores and distance distributions per stride");
    if (!layout) return {};
    layout->options.strides = strides;
    set_activation(*layout, ScoreActivation::kNone);
    return layout;
}

Match nanodet(const Candidate& c) {
    auto layout = nanodet_concatenated(c);
    return layout ? layout : nanodet_levels(c);
}

struct Rule {
    HeadKind kind;
    Match (*fit)(const Candidate&);
};
constexpr std::array kRules{
    Rule{HeadKind::kEndToEnd, end_to_end},
    Rule{HeadKind::kYolov5, yolov5},
    Rule{HeadKind::kYolov8, yolov8},
    Rule{HeadKind::kNanodet, nanodet},
    Rule{HeadKind::kYolox, yolox},
    Rule{HeadKind::kDetr, detr},
    Rule{HeadKind::kDetectionOutput, detection_output},
    Rule{HeadKind::kFastestdet, fastestdet},
    Rule{HeadKind::kSsd, ssd},
    Rule{HeadKind::kCenternet, centernet},
    Rule{HeadKind::kClassifier, vectors},
};

std::string listing(std::span<const TensorSpec> outputs) {
    std::string text;
    for (const TensorSpec& output : outputs) {
        if (!text.empty()) text += ", ";
        text += fmt::format("'{}' ", output.name);
        for (std::size_t i = 0; i < output.shape.size(); ++i) {
            if (i > 0) text += 'x';
            text += output.shape[i] < 0 ? "?" : fmt::format("{}", output.shape[i]);
        }
    }
    return text.empty() ? "none" : text;
}

std::string remedy() {
    std::string names;
    for (const auto& [word, kind] : enum_words<HeadKind>) {
        if (kind != HeadKind::kAuto && kind != HeadKind::kCustom)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", word);
    }
    return fmt::format(
        "name one in the model's file ('head: ' {}; perhaps with num-detected-classes, strides, "
        "box-layout, box-unit, score-activation), or decode the outputs with a parser of your own "
        "(custom-lib-path and parse-bbox-func-name; see infer/parser_abi.h)",
        names);
}

Result<HeadLayout> recognise_named(const Candidate& c) {
    if (c.options.head == HeadKind::kCustom || c.options.head == HeadKind::kTensors) {
        HeadLayout layout = pass_through(c, c.options.head, "named");
        const bool parser = c.options.head == HeadKind::kCustom;
        if (parser && c.known() == 0) layout.options.num_detected_classes = kCocoClasses;
        return layout;
    }
    for (const Rule& rule : kRules) {
        if (rule.kind != c.options.head) continue;
        if (auto layout = rule.fit(c)) {
            layout->reason = "named";
            return *layout;
        }
    }
    return unsupported(
        fmt::format("the head '{}' does not fit the outputs {} of a network with an "
                    "input of {}x{}; {}",
                    to_text(c.options.head),
                    listing(c.outputs),
                    c.input.width,
                    c.input.height,
                    remedy()));
}

}  // namespace

Result<HeadLayout> recognise(std::span<const TensorSpec> outputs,
                             memory::Size input,
                             const HeadOptions& options) {
    Candidate candidate{outputs, input, options, options.head != HeadKind::kAuto};
    for (int stride : options.strides) {
        if (stride < 1) return invalid_argument("option 'strides': a stride is at least 1");
    }
    const bool parser = !options.custom_lib_path.empty() || !options.parse_bbox_func_name.empty();
    if (parser && !candidate.named) {
        candidate.options.head = HeadKind::kCustom;
        candidate.named = true;
    }
    if (candidate.named) return recognise_named(candidate);
    for (const Rule& rule : kRules) {
        if (auto layout = rule.fit(candidate)) return *layout;
    }
    return unsupported(
        fmt::format("the outputs {} fit no head that is known; {}", listing(outputs), remedy()));
}

}  // namespace sluice::infer
