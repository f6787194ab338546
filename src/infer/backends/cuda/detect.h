#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

/// From raw outputs to boxes on the device: plain structs and launch functions. What is computed is
/// said by the heads (infer/heads/) and by Nms, and judged by them.
namespace sluice::infer::cuda {

inline constexpr int kMostParts = 16;
inline constexpr int kMostLevels = 8;
/// Of an item.
inline constexpr int kMostCandidates = 16384;

/// Where the numbers of a cell lie in an output: offset + item * item_pitch + cell * cell_pitch,
/// and from there one every `step`. In floats.
struct Source {
    int part = -1;  ///< the output; -1: none
    int offset = 0;
    int cell_pitch = 1;
    int step = 1;
    long long item_pitch = 0;
};

/// Cells from `first` on, in rows of a grid.
struct Level {
    Source scores;
    Source boxes;
    int first = 0;
    int columns = 1;
    float stride = 1;  ///< of the grid, in pixels
};

enum class CellForm : std::uint8_t {
    kRows,     ///< a cell's class scores lie side by side
    kColumns,  ///< a cell's class scores lie apart, those of neighbouring cells side by side
    kList,     ///< one score and one class number each
    kPeaks,    ///< a cell is a place in a class's heat map; objects are the local maxima
};
enum class BoxForm : std::uint8_t {
    kCxcywh,
    kXyxy,
    kYxyx,
    kYolox,
    kDistances,  ///< NanoDet's distributions
    kFastestdet,
    kCenterSize,  ///< of peaks
    kCenterEdges,
};
enum class ScoreForm : std::uint8_t { kPlain, kSigmoid, kSoftmax, kFastestdet };

struct alignas(8) FoundBox {
    float left;
    float top;
    float width;
    float height;
    float score;
    unsigned id;  ///< cell * classes + class; the cell decides among equal scores
};

/// Of one item of the batch; zero before a run.
struct ItemState {
    int candidates;  ///< how many were over the threshold, also where there was no room for them
    int undecided;   ///< not 0: too many candidates, or a class that there is not
    int meetings;    ///< candidates that make a pair with another that is taken at random
};

/// Of one item, after a run.
struct ItemResult {
    int kept;
    int undecided;  ///< as in ItemState
};

/// Candidates of a batch, in no order; all arrays are `capacity` long for each item.
struct Candidates {
    const int* count = nullptr;  ///< items of the batch that were filled
    ItemState* items = nullptr;
    FoundBox* boxes = nullptr;
    int capacity = 0;
    unsigned classes = 1;
};

struct DecodeArgs {
    CellForm form = CellForm::kRows;
    BoxForm box = BoxForm::kCxcywh;
    ScoreForm score = ScoreForm::kPlain;
    bool has_objectness = false;  ///< the number before a cell's first score
    int cells = 0;
    int classes = 0;
    int bins = 0;       ///< kDistances
    float origin = 0;   ///< kDistances: of a cell, in cells
    float scale_x = 1;  ///< from the boxes' units to pixels; maps: pixels of the input
    float scale_y = 1;
    int map_width = 0;  ///< maps
    int map_height = 0;
    float lowest = 0;  ///< of the objectness, or else of the best class, before kSigmoid
    int levels = 1;
    Level level[kMostLevels];
    Source class_numbers;  ///< kList
    Source list_length;    ///< kList; may be none
    Source offsets;        ///< kPeaks; may be none
    const float* data[kMostParts] = {};
    const float* thresholds = nullptr;  ///< by class; kPeaks: before kSigmoid
    Candidates out;
};
void launch_decode(const DecodeArgs& args, int batch, cudaStream_t stream);

/// Candidates are put in order of class, size and place on a grid, so that those which may suppress
/// one another are found without a look at all others. Classes may share a group; sizes halve from
/// level to level, and the last has all that are smaller.
inline constexpr int kSizeLevels = 4;
inline constexpr int kMostGroups = 64;
inline constexpr int kBins = 4096;         ///< groups * kSizeLevels * side * side, or less
inline constexpr int kFirsts = kBins + 8;  ///< of kBins + 1: a multiple of 16 bytes

/// An item's grid: of boxes' centres.
struct CellGrid {
    float left, top;
    float cells_x, cells_y;  ///< per pixel
    float farthest;          ///< the largest coordinate, without its sign
    float longest;           ///< width or height
};

struct alignas(16) Edges {
    float left, top, right, bottom;
};
/// What else it takes to compare a candidate.
struct alignas(16) Traits {
    float area;
    float threshold;  ///< that it is suppressed by
    int class_id;     ///< 0 where classes do not matter
    int slot;         ///< in Candidates
};

/// What the blocks of an item tell one another. Those of other items count on lines of their own: a
/// line takes one addition at a time.
struct alignas(128) TeamState {
    int pairs;  ///< of which one suppresses the other; also where there was no room for them
    unsigned stay[2][kMostCandidates / 32];
};

struct ClusterArgs {
    Candidates in;
    bool suppresses = true;  ///< otherwise all are kept
    bool per_class = true;
    const float* iou_thresholds = nullptr;  ///< by class
    float least_threshold = 0;              ///< of these
    int groups = 1;                         ///< of classes
    int side = 1;                           ///< of the grid, in cells
    /// With more meetings an item is a dense crowd, and its pairs are not looked for. A candidate
    /// has about half as many pairs with those that are before it.
    int most_meetings = 0;

    // Scratch, for each item: places are a candidate's in the order of the grid.
    CellGrid* grids = nullptr;
    unsigned short* firsts = nullptr;  ///< kFirsts: a bin's first place, and the end
    Edges* edges = nullptr;            ///< `capacity`, by place, as the next two
    Traits* traits = nullptr;
    unsigned long long* order = nullptr;  ///< smaller is better
    unsigned* pairs = nullptr;            ///< `pair_capacity`: the worse place | better << 16
    int pair_capacity = 0;                ///< a multiple of 4
    TeamState* teams = nullptr;

    FoundBox* kept = nullptr;       ///< `capacity` for each item, in no order; on the host
    ItemResult* results = nullptr;  ///< on the host
};
/// Puts the candidates in order, and finds the pairs.
void launch_pairs(const ClusterArgs& args, int batch, cudaStream_t stream);
/// On the current device.
void launch_cluster(const ClusterArgs& args, int batch, cudaStream_t stream);

}  // namespace sluice::infer::cuda
