#include "sluice/infer/backends/cuda/detect.h"

// The heads' twins (infer/heads/): whatever decides over a box is computed as it is there, and in
// the same order. Compiled without fused multiply-adds for the same reason.
namespace sluice::infer::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarp = 32;
constexpr int kRowLanes = 8;  // threads that look at a row of classes together
constexpr int kRows = kWarp / kRowLanes;
constexpr unsigned kAll = 0xffffffffu;

struct Box {
    float left, top, width, height;
};

__device__ float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

__device__ Box centered(float cx, float cy, float width, float height) {
    return {cx - width / 2, cy - height / 2, width, height};
}
__device__ Box from_edges(float left, float top, float right, float bottom) {
    return {left, top, right - left, bottom - top};
}

__device__ const float* first_of(const DecodeArgs& args, const Source& from, int item, int cell) {
    return args.data[from.part] + from.offset + item * from.item_pitch +
           static_cast<long long>(cell) * from.cell_pitch;
}

__device__ const Level& level_of(const DecodeArgs& args, int cell) {
    int i = args.levels - 1;
    while (i > 0 && cell < args.level[i].first)
        --i;
    return args.level[i];
}

/// Generalized Focal Loss: an edge is the mean of a distribution over 0, 1, .. bins - 1.
__device__ float expectation(const float* logits, int bins) {
    float highest = logits[0];
    for (int i = 1; i < bins; ++i)
        highest = logits[i] > highest ? logits[i] : highest;
    float sum = 0;
    float weighted = 0;
    for (int i = 0; i < bins; ++i) {
        const float weight = expf(logits[i] - highest);
        sum += weight;
        weighted += weight * static_cast<float>(i);
    }
    return weighted / sum;
}

__device__ Box grid_box(const DecodeArgs& args, const Level& level, const float* p, int place) {
    const auto x = static_cast<float>(place % level.columns);
    const auto y = static_cast<float>(place / level.columns);
    const int step = level.boxes.step;
    if (args.box == BoxForm::kYolox) {
        return centered(p[0] * level.stride + x * level.stride,
                        p[step] * level.stride + y * level.stride,
                        expf(p[2 * step]) * level.stride,
                        expf(p[3 * step]) * level.stride);
    }
    if (args.box == BoxForm::kDistances) {
        float edge[4];
        for (int k = 0; k < 4; ++k)
            edge[k] = expectation(p + k * args.bins, args.bins) * level.stride;
        const float px = (x + args.origin) * level.stride;
        const float py = (y + args.origin) * level.stride;
        return from_edges(px - edge[0], py - edge[1], px + edge[2], py + edge[3]);
    }
    return centered((x + tanhf(p[0])) * (args.scale_x / static_cast<float>(args.map_width)),
                    (y + tanhf(p[step])) * (args.scale_y / static_cast<float>(args.map_height)),
                    sigmoid(p[2 * step]) * args.scale_x,
                    sigmoid(p[3 * step]) * args.scale_y);
}

/// Of the cell `place` of its level.
__device__ Box box_of(const DecodeArgs& args, const Level& level, int item, int place) {
    const float* p = first_of(args, level.boxes, item, place);
    const int step = level.boxes.step;
    Box box;
    switch (args.box) {
        case BoxForm::kCxcywh:
            box = centered(p[0], p[step], p[2 * step], p[3 * step]);
            break;
        case BoxForm::kXyxy:
            box = from_edges(p[0], p[step], p[2 * step], p[3 * step]);
            break;
        case BoxForm::kYxyx:
            box = from_edges(p[step], p[0], p[3 * step], p[2 * step]);
            break;
        default:
            return grid_box(args, level, p, place);
    }
    return {box.left * args.scale_x,
            box.top * args.scale_y,
            box.width * args.scale_x,
            box.height * args.scale_y};
}

/// The twin of heads::add.
__device__ void add(
    const Candidates& out, int item, int cell, const Box& box, float score, int class_id) {
    if (!isfinite(box.left + box.width) || !isfinite(box.top + box.height)) return;
    if (!isfinite(score) || box.width < 0 || box.height < 0) return;
    ItemState& state = out.items[item];
    const int place = atomicAdd(&state.candidates, 1);
    if (place >= out.capacity) {
        state.undecided = 1;
        return;
    }
    const long long at = static_cast<long long>(item) * out.capacity + place;
    const unsigned id = static_cast<unsigned>(cell) * out.classes + class_id;
    out.boxes[at] = {box.left, box.top, box.width, box.height, score, id};
}

