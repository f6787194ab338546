#include <algorithm>

#include "sluice/infer/backends/cuda/boxes.cuh"

// Which candidates suppress which, were they kept. Each looks only at those on cells of a grid
// whose boxes may overlap it enough: the intersection over union of two boxes is no more than that
// of their extents along either axis. Of extents a and b that reach t, the centres are no further
// apart than (1 - t) / (1 + t) * (a + b) / 2, and neither is longer than 1 / t of the other.
namespace sluice::infer::cuda {
namespace {

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;
constexpr int kArrangeThreads = 1024;
constexpr int kArrangeBlocks = 4;  // of an item
constexpr int kPairThreads = 128;
constexpr int kPairBlocksEach = 8;                  // on a multiprocessor at a time
constexpr int kPairBlocks = 132 * kPairBlocksEach;  // of all items: what an H100 has room for
constexpr int kLanes = 2;     // threads that look for a candidate's pairs together
constexpr int kFewLanes = 8;  // where it looks at all candidates
constexpr int kHandful = 8;   // pairs that a thread brings together
constexpr int kFew = 256;     // so few need no order: each looks at all before it
constexpr int kBinsEach = kBins / kArrangeThreads;
static_assert(kFew <= kArrangeThreads);

// Edges are rounded, so that for a box that is tiny beside its coordinates the above fails. Of
// boxes of 1 / kTiny of the farthest coordinate on, extents and areas agree to 2^-13, and to 2^-9
// for what can reach kLeast with them: less than kSlack makes up for.
constexpr float kTiny = 1024;
constexpr float kLeast = 0.125f;
constexpr float kSlack = 0.02f;
constexpr float kRounding =
    1.0f / (1 << 20);  // of the farthest coordinate: no centre is so far off

/// Floats as integers of the same order.
__device__ unsigned ordered(float value) {
    const unsigned bits = __float_as_uint(value);
    return bits ^ ((bits >> 31) != 0 ? kAll : 0x80000000u);
}
__device__ float from_ordered(unsigned value) {
    return __uint_as_float(value ^ ((value >> 31) != 0 ? 0x80000000u : kAll));
}

/// Smaller is better: first the score, as an integer in falling order, then the cell.
__device__ unsigned long long order_of(const FoundBox& box) {
    const unsigned score = ordered(box.score + 0.0f);  // -0 becomes 0
    return static_cast<unsigned long long>(~score) << 32 | box.id;
}

/// Raises `most`, which all threads of the block share, to the largest value.
__device__ void raise(unsigned& most, float value) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(kAll, value, distance));
    if (threadIdx.x % kWarp == 0) atomicMax(&most, ordered(value));
}

struct Centre {
    float x, y;
};
__device__ Centre centre_of(const Edges& box) {
    return {0.5f * box.left + 0.5f * box.right, 0.5f * box.top + 0.5f * box.bottom};
}

__device__ Edges edges_of(const FoundBox& box) {
    return {box.left, box.top, box.left + box.width, box.top + box.height};
}

__device__ int cell_of(float offset, float cells, int side) {
    // What is not a number becomes 0: the grid of a range that overflows has one cell.
    return static_cast<int>(fminf(fmaxf(offset * cells, 0.0f), static_cast<float>(side - 1)));
}

__device__ int exponent_of(float value) {
    return static_cast<int>(__float_as_uint(value) >> 23);  // of none below 0
}

/// Of an item's grid while it is made.
struct Extent {
    unsigned left, top, right, bottom;  // of centres; left and top are negated
    unsigned farthest;
    unsigned longest;
};

