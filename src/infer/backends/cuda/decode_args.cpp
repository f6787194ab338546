#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sluice/infer/backends/cuda/detector.h"
#include "sluice/infer/heads/decode.h"

// Each function is the counterpart of a head in infer/heads/, which says what the numbers mean.
namespace sluice::infer::cuda {
namespace {

using Shape = std::span<const std::int64_t>;

struct Outputs {
    std::span<const TensorSpec> specs;
    const HeadLayout& layout;
    float lowest;

    /// Extents of a part without the batch.
    Shape shape(std::size_t part) const {
        const TensorSpec& spec = specs[layout.parts[part]];
        return {spec.shape.data() + 1, spec.shape.size() - 1};
    }
    /// -1: any extent.
    bool has(std::size_t part, std::initializer_list<std::int64_t> wanted) const {
        const Shape actual = shape(part);
        return std::equal(
            actual.begin(), actual.end(), wanted.begin(), wanted.end(), [](auto is, auto want) {
                return is > 0 && (want < 0 || is == want);
            });
    }
    /// From number `offset` of a part on, a cell every `cell_pitch`, its numbers every `step`.
    Source source(std::size_t part,
                  std::int64_t offset,
                  std::int64_t cell_pitch,
                  std::int64_t step = 1) const {
        Source source;
        source.part = static_cast<int>(layout.parts[part]);
        source.offset = static_cast<int>(offset);
        source.cell_pitch = static_cast<int>(cell_pitch);
        source.step = static_cast<int>(step);
        source.item_pitch = 1;
        for (std::int64_t extent : shape(part))
            source.item_pitch *= extent;
        return source;
    }
};

Error misfit() {
    return unsupported("the device does not decode outputs of this shape");
}

void read_numbers(const HeadLayout& layout, DecodeArgs& args) {
    const HeadOptions& options = layout.options;
    args.box = options.box_layout == BoxLayout::kCxcywh ? BoxForm::kCxcywh
               : options.box_layout == BoxLayout::kYxyx ? BoxForm::kYxyx
                                                        : BoxForm::kXyxy;
    if (options.box_unit != BoxUnit::kNormalized) return;
    args.scale_x = static_cast<float>(layout.input.width);
    args.scale_y = static_cast<float>(layout.input.height);
}

/// One level for each stride, the sources of which `of(level, first)` gives.
template <class Of>
Result<void> set_grids(const HeadLayout& layout, DecodeArgs& args, Of&& of) {
    const std::vector<int>& strides = layout.options.strides;
    if (strides.empty() || strides.size() > kMostLevels) return misfit();
    args.levels = static_cast<int>(strides.size());
    args.cells = 0;
    for (std::size_t i = 0; i < strides.size(); ++i) {
        args.level[i] = of(i, args.cells);
        args.level[i].first = args.cells;
        args.level[i].columns = (layout.input.width + strides[i] - 1) / strides[i];
        args.level[i].stride = static_cast<float>(strides[i]);
        args.cells += static_cast<int>(heads::grid_size(layout.input, std::span(&strides[i], 1)));
    }
    return {};
}

Result<DecodeArgs> yolo_rows(const Outputs& outputs) {
    const std::int64_t width = outputs.layout.classes() + 5;
    if (!outputs.has(0, {-1, width})) return misfit();
    DecodeArgs args;
    args.has_objectness = true;
    args.lowest = outputs.lowest;
    args.cells = static_cast<int>(outputs.shape(0)[0]);
    auto level = [&](std::size_t, std::int64_t first) {
        Level rows;
        rows.scores = outputs.source(0, first * width + 5, width);
        rows.boxes = outputs.source(0, first * width, width);
        return rows;
    };
    args.level[0] = level(0, 0);
    if (outputs.layout.kind() != HeadKind::kYolox) return args;
    args.box = BoxForm::kYolox;
    const int rows = args.cells;
    SLUICE_TRY(set_grids(outputs.layout, args, level));
    if (args.cells != rows) return misfit();
    return args;
}

Result<DecodeArgs> yolov8(const Outputs& outputs) {
    const std::int64_t width = outputs.layout.classes() + 4;
    const bool rows = outputs.layout.order == CellOrder::kRows;
    if (!(rows ? outputs.has(0, {-1, width}) : outputs.has(0, {width, -1}))) return misfit();
    const std::int64_t cells = outputs.shape(0)[rows ? 0 : 1];
    DecodeArgs args;
    args.form = rows ? CellForm::kRows : CellForm::kColumns;
    args.lowest = outputs.lowest;
    args.cells = static_cast<int>(cells);
    args.level[0].boxes = rows ? outputs.source(0, 0, width) : outputs.source(0, 0, 1, cells);
    args.level[0].scores =
        rows ? outputs.source(0, 4, width) : outputs.source(0, 4 * cells, 1, cells);
    return args;
}

Result<DecodeArgs> end_to_end(const Outputs& outputs) {
    if (!outputs.has(0, {-1, 6})) return misfit();
    DecodeArgs args;
    args.form = CellForm::kList;
    read_numbers(outputs.layout, args);
    args.lowest = outputs.lowest;
    args.cells = static_cast<int>(outputs.shape(0)[0]);
    args.level[0].boxes = outputs.source(0, 0, 6);
    args.level[0].scores = outputs.source(0, 4, 6);
    args.class_numbers = outputs.source(0, 5, 6);
    return args;
}

Result<DecodeArgs> ssd(const Outputs& outputs) {
    if (!outputs.has(0, {-1, 4})) return misfit();
    const std::int64_t cells = outputs.shape(0)[0];
    if (!outputs.has(1, {cells}) || !outputs.has(2, {cells})) return misfit();
    DecodeArgs args;
    args.form = CellForm::kList;
    read_numbers(outputs.layout, args);
    args.lowest = outputs.lowest;
    args.cells = static_cast<int>(cells);
    args.level[0].boxes = outputs.source(0, 0, 4);
    args.level[0].scores = outputs.source(1, 0, 1);
    args.class_numbers = outputs.source(2, 0, 1);
    if (outputs.layout.parts.size() < 4) return args;
    if (!outputs.has(3, {}) && !outputs.has(3, {1})) return misfit();
    args.list_length = outputs.source(3, 0, 1);
    return args;
}

Result<DecodeArgs> detr(const Outputs& outputs) {
    const ScoreActivation activation = outputs.layout.options.score_activation;
    const bool single = outputs.layout.parts.size() == 1;
    const std::size_t last = single ? 0 : 1;
    const std::int64_t width = outputs.layout.classes() + (single ? 4 : 0) +
                               (activation == ScoreActivation::kSoftmax ? 1 : 0);
    if (!outputs.has(last, {-1, width})) return misfit();
    const std::int64_t cells = outputs.shape(last)[0];
    if (!single && !outputs.has(0, {cells, 4})) return misfit();
    DecodeArgs args;
    read_numbers(outputs.layout, args);
    args.score = activation == ScoreActivation::kSigmoid   ? ScoreForm::kSigmoid
                 : activation == ScoreActivation::kSoftmax ? ScoreForm::kSoftmax
                                                           : ScoreForm::kPlain;
    args.lowest = -std::numeric_limits<float>::infinity();
    args.cells = static_cast<int>(cells);
    args.level[0].boxes = outputs.source(0, 0, single ? width : 4);
    args.level[0].scores = outputs.source(last, single ? 4 : 0, width);
    return args;
}

/// Thresholds of peaks are compared before the sigmoid (Detector::create).
Result<DecodeArgs> centernet(const Outputs& outputs) {
    if (!outputs.has(0, {outputs.layout.classes(), -1, -1})) return misfit();
    const Shape heat = outputs.shape(0);
    const std::int64_t plane = heat[1] * heat[2];
    const bool edges = outputs.has(1, {4, heat[1], heat[2]});
    if (!edges && !outputs.has(1, {2, heat[1], heat[2]})) return misfit();
    DecodeArgs args;
    args.form = CellForm::kPeaks;
    args.box = edges ? BoxForm::kCenterEdges : BoxForm::kCenterSize;
    if (outputs.layout.options.score_activation == ScoreActivation::kSigmoid)
        args.score = ScoreForm::kSigmoid;
    args.map_height = static_cast<int>(heat[1]);
    args.map_width = static_cast<int>(heat[2]);
    args.scale_x = static_cast<float>(outputs.layout.input.width);
    args.scale_y = static_cast<float>(outputs.layout.input.height);
    args.cells = static_cast<int>(heat[0] * plane);
    args.level[0].scores = outputs.source(0, 0, 1);
    args.level[0].boxes = outputs.source(1, 0, 1, plane);
    if (outputs.layout.parts.size() < 3) return args;
    if (!outputs.has(2, {2, heat[1], heat[2]})) return misfit();
    args.offsets = outputs.source(2, 0, 1, plane);
    return args;
}

Result<DecodeArgs> fastestdet(const Outputs& outputs) {
    if (!outputs.has(0, {outputs.layout.classes() + 5, -1, -1})) return misfit();
    const Shape shape = outputs.shape(0);
    const std::int64_t cells = shape[1] * shape[2];
    DecodeArgs args;
    args.form = CellForm::kColumns;
    args.box = BoxForm::kFastestdet;
    args.score = ScoreForm::kFastestdet;
    args.has_objectness = true;
    args.lowest = 0.9999f * std::pow(outputs.lowest, 1 / 0.6f);
    args.map_height = static_cast<int>(shape[1]);
    args.map_width = args.level[0].columns = static_cast<int>(shape[2]);
    args.scale_x = static_cast<float>(outputs.layout.input.width);
    args.scale_y = static_cast<float>(outputs.layout.input.height);
    args.cells = static_cast<int>(cells);
    args.level[0].boxes = outputs.source(0, cells, 1, cells);
    args.level[0].scores = outputs.source(0, 5 * cells, 1, cells);
    return args;
}

Result<DecodeArgs> nanodet(const Outputs& outputs) {
    const HeadLayout& layout = outputs.layout;
    const std::int64_t classes = layout.classes();
    const bool joined = layout.parts.size() == 1;
    DecodeArgs args;
    args.box = BoxForm::kDistances;
    args.lowest = outputs.lowest;
    if (layout.options.score_activation == ScoreActivation::kSigmoid) {
        args.score = ScoreForm::kSigmoid;
        args.lowest = heads::logit(std::min(outputs.lowest, 1.f));
    }
    args.origin = layout.options.strides.size() == 4 ? 0.f : 0.5f;
    if (!joined && layout.parts.size() != 2 * layout.options.strides.size()) return misfit();
    // Rows of scores and of distances; the latter's width is the last extent, less the classes
    // where both are in one row.
    const Shape distances = outputs.shape(joined ? 0 : 1);
    if (distances.size() != 2) return misfit();
    const std::int64_t width = distances[1];
    args.bins = static_cast<int>((joined ? width - classes : width) / 4);
    if (args.bins < 2) return misfit();
    SLUICE_TRY(set_grids(layout, args, [&](std::size_t i, std::int64_t first) {
        Level level;
        level.scores =
            joined ? outputs.source(0, first * width, width) : outputs.source(2 * i, 0, classes);
        level.boxes = joined ? outputs.source(0, first * width + classes, width)
                             : outputs.source(2 * i + 1, 0, width);
        return level;
    }));
    if (joined && !outputs.has(0, {args.cells, width})) return misfit();
    for (std::size_t i = 0; !joined && i < layout.options.strides.size(); ++i) {
        const std::int64_t rows =
            heads::grid_size(layout.input, std::span(&layout.options.strides[i], 1));
        if (!outputs.has(2 * i, {rows, classes}) || !outputs.has(2 * i + 1, {rows, width}))
            return misfit();
    }
    return args;
}

Result<DecodeArgs> by_kind(const Outputs& outputs) {
    switch (outputs.layout.kind()) {
        case HeadKind::kYolox:
        case HeadKind::kYolov5:
            return yolo_rows(outputs);
        case HeadKind::kYolov8:
            return yolov8(outputs);
        case HeadKind::kEndToEnd:
            return end_to_end(outputs);
        case HeadKind::kDetr:
            return detr(outputs);
        case HeadKind::kSsd:
            return ssd(outputs);
        case HeadKind::kCenternet:
            return centernet(outputs);
        case HeadKind::kNanodet:
            return nanodet(outputs);
        case HeadKind::kFastestdet:
            return fastestdet(outputs);
        default:
            return unsupported("the device does not decode the head " +
                               to_text(outputs.layout.kind()));
    }
}

}  // namespace

Result<DecodeArgs> decode_args(std::span<const TensorSpec> outputs,
                               const HeadLayout& layout,
                               float lowest_threshold) {
    if (outputs.size() > kMostParts) return misfit();
    for (const TensorSpec& spec : outputs) {
        if (spec.type != memory::ElementType::kF32 || spec.shape.empty() ||
            memory::element_count(spec.shape) > std::numeric_limits<int>::max())
            return misfit();
    }
    DecodeArgs args = SLUICE_TRY(by_kind({outputs, layout, lowest_threshold}));
    args.classes = layout.classes();
    if (std::int64_t{args.cells} * args.classes > std::numeric_limits<std::uint32_t>::max())
        return misfit();  // FoundBox::id
    return args;
}

}  // namespace sluice::infer::cuda