struct Best {
    float value;
    int class_id;
};

/// The first largest of a row, by its threads.
__device__ Best best_of_row(const float* row, int count) {
    const int lane = threadIdx.x % kRowLanes;
    Best best{row[min(lane, count - 1)], min(lane, count - 1)};
#pragma unroll 4
    for (int i = lane + kRowLanes; i < count; i += kRowLanes) {
        const float value = row[i];
        if (value > best.value) best = {value, i};
    }
    for (int distance = kRowLanes / 2; distance > 0; distance /= 2) {
        const float value = __shfl_xor_sync(kAll, best.value, distance);
        const int class_id = __shfl_xor_sync(kAll, best.class_id, distance);
        if (value > best.value || (value == best.value && class_id < best.class_id))
            best = {value, class_id};
    }
    return best;
}

/// exp(best) over the sum of all exp, by its threads.
__device__ float softmax_of_row(const float* row, int count, float best) {
    float sum = 0;
    for (int i = threadIdx.x % kRowLanes; i < count; i += kRowLanes)
        sum += expf(row[i] - best);
    for (int distance = kRowLanes / 2; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(kAll, sum, distance);
    return 1 / sum;
}

__device__ float score_of(const DecodeArgs& args, float objectness, float value) {
    if (args.score == ScoreForm::kFastestdet) return powf(objectness, 0.6f) * powf(value, 0.4f);
    if (args.score == ScoreForm::kSigmoid) return sigmoid(value);
    return args.has_objectness ? objectness * value : value;
}

/// A thread has a cell; a warp looks at the classes of its cells, kRows at a time.
__global__ void decode_rows(const __grid_constant__ DecodeArgs args) {
    const int item = blockIdx.y;
    if (item >= *args.out.count) return;
    const int cell = blockIdx.x * kThreads + threadIdx.x;
    const bool exists = cell < args.cells;
    const Level& level = level_of(args, exists ? cell : args.cells - 1);
    const int place = (exists ? cell : args.cells - 1) - level.first;
    const float* row = first_of(args, level.scores, item, place);
    const float objectness = args.has_objectness ? row[-1] : 0;
    const bool worth = exists && (!args.has_objectness || objectness >= args.lowest);
    const bool softmax = args.score == ScoreForm::kSoftmax;
    const unsigned todo = __ballot_sync(kAll, worth);
    const int lane = threadIdx.x % kWarp;
    Best best{0, 0};
    float share = 0;
    for (int first = 0; first < kWarp; first += kRows) {
        if ((todo >> first & ((1u << kRows) - 1)) == 0) continue;
        const int whose = first + lane / kRowLanes;
        const auto* classes = reinterpret_cast<const float*>(
            __shfl_sync(kAll, reinterpret_cast<unsigned long long>(row), whose));
        const Best found = best_of_row(classes, (todo >> whose & 1) != 0 ? args.classes : 1);
        float found_share = 0;
        if (softmax)  // the last column is "no object"
            found_share = softmax_of_row(classes, args.classes + 1, found.value);
        const int teller = lane % kRows * kRowLanes;
        const float told_value = __shfl_sync(kAll, found.value, teller);
        const int told_class = __shfl_sync(kAll, found.class_id, teller);
        const float told_share = __shfl_sync(kAll, found_share, teller);
        if (lane / kRows != first / kRows) continue;
        best = {told_value, told_class};
        share = told_share;
    }
    if (!worth || (!args.has_objectness && !(best.value >= args.lowest))) return;
    const float score = softmax ? share : score_of(args, objectness, best.value);
    if (!(score >= args.thresholds[best.class_id])) return;
    add(args.out, item, cell, box_of(args, level, item, place), score, best.class_id);
}

__global__ void decode_columns(const __grid_constant__ DecodeArgs args) {
    const int item = blockIdx.y;
    if (item >= *args.out.count) return;
    const int cell = blockIdx.x * kThreads + threadIdx.x;
    if (cell >= args.cells) return;
    const Level& level = args.level[0];
    const float* boxes = first_of(args, level.boxes, item, cell);
    const float* scores = first_of(args, level.scores, item, cell);
    // Only FastestDet has one: before the box.
    const float objectness = args.has_objectness ? *(boxes - level.boxes.step) : 0;
    if (args.has_objectness && !(objectness >= args.lowest)) return;
    Best best{scores[0], 0};
#pragma unroll 8
    for (int i = 1; i < args.classes; ++i) {
        const float value = scores[static_cast<long long>(i) * level.scores.step];
        if (value > best.value) best = {value, i};
    }
    if (!args.has_objectness && !(best.value >= args.lowest)) return;
    const float score = score_of(args, objectness, best.value);
    if (!(score >= args.thresholds[best.class_id])) return;
    add(args.out, item, cell, box_of(args, level, item, cell), score, best.class_id);
}

__device__ int list_length(const DecodeArgs& args, int item) {
    if (args.list_length.part < 0) return args.cells;
    const float value = *first_of(args, args.list_length, item, 0);
    if (!(value >= 0)) return 0;
    return value < static_cast<float>(args.cells) ? static_cast<int>(value) : args.cells;
}

__global__ void decode_list(const __grid_constant__ DecodeArgs args) {
    const int item = blockIdx.y;
    if (item >= *args.out.count) return;
    const int cell = blockIdx.x * kThreads + threadIdx.x;
    if (cell >= args.cells || cell >= list_length(args, item)) return;
    const Level& level = args.level[0];
    const float score = *first_of(args, level.scores, item, cell);
    if (!(score >= args.lowest)) return;
    const float number = *first_of(args, args.class_numbers, item, cell);
    if (!(number >= 0 && number < static_cast<float>(args.classes))) {
        args.out.items[item].undecided = 1;
        return;
    }
    const int class_id = static_cast<int>(number);
    if (!(score >= args.thresholds[class_id])) return;
    add(args.out, item, cell, box_of(args, level, item, cell), score, class_id);
}

__device__ bool is_peak(const DecodeArgs& args, const float* map, int x, int y, float value) {
    for (int v = max(y - 1, 0); v <= min(y + 1, args.map_height - 1); ++v) {
        for (int u = max(x - 1, 0); u <= min(x + 1, args.map_width - 1); ++u) {
            if (map[v * args.map_width + u] > value) return false;
        }
    }
    return true;
}

__device__ Box peak_box(const DecodeArgs& args, int item, int x, int y) {
    const int place = y * args.map_width + x;
    const float step_x = args.scale_x / static_cast<float>(args.map_width);
    const float step_y = args.scale_y / static_cast<float>(args.map_height);
    auto cx = static_cast<float>(x);
    auto cy = static_cast<float>(y);
    if (args.offsets.part >= 0) {
        const float* offset = first_of(args, args.offsets, item, place);
        cx += offset[0];
        cy += offset[args.offsets.step];
    }
    cx *= step_x;
    cy *= step_y;
    const float* size = first_of(args, args.level[0].boxes, item, place);
    const int step = args.level[0].boxes.step;
    if (args.box == BoxForm::kCenterSize)
        return centered(cx, cy, size[0] * step_x, size[step] * step_y);
    return from_edges(cx - size[0], cy - size[step], cx + size[2 * step], cy + size[3 * step]);
}

/// A cell is class, row and column in one number.
__global__ void decode_peaks(const __grid_constant__ DecodeArgs args) {
    const int item = blockIdx.y;
    if (item >= *args.out.count) return;
    const int cell = blockIdx.x * kThreads + threadIdx.x;
    if (cell >= args.cells) return;
    const int plane = args.map_width * args.map_height;
    const int class_id = cell / plane;
    const int place = cell % plane;
    const float* map = first_of(args, args.level[0].scores, item, class_id * plane);
    const float value = map[place];
    if (!(value >= args.thresholds[class_id])) return;
    const int x = place % args.map_width;
    const int y = place / args.map_width;
    if (!is_peak(args, map, x, y, value)) return;
    const float score = args.score == ScoreForm::kSigmoid ? sigmoid(value) : value;
    add(args.out, item, cell, peak_box(args, item, x, y), score, class_id);
}

}  // namespace

void launch_decode(const DecodeArgs& args, int batch, cudaStream_t stream) {
    const dim3 grid((args.cells + kThreads - 1) / kThreads, batch);
    switch (args.form) {
        case CellForm::kRows:
            decode_rows<<<grid, kThreads, 0, stream>>>(args);
            break;
        case CellForm::kColumns:
            decode_columns<<<grid, kThreads, 0, stream>>>(args);
            break;
        case CellForm::kList:
            decode_list<<<grid, kThreads, 0, stream>>>(args);
            break;
        case CellForm::kPeaks:
            decode_peaks<<<grid, kThreads, 0, stream>>>(args);
            break;
    }
}

}  // namespace sluice::infer::cuda