__device__ void measure(const FoundBox* boxes, int count, Extent& extent) {
    if (threadIdx.x == 0) extent = {};
    __syncthreads();
    float left = -INFINITY;
    float top = -INFINITY;
    float right = -INFINITY;
    float bottom = -INFINITY;
    float farthest = 0;
    float longest = 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < count; i += kArrangeThreads) {
        const Edges box = edges_of(boxes[i]);
        const Centre centre = centre_of(box);
        left = fmaxf(left, -centre.x);
        top = fmaxf(top, -centre.y);
        right = fmaxf(right, centre.x);
        bottom = fmaxf(bottom, centre.y);
        farthest = fmaxf(farthest, fmaxf(fabsf(box.left), fabsf(box.right)));
        farthest = fmaxf(farthest, fmaxf(fabsf(box.top), fabsf(box.bottom)));
        longest = fmaxf(longest, fmaxf(box.right - box.left, box.bottom - box.top));
    }
    raise(extent.left, left);
    raise(extent.top, top);
    raise(extent.right, right);
    raise(extent.bottom, bottom);
    raise(extent.farthest, farthest);
    raise(extent.longest, longest);
    __syncthreads();
}

__device__ float per_pixel(float low, float high, int side) {
    return high > low ? static_cast<float>(side) / (high - low) : 0.0f;
}

/// Sizes halve from level to level.
__device__ int level_of(const Edges& box, float longest) {
    const float length = fmaxf(box.right - box.left, box.bottom - box.top);
    return min(exponent_of(longest) - exponent_of(length), kSizeLevels - 1);
}
__device__ float longest_of(int level, float longest) {
    if (level == 0) return longest;
    return __uint_as_float(static_cast<unsigned>(max(exponent_of(longest) - level + 1, 0)) << 23);
}

/// Of the first cell of a row.
__device__ int bin_of(const ClusterArgs& args, int class_id, int level, int row) {
    const int group = args.per_class ? class_id % args.groups : 0;
    return ((group * kSizeLevels + level) * args.side + row) * args.side;
}

__device__ int bin_of(const ClusterArgs& args, const FoundBox& box, const CellGrid& grid) {
    const Edges edges = edges_of(box);
    const Centre centre = centre_of(edges);
    return bin_of(args,
                  static_cast<int>(box.id % args.in.classes),
                  level_of(edges, grid.longest),
                  cell_of(centre.y - grid.top, grid.cells_y, args.side)) +
           cell_of(centre.x - grid.left, grid.cells_x, args.side);
}

/// Turns the bins' counts into the places where they begin.
__device__ void add_up(int* counts, int* sums) {
    const int lane = threadIdx.x % kWarp;
    const int warp = threadIdx.x / kWarp;
    int own[kBinsEach];
    int sum = 0;
    for (int k = 0; k < kBinsEach; ++k) {
        own[k] = counts[threadIdx.x * kBinsEach + k];
        sum += own[k];
    }
    int place = sum;
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const int before = __shfl_up_sync(kAll, place, distance);
        if (lane >= distance) place += before;
    }
    if (lane == kWarp - 1) sums[warp] = place;
    __syncthreads();
    place -= sum;
    for (int w = 0; w < warp; ++w)
        place += sums[w];
    for (int k = 0; k < kBinsEach; ++k) {
        counts[threadIdx.x * kBinsEach + k] = place;
        place += own[k];
    }
    __syncthreads();
}

/// Does one of both suppress the other?
__device__ bool are_pair(const ClusterArgs& args, const FoundBox& a, const FoundBox& b) {
    const int a_class = static_cast<int>(a.id % args.in.classes);
    const int b_class = static_cast<int>(b.id % args.in.classes);
    const int worse_class = order_of(a) < order_of(b) ? b_class : a_class;
    return (!args.per_class || a_class == b_class) && is_too_much(overlap(edges_of(a), edges_of(b)),
                                                                  a.width * a.height,
                                                                  b.width * b.height,
                                                                  args.iou_thresholds[worse_class]);
}

/// Another slot, that has nothing to do with this one.
__device__ int other_slot(int slot, int count) {
    const unsigned hash = (static_cast<unsigned>(slot) + 1) * 2654435761u;  // Knuth
    const int other = static_cast<int>((hash >> 15) % static_cast<unsigned>(count - 1));
    return other < slot ? other : other + 1;
}

