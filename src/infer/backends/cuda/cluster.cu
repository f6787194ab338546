#include "sluice/infer/backends/cuda/detect.h"

// The twin of Nms, exactly: candidates by falling score, equal ones by cell; each is kept unless
// one kept before it overlaps it too much. A block has one group of classes of one item; what is
// too much for a block is left to a team of them. Candidates are found in slots in about the order
// of the cells, so that a warp's are near one another and far from most others.
namespace sluice::infer::cuda {
namespace {

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;
constexpr int kTile = 256;  // candidates that are decided at a time
constexpr int kTileWords = kTile / kWarp;
constexpr int kSmall = 2048;  // candidates that a block sees to by itself
constexpr int kSmallThreads = 256;
constexpr int kLargeThreads = 1024;

struct alignas(16) Shape {
    float left, top, right, bottom;
    float area;
    int class_id;
    float threshold;  // that it is suppressed by
    int unused;
};

/// The best candidates that are still open, in shared memory.
struct Tile {
    Shape shapes[kTile];             // when all is decided: those kept, at the front
    unsigned by[kTileWords][kTile];  // bits of the earlier ones that suppress each
    unsigned open[kTileWords];
    unsigned kept[kTileWords];
    unsigned short slots[kTile];
    unsigned rest[kMostCandidates / kWarp];  // bits by slot: who is open, and not in the tile
    int sums[kLargeThreads / kWarp];
    int number;
};

/// A group's candidates: what they are sorted by, and where they are.
struct Sorted {
    unsigned long long* order;
    unsigned short* slots;
    int count;
};

/// The blocks that see to a group: one, or a cluster of them.
struct Team {
    int rank;
    int size;
};

/// For all threads of the team, whose writes are then seen.
__device__ void wait_for(const Team& team) {
    __syncthreads();
#if __CUDA_ARCH__ >= 900
    if (team.size > 1) {
        asm volatile(
            "barrier.cluster.arrive.release.aligned;\n"
            "barrier.cluster.wait.acquire.aligned;\n" ::
                : "memory");
    }
#endif
}

__device__ Shape shape_of(const ClusterArgs& args, const FoundBox& box) {
    const int class_id = static_cast<int>(box.id % args.in.classes);
    return {box.left,
            box.top,
            box.left + box.width,
            box.top + box.height,
            box.width * box.height,
            args.per_class ? class_id : 0,
            args.iou_thresholds[class_id],
            0};
}

/// Smaller is better: first the score, as an integer in falling order, then the cell.
__device__ unsigned long long order_of(const FoundBox& box) {
    unsigned bits = __float_as_uint(box.score + 0.0f);  // -0 becomes 0
    bits ^= (bits >> 31) != 0 ? kAll : 0x80000000u;
    return static_cast<unsigned long long>(~bits) << 32 | box.id;
}

/// Does the better box `a` suppress `b`?
__device__ bool suppresses(const Shape& a, const Shape& b) {
    const float width = fminf(b.right, a.right) - fmaxf(b.left, a.left);
    const float height = fminf(b.bottom, a.bottom) - fmaxf(b.top, a.top);
    const float shared = fmaxf(width, 0.0f) * fmaxf(height, 0.0f);
    // Without a branch: what all threads do is faster done than decided.
    return (a.class_id == b.class_id) & (shared > b.threshold * (b.area + a.area - shared));
}

/// Lists the group's candidates among those from `from` (a multiple of 4) to `to`; fewer than there
/// are where `most` is less. All threads get their number.
template <int kThreads>
__device__ int gather(const Candidates& in,
                      int item,
                      int group,
                      int from,
                      int to,
                      const Sorted& list,
                      int most,
                      int& shared_count) {
    const long long begin = static_cast<long long>(item) * in.capacity;
    if (threadIdx.x == 0) shared_count = 0;
    __syncthreads();
    for (int i = from + 4 * threadIdx.x; i < to; i += 4 * kThreads) {
        const unsigned four = *reinterpret_cast<const unsigned*>(in.groups + begin + i);
        for (int k = 0; k < 4 && i + k < to; ++k) {
            if ((four >> (8 * k) & 0xff) != group) continue;
            const int place = atomicAdd(&shared_count, 1);
            if (place >= most) continue;
            list.order[place] = order_of(in.boxes[begin + i + k]);
            list.slots[place] = static_cast<unsigned short>(i + k);
        }
    }
    __syncthreads();
    const int count = shared_count;
    __syncthreads();
    return count;
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
template <int kThreads>
__device__ void sort(const Sorted& of) {
    for (int size = 2; size < 2 * of.count; size *= 2) {
        for (int half = size / 2; half > 0; half /= 2) {
            for (int i = threadIdx.x;; i += kThreads) {
                const int place = i & (half - 1);  // in the lower half of a run of 2 * half
                const int low = 2 * i - place;
                if (low >= of.count) break;
                const int mirrored = low - place + 2 * half - 1 - place;
                put_in_order(of, low, half == size / 2 ? mirrored : low + half);
            }
            // Short runs lie within the 64 places that a warp sees to itself.
            const int next = half > 1 ? half / 2 : size;
            if (half > kWarp || next > kWarp) {
                __syncthreads();
            } else {
                __syncwarp();
            }
        }
    }
    __syncthreads();
}

__device__ int count_less(const unsigned long long* sorted, int count, unsigned long long than) {
    int low = 0;
    while (low < count) {
        const int middle = (low + count) / 2;
        if (sorted[middle] < than) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

/// Puts the slots of a group's candidates in order, the same in each block; all threads get their
/// number. Each block of a team sorts a part, then finds the places of these in the whole.
__device__ int sort_together(const ClusterArgs& args,
                             const Team& team,
                             int item,
                             int group,
                             const Sorted& list,
                             int& shared_number) {
    const int candidates = args.in.items[item].candidates;
    const int share = ((candidates + team.size - 1) / team.size + 3) / 4 * 4;
    const int part = args.in.capacity / team.size;  // no less
    const int from = team.rank * share;
    Sorted own{list.order + team.rank * part, list.slots + team.rank * part, 0};
    own.count = gather<kLargeThreads>(
        args.in, item, group, from, min(from + share, candidates), own, part, shared_number);
    sort<kLargeThreads>(own);
    if (team.size == 1) return own.count;

    const long long begin = static_cast<long long>(item) * args.in.capacity;
    TeamState& common = args.teams[item];
    for (int i = threadIdx.x; i < own.count; i += kLargeThreads)
        args.order[begin + team.rank * part + i] = own.order[i];
    if (threadIdx.x == 0) common.counts[team.rank] = own.count;
    wait_for(team);
    int count = 0;
    for (int rank = 0; rank < team.size; ++rank) {
        count += common.counts[rank];
        if (rank == team.rank) continue;
        for (int i = threadIdx.x; i < common.counts[rank]; i += kLargeThreads)
            list.order[rank * part + i] = args.order[begin + rank * part + i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < own.count; i += kLargeThreads) {
        int place = i;
        for (int rank = 0; rank < team.size; ++rank) {
            if (rank == team.rank) continue;
            place += count_less(list.order + rank * part, common.counts[rank], own.order[i]);
        }
        args.slots[begin + place] = own.slots[i];
    }
    wait_for(team);
    for (int i = threadIdx.x; i < count; i += kLargeThreads)
        list.slots[i] = args.slots[begin + i];
    __syncthreads();
    return count;
}

/// Which of the tile's `count` candidates suppress which later ones.
template <int kThreads>
__device__ void compare(Tile& tile, int count) {
    for (int task = threadIdx.x; task < kTileWords * kTile; task += kThreads) {
        const int word = task / kTile;
        const int candidate = task % kTile;
        const int first = word * kWarp;
        const int earlier = candidate < count ? min(kWarp, candidate - first) : 0;
        unsigned by = 0;
        for (int i = 0; i < earlier; ++i) {
            if (suppresses(tile.shapes[first + i], tile.shapes[candidate])) by |= 1u << i;
        }
        tile.by[word][candidate] = by;
    }
}

/// Which of them are kept, by all at once: one goes when one of those that suppress it is kept, and
/// stays when all of those went. Each round decides at least the first open one.
__device__ void decide(Tile& tile, int count) {
    const int thread = threadIdx.x;
    const int word = thread / kWarp;
    bool open = thread < count;
    bool kept = false;
    while (true) {
        const unsigned open_ballot = __ballot_sync(kAll, open);
        const unsigned kept_ballot = __ballot_sync(kAll, kept);
        if (word < kTileWords && thread % kWarp == 0) {
            tile.open[word] = open_ballot;
            tile.kept[word] = kept_ballot;
        }
        if (__syncthreads_or(open) == 0) return;
        if (open) {
            bool goes = false;
            bool waits = false;
#pragma unroll
            for (int w = 0; w < kTileWords; ++w) {
                const unsigned by = tile.by[w][thread];
                goes |= (by & tile.kept[w]) != 0;
                waits |= (by & tile.open[w]) != 0;
            }
            kept = !goes && !waits;
            open = !goes && waits;
        }
        __syncthreads();  // all have read the words
    }
}

/// Brings the tile's kept candidates to its front, and their slots to `kept_slots`; all threads get
/// their number.
__device__ int keep(Tile& tile, unsigned short* kept_slots) {
    const int thread = threadIdx.x;
    int rank = 0;
    int kept = 0;
    bool stays = false;
#pragma unroll
    for (int w = 0; w < kTileWords; ++w) {
        const int lane = thread - w * kWarp;
        const unsigned before = lane >= kWarp ? kAll : lane > 0 ? (1u << lane) - 1 : 0;
        rank += __popc(tile.kept[w] & before);
        kept += __popc(tile.kept[w]);
        stays |= lane >= 0 && lane < kWarp && (tile.kept[w] >> lane & 1) != 0;
    }
    Shape shape{};
    if (stays) shape = tile.shapes[thread];
    __syncthreads();
    if (stays) {
        tile.shapes[rank] = shape;
        kept_slots[rank] = tile.slots[thread];
    }
    __syncthreads();
    return kept;
}

/// The smallest box around those of a warp.
__device__ Shape around(Shape all) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        all.left = fminf(all.left, __shfl_xor_sync(kAll, all.left, distance));
        all.top = fminf(all.top, __shfl_xor_sync(kAll, all.top, distance));
        all.right = fmaxf(all.right, __shfl_xor_sync(kAll, all.right, distance));
        all.bottom = fmaxf(all.bottom, __shfl_xor_sync(kAll, all.bottom, distance));
    }
    return all;
}

__device__ bool meet(const Shape& a, const Shape& b) {
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/// Which of the open ones among a warp's `boxes` none of the tile's kept ones suppresses.
__device__ unsigned compare_word(
    const ClusterArgs& args, const FoundBox* boxes, unsigned open, const Tile& tile, int kept) {
    const int lane = threadIdx.x % kWarp;
    bool stays = (open >> lane & 1) != 0;
    Shape shape{INFINITY, INFINITY, -INFINITY, -INFINITY, 0, 0, 0, 0};
    if (stays) shape = shape_of(args, boxes[lane]);
    const Shape all = around(shape);
    for (int first = 0; first < kept; first += kWarp) {
        // Thresholds are not negative: who does not meet is not suppressed.
        const bool near = first + lane < kept && meet(tile.shapes[first + lane], all);
        for (unsigned todo = __ballot_sync(kAll, near); todo != 0; todo &= todo - 1) {
            const int k = first + __ffs(static_cast<int>(todo)) - 1;
            stays &= !suppresses(tile.shapes[k], shape);
        }
    }
    return __ballot_sync(kAll, stays);
}

/// Closes what the tile's kept ones suppress of the rest: `words`, of which each block of a team
/// has a share and tells the others by `common`.
template <int kThreads>
__device__ void compare_rest(const ClusterArgs& args,
                             const Team& team,
                             int item,
                             Tile& tile,
                             int kept,
                             int words,
                             unsigned* common) {
    const FoundBox* boxes = args.in.boxes + static_cast<long long>(item) * args.in.capacity;
    const int first = threadIdx.x / kWarp * team.size + team.rank;
    for (int word = first; word < words; word += kThreads / kWarp * team.size) {
        unsigned bits = tile.rest[word];
        __syncwarp();  // all have read it
        if (bits != 0) bits = compare_word(args, boxes + word * kWarp, bits, tile, kept);
        if (threadIdx.x % kWarp != 0) continue;
        tile.rest[word] = bits;
        if (team.size > 1) common[word] = bits;
    }
    wait_for(team);
    if (team.size == 1) return;
    for (int word = threadIdx.x; word < words; word += kThreads)
        tile.rest[word] = common[word];
    __syncthreads();
}

/// Moves the best open ones from the rest to the tile: of the `count` in order, those from `from`
/// on, which moves past them. All threads get their number.
template <int kThreads>
__device__ int fill(Tile& tile, const unsigned short* slots, int count, int& from) {
    const int thread = threadIdx.x;
    int filled = 0;
    while (from < count && filled < kTile) {
        const int i = from + thread;
        const int slot = i < count ? slots[i] : 0;
        const unsigned bit = 1u << (slot % kWarp);
        const bool open = i < count && (tile.rest[slot / kWarp] & bit) != 0;
        const unsigned ballot = __ballot_sync(kAll, open);
        if (thread % kWarp == 0) tile.sums[thread / kWarp] = __popc(ballot);
        __syncthreads();
        int place = filled + __popc(ballot & ((1u << (thread % kWarp)) - 1));
        for (int w = 0; w < kThreads / kWarp; ++w) {
            if (w < thread / kWarp) place += tile.sums[w];
            filled += tile.sums[w];
        }
        if (open && place < kTile) {
            tile.slots[place] = static_cast<unsigned short>(slot);
            atomicAnd(&tile.rest[slot / kWarp], ~bit);
        }
        if (open && place == kTile - 1) tile.number = i + 1;
        __syncthreads();
        from += kThreads;
    }
    if (filled >= kTile) from = tile.number;
    return min(filled, kTile);
}

/// Of `count` candidates in order. The best open ones are decided among themselves; then those kept
/// close what they suppress of the rest, on all blocks of the team, until nothing is left. `common`
/// has room for two sets of bits: a block may be ahead of another's reading. Leaves the kept ones
/// at the front of `slots`; all threads get their number.
template <int kThreads>
__device__ int suppress_in_order(const ClusterArgs& args,
                                 const Team& team,
                                 int item,
                                 unsigned short* slots,
                                 int count,
                                 Tile& tile,
                                 TeamState& common) {
    const FoundBox* boxes = args.in.boxes + static_cast<long long>(item) * args.in.capacity;
    const int words = (args.in.items[item].candidates + kWarp - 1) / kWarp;
    for (int word = threadIdx.x; word < words; word += kThreads)
        tile.rest[word] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < count; i += kThreads)
        atomicOr(&tile.rest[slots[i] / kWarp], 1u << (slots[i] % kWarp));
    __syncthreads();
    int from = 0;
    int kept = 0;  // no more than `from`
    for (int round = 0;; ++round) {
        const int head = fill<kThreads>(tile, slots, count, from);
        if (head == 0) return kept;
        if (threadIdx.x < head)
            tile.shapes[threadIdx.x] = shape_of(args, boxes[tile.slots[threadIdx.x]]);
        __syncthreads();
        compare<kThreads>(tile, head);
        __syncthreads();
        decide(tile, head);
        const int more = keep(tile, slots + kept);
        kept += more;
        if (from >= count) return kept;
        compare_rest<kThreads>(args, team, item, tile, more, words, common.stay[round % 2]);
    }
}

/// Brings a team's kept boxes to the host, each block a share; to come after those that are there.
/// Only when all is decided: a team's barrier would wait for the bus.
template <int kThreads>
__device__ void report(const ClusterArgs& args,
                       const Team& team,
                       int item,
                       const unsigned short* slots,
                       int kept,
                       int already) {
    // Neighbouring threads write neighbouring words: a bus likes long writes.
    using Word = unsigned long long;
    constexpr int kBoxWords = sizeof(FoundBox) / sizeof(Word);
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const auto* from = reinterpret_cast<const Word*>(args.in.boxes + begin);
    auto* to = reinterpret_cast<Word*>(args.kept + begin + already);
    for (int i = team.rank * kThreads + threadIdx.x; i < kept * kBoxWords;
         i += team.size * kThreads)
        to[i] = from[slots[i / kBoxWords] * kBoxWords + i % kBoxWords];
}

__global__ void __launch_bounds__(kSmallThreads)
    suppress_small(const __grid_constant__ ClusterArgs args) {
    __shared__ Tile tile;
    __shared__ unsigned long long order[kSmall];
    __shared__ unsigned short slots[kSmall];

    const int group = blockIdx.x;
    const int item = blockIdx.y;
    if (item >= *args.in.count) return;
    ItemState& state = args.in.items[item];
    if (state.undecided != 0) return;
    Sorted list{order, slots, state.candidates};
    if (args.in.group_count > 1 || list.count <= kSmall) {
        list.count = gather<kSmallThreads>(
            args.in, item, group, 0, state.candidates, list, kSmall, tile.number);
    }
    if (list.count > kSmall) {
        if (threadIdx.x == 0) atomicOr(&state.large_groups, 1ull << group);
        return;
    }
    if (list.count == 0) return;
    sort<kSmallThreads>(list);
    const Team team{0, 1};
    const int kept = suppress_in_order<kSmallThreads>(
        args, team, item, slots, list.count, tile, args.teams[item]);
    if (threadIdx.x == 0) tile.number = atomicAdd(&state.kept, kept);
    __syncthreads();
    report<kSmallThreads>(args, team, item, slots, kept, tile.number);
}

/// What the small ones left, by a team for each item; then reports all items to the host. A team of
/// more than one has shared memory for all candidates.
__global__ void __launch_bounds__(kLargeThreads)
    suppress_large(const __grid_constant__ ClusterArgs args) {
    __shared__ Tile tile;
    extern __shared__ unsigned long long memory[];

    const int item = blockIdx.y;
    const Team team{static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)};
    ItemState state = args.in.items[item];
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    Sorted list{args.order + begin, args.slots + begin, 0};
    if (team.size > 1)
        list = {memory, reinterpret_cast<unsigned short*>(memory + args.in.capacity), 0};
    for (unsigned long long left = state.large_groups; left != 0; left &= left - 1) {
        wait_for(team);  // until nobody needs what the last group left behind
        const int group = __ffsll(static_cast<long long>(left)) - 1;
        const int count = sort_together(args, team, item, group, list, tile.number);
        const int kept = suppress_in_order<kLargeThreads>(
            args, team, item, list.slots, count, tile, args.teams[item]);
        report<kLargeThreads>(args, team, item, list.slots, kept, state.kept);
        state.kept += kept;
    }
    if (team.rank == 0 && threadIdx.x == 0) args.results[item] = state;
}

__global__ void keep_all(const __grid_constant__ ClusterArgs args) {
    const int item = blockIdx.y;
    ItemState& state = args.in.items[item];
    const bool decided = item < *args.in.count && state.undecided == 0;
    const int count = decided ? state.candidates : 0;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const int i = blockIdx.x * kSmallThreads + threadIdx.x;
    if (i < count) args.kept[begin + i] = args.in.boxes[begin + i];
    if (i > 0) return;
    state.kept = count;
    args.results[item] = state;
}

/// Clusters of blocks came with compute capability 9.
bool has_teams(std::size_t shared_bytes) {
    int device = 0;
    int major = 0;
    int most = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    return major >= 9 && sizeof(Tile) + shared_bytes <= static_cast<std::size_t>(most);
}

void launch_large(const ClusterArgs& args, int batch, cudaStream_t stream) {
    const std::size_t shared_bytes = static_cast<std::size_t>(args.in.capacity) *
                                     (sizeof(unsigned long long) + sizeof(unsigned short));
    if (!has_teams(shared_bytes)) {
        suppress_large<<<dim3(1, batch), kLargeThreads, 0, stream>>>(args);
        return;
    }
    cudaFuncSetAttribute(suppress_large,
                         cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shared_bytes));
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {kTeam, 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(kTeam, batch);
    config.blockDim = dim3(kLargeThreads);
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &cluster;
    config.numAttrs = 1;
    cudaLaunchKernelEx(&config, suppress_large, args);
}

}  // namespace

void launch_cluster(const ClusterArgs& args, int batch, cudaStream_t stream) {
    if (args.suppresses) {
        suppress_small<<<dim3(args.in.group_count, batch), kSmallThreads, 0, stream>>>(args);
        launch_large(args, batch, stream);
    } else {
        const int blocks = (args.in.capacity + kSmallThreads - 1) / kSmallThreads;
        keep_all<<<dim3(blocks, batch), kSmallThreads, 0, stream>>>(args);
    }
}

}  // namespace sluice::infer::cuda
