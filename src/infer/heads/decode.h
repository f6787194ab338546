#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sluice/infer/heads/head.h"

/// What the heads share; private to this folder.
namespace sluice::infer::heads {

/// One item of one output: dense floats and their extents, the batch left out.
struct Item {
    const float* data = nullptr;
    std::span<const std::int64_t> shape;
};

/// The item of output `part` when it is f32 and has the extents `shape` (-1: any); else kCorrupt.
Result<Item> item_of(const HeadInput& input, std::size_t part, std::span<const std::int64_t> shape);

/// The `count` numbers of an item, whatever its extents; else kCorrupt.
Result<const float*> item_vector(const HeadInput& input, std::size_t part, std::size_t count);

/// Where a grid cell's box is measured from.
struct GridPoint {
    float x;
    float y;
    float stride;
};
/// All cells of all grids, finest first, row by row: (column + offset) * stride.
std::vector<GridPoint> grid_points(memory::Size input,
                                   std::span<const int> strides,
                                   float offset = 0);
/// How many cells that is; a grid covers the input, so extents round up.
std::int64_t grid_size(memory::Size input, std::span<const int> strides);

float sigmoid(float x);
/// The x with sigmoid(x) = p, so that thresholds can be compared before the exponential.
float logit(float p);

/// A box by four numbers in some layout and unit as one by edges in pixels.
class BoxReader {
public:
    BoxReader(BoxLayout layout, BoxUnit unit, memory::Size input);
    meta::PixelBox operator()(float a, float b, float c, float d) const;

private:
    BoxLayout layout_;
    float scale_x_ = 1;
    float scale_y_ = 1;
};

inline meta::PixelBox centered(float cx, float cy, float width, float height) {
    return {cx - width / 2, cy - height / 2, width, height};
}
inline meta::PixelBox from_edges(float left, float top, float right, float bottom) {
    return {left, top, right - left, bottom - top};
}

/// Appends the box unless it is not finite or has a negative extent.
void add(std::vector<meta::Detection>& found,
         const meta::PixelBox& box,
         float score,
         std::size_t class_id);

inline bool passes(const ScoreThresholds& thresholds, float score, std::size_t class_id) {
    return score >= thresholds.by_class[class_id];
}

std::unique_ptr<Head> create_yolo_rows(const HeadLayout& layout);  // yolox, yolov5
std::unique_ptr<Head> create_yolov8(const HeadLayout& layout);     // yolov8
std::unique_ptr<Head> create_end_to_end(const HeadLayout& layout);
std::unique_ptr<Head> create_detr(const HeadLayout& layout);
std::unique_ptr<Head> create_ssd(const HeadLayout& layout);
std::unique_ptr<Head> create_detection_output(const HeadLayout& layout);
std::unique_ptr<Head> create_centernet(std::span<const TensorSpec> outputs,
                                       const HeadLayout& layout);
std::unique_ptr<Head> create_nanodet(const HeadLayout& layout);
std::unique_ptr<Head> create_fastestdet(const HeadLayout& layout);
Result<std::unique_ptr<Head>> create_custom(std::span<const TensorSpec> outputs,
                                            const HeadLayout& layout);

}  // namespace sluice::infer::heads