/// Brings the box of a slot to a place.
__device__ void put(const ClusterArgs& args, int item, const FoundBox& box, int slot, int place) {
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const int class_id = static_cast<int>(box.id % args.in.classes);
    args.edges[begin + place] = edges_of(box);
    args.traits[begin + place] = {
        box.width * box.height, args.iou_thresholds[class_id], args.per_class ? class_id : 0, slot};
    args.order[begin + place] = order_of(box);
}

/// Where the bins of one of a few blocks begin: with the first at this place or later.
__device__ void find_begin(const int* firsts, int count, int place, int& begin) {
    if (threadIdx.x == 0) begin = count;
    __syncthreads();
    for (int bin = threadIdx.x; bin < kBins; bin += kArrangeThreads) {
        if (firsts[bin] >= place && (bin == 0 || firsts[bin - 1] < place)) begin = firsts[bin];
    }
    __syncthreads();
}

/// A counting sort by bins; within a bin any order will do. Each block of an item counts all
/// candidates; then it lists those of its share of the bins, and fetches them in order, as a device
/// takes long to write here and there.
__global__ void __launch_bounds__(kArrangeThreads)
    arrange(const __grid_constant__ ClusterArgs args) {
    __shared__ Extent extent;
    __shared__ int firsts[kBins];  // how many there are; then where a bin begins
    __shared__ int filled[kBins];  // how many of a bin have their place
    __shared__ int sums[kArrangeThreads / kWarp];
    __shared__ int begin;
    __shared__ int end;
    extern __shared__ unsigned short slots[];  // of the candidates from `begin` on

    const int item = blockIdx.y;
    if (item >= *args.in.count) return;
    ItemState& state = args.in.items[item];
    const int count = state.candidates;
    if (state.undecided != 0 || count == 0) return;
    const FoundBox* boxes = args.in.boxes + static_cast<long long>(item) * args.in.capacity;
    if (blockIdx.x == 0 && threadIdx.x == 0) args.teams[item].pairs = 0;
    if (count <= kFew) {
        const int slot = blockIdx.x * kArrangeThreads + threadIdx.x;
        if (slot < count) put(args, item, boxes[slot], slot, slot);
        return;
    }

    for (int i = threadIdx.x; i < kBins; i += kArrangeThreads)
        firsts[i] = filled[i] = 0;
    measure(boxes, count, extent);
    CellGrid grid{};
    grid.left = -from_ordered(extent.left);
    grid.top = -from_ordered(extent.top);
    grid.cells_x = per_pixel(grid.left, from_ordered(extent.right), args.side);
    grid.cells_y = per_pixel(grid.top, from_ordered(extent.bottom), args.side);
    grid.farthest = from_ordered(extent.farthest);
    grid.longest = from_ordered(extent.longest);

#pragma unroll 4
    for (int i = threadIdx.x; i < count; i += kArrangeThreads)
        atomicAdd(&firsts[bin_of(args, boxes[i], grid)], 1);
    __syncthreads();
    add_up(firsts, sums);
    const int share = (count + gridDim.x - 1) / gridDim.x;
    find_begin(firsts, count, blockIdx.x * share, begin);
    find_begin(firsts, count, (blockIdx.x + 1) * share, end);
#pragma unroll 4
    for (int i = threadIdx.x; i < count; i += kArrangeThreads) {
        const int bin = bin_of(args, boxes[i], grid);
        if (firsts[bin] < begin || firsts[bin] >= end) continue;
        slots[firsts[bin] - begin + atomicAdd(&filled[bin], 1)] = static_cast<unsigned short>(i);
    }
    __syncthreads();
    int meetings = 0;
    for (int place = begin + threadIdx.x; place < end; place += kArrangeThreads) {
        const int slot = slots[place - begin];
        const FoundBox box = boxes[slot];
        put(args, item, box, slot, place);
        meetings += are_pair(args, box, boxes[other_slot(slot, count)]) ? 1 : 0;
    }
    if (meetings > 0) atomicAdd(&state.meetings, meetings);
    if (blockIdx.x > 0) return;
    unsigned short* all_firsts = args.firsts + static_cast<long long>(item) * kFirsts;
    for (int i = threadIdx.x; i < kBins; i += kArrangeThreads)
        all_firsts[i] = static_cast<unsigned short>(firsts[i]);
    if (threadIdx.x > 0) return;
    all_firsts[kBins] = static_cast<unsigned short>(count);
    args.grids[item] = grid;
}

