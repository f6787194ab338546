#include "sluice/infer/backends/cuda/detect.h"

// The twin of Nms, exactly: candidates by falling score, equal ones by cell; each is kept unless
// one kept before it overlaps it too much. A block has one group of classes of one item.
namespace sluice::infer::cuda {
namespace {

constexpr int kTile = 256;  // threads of a block, and candidates that it decides at a time
constexpr int kWarp = 32;
constexpr int kWords = kTile / kWarp;
constexpr int kShared = 2048;  // as many are sorted in shared memory, more in device memory
constexpr unsigned kAll = 0xffffffffu;

struct Shape {
    float left, top, right, bottom;
    float area;
    int class_id;
};

/// A group's candidates: what they are sorted by, and where they are.
struct Sorted {
    unsigned long long* order;
    unsigned short* slots;
    int count;
};

__device__ Shape shape_of(const FoundBox& box) {
    return {box.left,
            box.top,
            box.left + box.width,
            box.top + box.height,
            box.width * box.height,
            box.class_id};
}

/// Smaller is better: first the score, as an integer in falling order, then the cell.
__device__ unsigned long long order_of(const FoundBox& box) {
    unsigned bits = __float_as_uint(box.score + 0.0f);  // -0 becomes 0
    bits ^= (bits >> 31) != 0 ? kAll : 0x80000000u;
    return static_cast<unsigned long long>(~bits) << 32 | static_cast<unsigned>(box.cell);
}

/// Does the better box `a` suppress `b`?
__device__ bool suppresses(const Shape& a, const Shape& b, float threshold, bool per_class) {
    if (per_class && a.class_id != b.class_id) return false;
    const float width = fminf(b.right, a.right) - fmaxf(b.left, a.left);
    const float height = fminf(b.bottom, a.bottom) - fmaxf(b.top, a.top);
    const float shared = fmaxf(width, 0.0f) * fmaxf(height, 0.0f);
    return shared > threshold * (b.area + a.area - shared);
}

/// Lists the group's candidates; fewer than there are where `most` is less. All threads get their
/// number.
__device__ int gather(
    const Candidates& in, int item, int total, const Sorted& to, int most, int& shared_count) {
    const long long begin = static_cast<long long>(item) * in.capacity;
    if (threadIdx.x == 0) shared_count = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < total; i += kTile) {
        if (in.groups[begin + i] != blockIdx.x) continue;
        const int place = atomicAdd(&shared_count, 1);
        if (place >= most) continue;
        to.order[place] = order_of(in.boxes[begin + i]);
        to.slots[place] = static_cast<unsigned short>(i);
    }
    __syncthreads();
    return shared_count;
}

__device__ void put_in_order(const Sorted& of, int low, int high) {
    if (high >= of.count || of.order[low] <= of.order[high]) return;
    const unsigned long long order = of.order[low];
    of.order[low] = of.order[high];
    of.order[high] = order;
    const unsigned short slot = of.slots[low];
    of.slots[low] = of.slots[high];
    of.slots[high] = slot;
}

/// Batcher's bitonic sort (1968), each merge beginning with a mirrored step, so that every exchange
/// goes upward and what lies beyond the end counts as infinite.
__device__ void sort(const Sorted& of) {
    for (int size = 2; size < 2 * of.count; size *= 2) {
        for (int half = size / 2; half > 0; half /= 2) {
            for (int i = threadIdx.x;; i += kTile) {
                const int place = i & (half - 1);  // in the lower half of a run of 2 * half
                const int low = 2 * i - place;
                if (low >= of.count) break;
                const int mirrored = low - place + 2 * half - 1 - place;
                put_in_order(of, low, half == size / 2 ? mirrored : low + half);
            }
            __syncthreads();
        }
    }
}

/// Which of a tile's candidates are kept, by all threads at once. `by` are the tile's earlier ones
/// that suppress the thread's own: it goes when one of them is kept, and stays when all of them
/// went. Each round decides at least the first open one.
__device__ bool decide(bool open,
                       const unsigned (&by)[kWords],
                       unsigned (&open_words)[kWords],
                       unsigned (&kept_words)[kWords]) {
    const int word = threadIdx.x / kWarp;
    bool kept = false;
    while (true) {
        const unsigned open_ballot = __ballot_sync(kAll, open);
        const unsigned kept_ballot = __ballot_sync(kAll, kept);
        if (threadIdx.x % kWarp == 0) {
            open_words[word] = open_ballot;
            kept_words[word] = kept_ballot;
        }
        if (__syncthreads_or(open) == 0) return kept;
        if (open) {
            bool goes = false;
            bool waits = false;
#pragma unroll
            for (int w = 0; w < kWords; ++w) {
                goes |= (by[w] & kept_words[w]) != 0;
                waits |= (by[w] & open_words[w]) != 0;
            }
            kept = !goes && !waits;
            open = !goes && waits;
        }
        __syncthreads();  // all have read the words
    }
}

__global__ void __launch_bounds__(kTile) suppress(const __grid_constant__ ClusterArgs args) {
    __shared__ unsigned long long shared_order[kShared];
    __shared__ unsigned short shared_slots[kShared];
    __shared__ Shape tile[kTile];
    __shared__ unsigned open_words[kWords];
    __shared__ unsigned kept_words[kWords];
    __shared__ int shared_number;

    const int item = blockIdx.y;
    if (item >= *args.in.count) return;
    ItemState& state = args.in.items[item];
    if (state.undecided != 0) return;
    const int total = state.candidates;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const FoundBox* boxes = args.in.boxes + begin;
    const int thread = threadIdx.x;

    Sorted group{shared_order, shared_slots, 0};
    group.count = gather(args.in, item, total, group, kShared, shared_number);
    if (group.count > kShared) {
        __syncthreads();
        if (thread == 0) shared_number = atomicAdd(&state.scratch, group.count);
        __syncthreads();
        group.order = args.order + begin + shared_number;
        group.slots = args.slots + begin + shared_number;
        __syncthreads();
        gather(args.in, item, total, group, group.count, shared_number);
    }
    sort(group);

    int kept = 0;  // their slots move to the front of group.slots
    for (int first = 0; first < group.count; first += kTile) {
        const bool exists = first + thread < group.count;
        const int slot = exists ? group.slots[first + thread] : 0;
        const FoundBox box = boxes[slot];
        const Shape shape = shape_of(box);
        const float threshold = exists ? args.iou_thresholds[box.class_id] : 0;
        bool open = exists;
        for (int other = 0; other < kept; other += kTile) {
            __syncthreads();
            if (other + thread < kept) tile[thread] = shape_of(boxes[group.slots[other + thread]]);
            __syncthreads();
            const int count = min(kTile, kept - other);
            for (int i = 0; open && i < count; ++i)
                open = !suppresses(tile[i], shape, threshold, args.per_class);
        }
        __syncthreads();
        tile[thread] = shape;
        __syncthreads();
        unsigned by[kWords];
#pragma unroll
        for (int w = 0; w < kWords; ++w) {
            by[w] = 0;
            const int count = open ? min(kWarp, thread - w * kWarp) : 0;
            for (int i = 0; i < count; ++i) {
                if (suppresses(tile[w * kWarp + i], shape, threshold, args.per_class))
                    by[w] |= 1u << i;
            }
        }
        const bool stays = decide(open, by, open_words, kept_words);

        int rank = 0;
        int more = 0;
#pragma unroll
        for (int w = 0; w < kWords; ++w) {
            const int lane = thread - w * kWarp;
            const unsigned before = lane >= kWarp ? kAll : lane > 0 ? (1u << lane) - 1 : 0;
            rank += __popc(kept_words[w] & before);
            more += __popc(kept_words[w]);
        }
        if (thread == 0) shared_number = atomicAdd(&state.kept, more);
        __syncthreads();
        if (stays) {
            group.slots[kept + rank] = static_cast<unsigned short>(slot);
            args.kept[begin + shared_number + rank] = box;
        }
        kept += more;
        __syncthreads();
    }
}

__global__ void keep_all(const __grid_constant__ ClusterArgs args) {
    const int item = blockIdx.y;
    if (item >= *args.in.count) return;
    ItemState& state = args.in.items[item];
    if (state.undecided != 0) return;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const int i = blockIdx.x * kTile + threadIdx.x;
    if (i == 0) state.kept = state.candidates;
    if (i < state.candidates) args.kept[begin + i] = args.in.boxes[begin + i];
}

}  // namespace

void launch_cluster(const ClusterArgs& args, int batch, cudaStream_t stream) {
    if (args.suppresses) {
        suppress<<<dim3(args.in.group_count, batch), kTile, 0, stream>>>(args);
    } else {
        const int blocks = (args.in.capacity + kTile - 1) / kTile;
        keep_all<<<dim3(blocks, batch), kTile, 0, stream>>>(args);
    }
}

}  // namespace sluice::infer::cuda
