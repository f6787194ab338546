#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/fields.h"
#include "sluice/infer/engine.h"
#include "sluice/memory/image.h"
#include "sluice/memory/tensor.h"
#include "sluice/meta/object.h"

namespace sluice::infer {

/// What the outputs of a network mean. The families and their shapes: heads/recognise.cpp.
enum class HeadKind {
    kAuto,
    kYolox,            ///< N x (5+C), raw: dx dy log-w log-h objectness classes
    kYolov5,           ///< N x (5+C), decoded: cx cy w h objectness classes (v5, v6, v7)
    kYolov8,           ///< (4+C) x N, decoded: cx cy w h classes (v8, v9, 11, 12), or N x (4+C)
    kEndToEnd,         ///< N x 6: x1 y1 x2 y2 score class (YOLOv10, exports of DeepStream-Yolo)
    kDetr,             ///< Q x 4 boxes and Q x C scores (DETR, RT-DETR, D-FINE)
    kSsd,              ///< boxes, scores, classes and perhaps their number, each an output
    kDetectionOutput,  ///< 1 x 1 x N x 7: image class score x1 y1 x2 y2 (OpenVINO, Caffe SSD)
    kCenternet,        ///< heat map, size map, perhaps offset map
    kNanodet,          ///< class scores and distance distributions, one per stride or concatenated
    kFastestdet,       ///< (5+C) x H x W: objectness dx dy w h classes
    kClassifier,       ///< one vector of class probabilities per output
    kTensors,          ///< nothing that we decode: embeddings and the user's own
    kCustom,           ///< decoded by a shared library
};

/// What has to be done to class outputs to make scores of them.
enum class ScoreActivation { kAuto, kNone, kSigmoid, kSoftmax };
/// Is one cell's data a row or a column of the output?
enum class CellOrder { kRows, kColumns };
enum class BoxLayout { kAuto, kCxcywh, kXyxy, kYxyx };
enum class BoxUnit { kAuto, kPixels, kNormalized };

struct HeadOptions {
    HeadKind head = HeadKind::kAuto;
    int num_detected_classes = 0;
    ScoreActivation score_activation = ScoreActivation::kAuto;
    BoxLayout box_layout = BoxLayout::kAuto;
    BoxUnit box_unit = BoxUnit::kAuto;
    std::vector<int> strides;
    std::string custom_lib_path;
    std::string parse_bbox_func_name;
};

/// A head as recognised: which output plays which part and every kAuto decided.
struct HeadLayout {
    HeadOptions options;             ///< .head and, where it has classes, .num_detected_classes set
    std::vector<std::size_t> parts;  ///< output indices in the order of the head's comment above
    CellOrder order = CellOrder::kRows;
    memory::Size input;  ///< of the network's image
    std::string reason;  ///< for people: what it was recognised by

    HeadKind kind() const { return options.head; }
    int classes() const { return options.num_detected_classes; }
    bool detects() const { return kind() != HeadKind::kClassifier && kind() != HeadKind::kTensors; }
};

/// Recognises the head from names and shapes, or checks the named one against them. The class count
/// in `options` (0: unknown), best taken from the labels, decides between shapes that fit two. An
/// unknown head is kUnsupported: the message lists the outputs and says what to do.
Result<HeadLayout> recognise(std::span<const TensorSpec> outputs,
                             memory::Size input,
                             const HeadOptions& options);

/// Lowest scores worth reporting.
struct ScoreThresholds {
    float lowest = 0;                 ///< of all classes
    std::span<const float> by_class;  ///< one per class
};

/// Outputs of one batch, in the order of Engine::outputs(), and which item of it is meant.
struct HeadInput {
    std::span<const memory::TensorView> outputs;
    std::size_t item = 0;
    ScoreThresholds thresholds;
};

/// Turns outputs into boxes. Reentrant. Allocates nothing once its scratch has grown.
class Head {
public:
    virtual ~Head() = default;

    /// Appends boxes in pixels of the network's image, labels left empty, before any NMS. Boxes
    /// that are not finite are dropped. On failure (an output that is not as it was at recognition)
    /// `found` is as it was.
    virtual Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) = 0;
};

/// kInvalidArgument for layouts that do not detect; for kCustom also what loading the library
/// gives.
Result<std::unique_ptr<Head>> create_head(std::span<const TensorSpec> outputs,
                                          const HeadLayout& layout);

}  // namespace sluice::infer

namespace sluice {

template <>
inline constexpr auto enum_words<infer::HeadKind> =
    std::to_array<std::pair<std::string_view, infer::HeadKind>>({
        {"auto", infer::HeadKind::kAuto},
        {"yolox", infer::HeadKind::kYolox},
        {"yolov5", infer::HeadKind::kYolov5},
        {"yolov8", infer::HeadKind::kYolov8},
        {"end-to-end", infer::HeadKind::kEndToEnd},
        {"detr", infer::HeadKind::kDetr},
        {"ssd", infer::HeadKind::kSsd},
        {"detection-output", infer::HeadKind::kDetectionOutput},
        {"centernet", infer::HeadKind::kCenternet},
        {"nanodet", infer::HeadKind::kNanodet},
        {"fastestdet", infer::HeadKind::kFastestdet},
        {"classifier", infer::HeadKind::kClassifier},
        {"tensors", infer::HeadKind::kTensors},
        {"custom", infer::HeadKind::kCustom},
    });
template <>
inline constexpr auto enum_words<infer::ScoreActivation> =
    std::to_array<std::pair<std::string_view, infer::ScoreActivation>>({
        {"auto", infer::ScoreActivation::kAuto},
        {"none", infer::ScoreActivation::kNone},
        {"sigmoid", infer::ScoreActivation::kSigmoid},
        {"softmax", infer::ScoreActivation::kSoftmax},
    });
template <>
inline constexpr auto enum_words<infer::BoxLayout> =
    std::to_array<std::pair<std::string_view, infer::BoxLayout>>({
        {"auto", infer::BoxLayout::kAuto},
        {"cxcywh", infer::BoxLayout::kCxcywh},
        {"xyxy", infer::BoxLayout::kXyxy},
        {"yxyx", infer::BoxLayout::kYxyx},
    });
template <>
inline constexpr auto enum_words<infer::BoxUnit> =
    std::to_array<std::pair<std::string_view, infer::BoxUnit>>({
        {"auto", infer::BoxUnit::kAuto},
        {"pixels", infer::BoxUnit::kPixels},
        {"normalized", infer::BoxUnit::kNormalized},
    });

template <>
inline constexpr auto fields<infer::HeadOptions> = field_table(
    field("head", &infer::HeadOptions::head, "what the network's outputs mean"),
    field("num-detected-classes",
          &infer::HeadOptions::num_detected_classes,
          range(0, 100'000),
          "classes of the network; 0: from the labels and the outputs"),
    field("score-activation",
          &infer::HeadOptions::score_activation,
          "what makes scores of the class outputs: none, sigmoid or softmax"),
    field("box-layout",
          &infer::HeadOptions::box_layout,
          "order of a box's four numbers (heads end-to-end, detr, ssd)"),
    field("box-unit",
          &infer::HeadOptions::box_unit,
          "boxes in pixels of the network's image or as fractions of it (the same heads)"),
    field("strides", &infer::HeadOptions::strides, "strides of the grids, finest first"),
    field("custom-lib-path",
          &infer::HeadOptions::custom_lib_path,
          "shared library with a parser (infer/parser_abi.h), relative to the model's file"),
    field("parse-bbox-func-name",
          &infer::HeadOptions::parse_bbox_func_name,
          "the parser's function in that library"));

}  // namespace sluice