/// Where those of a level are that may overlap a candidate enough.
struct Reach {
    int left, top, right, bottom;  // in cells, all of them within
};

/// What a candidate asks of the others.
struct Search {
    Centre centre;
    float width, height;
    float most;    // times its own extent: how long the other's may be
    float factor;  // of half the sum of both extents: how far the centres may be apart
    float shared;  // must be more than that
};

__device__ Search search_for(const ClusterArgs& args,
                             const CellGrid& grid,
                             const Edges& box,
                             float area) {
    Search search{
        centre_of(box), box.right - box.left, box.bottom - box.top, INFINITY, 1 + kSlack, 0};
    const float t = args.least_threshold;
    const float tiny = grid.farthest / kTiny;
    // Otherwise whatever touches it.
    if (t >= kLeast && search.width > tiny && search.height > tiny) {
        search.most = (1 + kSlack) / t;
        search.factor = fmaxf((1 - t) / (1 + t), 0.0f) + kSlack;
        search.shared = (1 - kSlack) * t / (1 + t) * area;
    }
    return search;
}

/// False where there are none.
__device__ bool reach_of(
    const ClusterArgs& args, const CellGrid& grid, const Search& search, int level, Reach& reach) {
    const float longest = longest_of(level, grid.longest);
    const float own = fmaxf(search.width, search.height);
    if (search.most * longest < own) return false;
    // All but those of the last level are longer than the next level's.
    if (level + 1 < kSizeLevels && longest_of(level + 1, grid.longest) > search.most * own)
        return false;
    const float width = fminf(longest, search.most * search.width);
    const float height = fminf(longest, search.most * search.height);
    if (!(width > 0 && height > 0)) return false;
    const float rounding = grid.farthest * kRounding;
    const float x = search.factor * (0.5f * search.width + 0.5f * width) + rounding;
    const float y = search.factor * (0.5f * search.height + 0.5f * height) + rounding;
    reach = {cell_of(search.centre.x - x - grid.left, grid.cells_x, args.side),
             cell_of(search.centre.y - y - grid.top, grid.cells_y, args.side),
             cell_of(search.centre.x + x - grid.left, grid.cells_x, args.side),
             cell_of(search.centre.y + y - grid.top, grid.cells_y, args.side)};
    return true;
}

/// A thread's pairs; every few are brought to the others. False when there is no more room.
struct Pairs {
    unsigned* few;  // kHandful of them, kPairThreads apart
    int number;

    __device__ bool add(const ClusterArgs& args, int item, unsigned pair) {
        few[number * kPairThreads] = pair;
        return ++number < kHandful || flush(args, item);
    }
    __device__ bool flush(const ClusterArgs& args, int item) {
        if (number == 0) return true;
        const int first = atomicAdd(&args.teams[item].pairs, number);
        if (first + number > args.pair_capacity) return false;
        unsigned* to = args.pairs + static_cast<long long>(item) * args.pair_capacity + first;
        for (int i = 0; i < number; ++i)
            to[i] = few[i * kPairThreads];
        number = 0;
        return true;
    }
};

/// A candidate that looks for its pairs.
struct Seeker {
    int place;
    Edges edges;
    Traits traits;
    unsigned long long order;
    float shared;  // must be more than that
};

/// Finds a candidate's pairs with those from `first` to `end`, by so many threads. False when there
/// is no more room.
template <int lanes>
__device__ bool search_places(
    const ClusterArgs& args, int item, const Seeker& own, int first, int end, Pairs& pairs) {
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    for (int i = first + threadIdx.x % lanes; i < end; i += lanes) {
        const float shared = overlap(args.edges[begin + i], own.edges);
        if (!(shared > own.shared)) continue;
        const Traits other = args.traits[begin + i];
        const bool is_worse = args.order[begin + i] < own.order;
        const float threshold = is_worse ? own.traits.threshold : other.threshold;
        if (other.class_id != own.traits.class_id ||
            !is_too_much(shared, other.area, own.traits.area, threshold))
            continue;
        const unsigned pair = is_worse ? own.place | i << 16 : i | own.place << 16;
        if (!pairs.add(args, item, pair)) return false;
    }
    return true;
}

__device__ Seeker seeker_at(const ClusterArgs& args, int item, int place) {
    const long long at = static_cast<long long>(item) * args.in.capacity + place;
    return {place, args.edges[at], args.traits[at], args.order[at], 0};
}

/// Finds a candidate's pairs with those at places before its own. False when there is no more room.
__device__ bool search_bins(
    const ClusterArgs& args, int item, const unsigned short* firsts, int place, Pairs& pairs) {
    Seeker own = seeker_at(args, item, place);
    const CellGrid grid = args.grids[item];
    const Search search = search_for(args, grid, own.edges, own.traits.area);
    own.shared = search.shared;
    for (int level = 0; level < kSizeLevels; ++level) {
        Reach reach;
        if (!reach_of(args, grid, search, level, reach)) continue;
        for (int y = reach.top; y <= reach.bottom; ++y) {
            const int bin = bin_of(args, own.traits.class_id, level, y);
            const int from = firsts[bin + reach.left];
            if (from >= place) return true;  // and so are all that follow
            const int end = min(static_cast<int>(firsts[bin + reach.right + 1]), place);
            if (!search_places<kLanes>(args, item, own, from, end, pairs)) return false;
        }
    }
    return true;
}

union Firsts {
    unsigned short places[kFirsts];
    uint4 quads[kFirsts * sizeof(unsigned short) / sizeof(uint4)];
};

__device__ void fetch(const ClusterArgs& args, int item, Firsts& firsts) {
    const auto* from =
        reinterpret_cast<const Firsts*>(args.firsts + static_cast<long long>(item) * kFirsts);
    for (int i = threadIdx.x; i < sizeof(Firsts) / sizeof(uint4); i += kPairThreads)
        firsts.quads[i] = from->quads[i];
    __syncthreads();
}

__global__ void __launch_bounds__(kPairThreads, kPairBlocksEach)
    find_pairs(const __grid_constant__ ClusterArgs args) {
    __shared__ unsigned few[kHandful * kPairThreads];
    __shared__ Firsts firsts;

    const int item = blockIdx.y;
    const ItemState& state = args.in.items[item];
    if (item >= *args.in.count || state.undecided != 0 || state.meetings > args.most_meetings)
        return;
    const int count = state.candidates;
    const int thread = blockIdx.x * kPairThreads + threadIdx.x;
    const int threads = gridDim.x * kPairThreads;
    Pairs pairs{few + threadIdx.x, 0};
    if (count <= kFew) {
        for (int place = thread / kFewLanes; place < count; place += threads / kFewLanes) {
            const Seeker own = seeker_at(args, item, place);
            if (!search_places<kFewLanes>(args, item, own, 0, place, pairs)) return;
        }
    } else {
        fetch(args, item, firsts);
        for (int place = thread / kLanes; place < count; place += threads / kLanes) {
            if (!search_bins(args, item, firsts.places, place, pairs)) return;
        }
    }
    pairs.flush(args, item);
}

}  // namespace

void launch_pairs(const ClusterArgs& args, int batch, cudaStream_t stream) {
    const std::size_t slot_bytes =
        static_cast<std::size_t>(args.in.capacity) * sizeof(unsigned short);
    cudaFuncSetAttribute(
        arrange, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(slot_bytes));
    arrange<<<dim3(kArrangeBlocks, batch), kArrangeThreads, slot_bytes, stream>>>(args);
    const int blocks = (args.in.capacity * kLanes + kPairThreads - 1) / kPairThreads;
    const int most = (kPairBlocks + batch - 1) / batch;
    find_pairs<<<dim3(std::min(blocks, most), batch), kPairThreads, 0, stream>>>(args);
}

}  // namespace sluice::infer::cuda
