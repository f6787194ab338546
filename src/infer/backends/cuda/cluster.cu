#include "sluice/infer/backends/cuda/detect.h"

// The twin of Nms, exactly: candidates by falling score, equal ones by cell; each is kept unless
// one kept before it overlaps it too much. A block has one group of classes of one item; what is
// too much for a block is left to a team of them.
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
    Shape shapes[kTile];  // when all is decided: those kept, at the front
    union {
        unsigned by[kTileWords][kTile];  // bits of the earlier ones that suppress each
        FoundBox boxes[kTile];           // those kept
    };
    unsigned open[kTileWords];
    unsigned kept[kTileWords];
    unsigned stay[2][kSmall / kWarp];
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
            __syncthreads();
        }
    }
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

/// Brings the tile's kept candidates to its front, and to the host; all threads get their number.
/// A thread has the box of its candidate.
template <int kThreads>
__device__ int keep(
    const ClusterArgs& args, int item, bool writes, const FoundBox& box, Tile& tile) {
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
    if (writes && thread == 0) tile.number = atomicAdd(&args.in.items[item].kept, kept);
    __syncthreads();
    if (stays) {
        tile.shapes[rank] = shape;
        tile.boxes[rank] = box;
    }
    __syncthreads();
    if (!writes) return kept;
    // Neighbouring threads write neighbouring words: a bus likes long writes.
    using Word = unsigned long long;
    constexpr int kBoxWords = sizeof(FoundBox) / sizeof(Word);
    const auto* from = reinterpret_cast<const Word*>(tile.boxes);
    auto* to = reinterpret_cast<Word*>(args.kept + static_cast<long long>(item) * args.in.capacity +
                                       tile.number);
    for (int i = thread; i < kept * kBoxWords; i += kThreads)
        to[i] = from[i];
    return kept;
}

/// Says for each of a team's share of `slots` whether none of the tile's kept ones suppresses it,
/// as bits.
template <int kThreads>
__device__ void compare_rest(const ClusterArgs& args,
                             const Team& team,
                             int item,
                             const Tile& tile,
                             int kept,
                             const unsigned short* slots,
                             int count,
                             unsigned* stay) {
    const FoundBox* boxes = args.in.boxes + static_cast<long long>(item) * args.in.capacity;
    const int lane = threadIdx.x % kWarp;
    const int first = threadIdx.x / kWarp * team.size + team.rank;
    for (int word = first; word * kWarp < count; word += kThreads / kWarp * team.size) {
        const int i = word * kWarp + lane;
        bool stays = i < count;
        const Shape shape = shape_of(args, boxes[slots[stays ? i : 0]]);
#pragma unroll 8
        for (int k = 0; k < kept; ++k)
            stays &= !suppresses(tile.shapes[k], shape);
        const unsigned ballot = __ballot_sync(kAll, stays);
        if (lane == 0) stay[word] = ballot;
    }
}

/// Copies the slots that stay, in order; all threads get their number.
template <int kThreads>
__device__ int close_ranks(
    const unsigned* stay, const unsigned short* from, int count, unsigned short* to, Tile& tile) {
    const int thread = threadIdx.x;  // has a word
    const int warp = thread / kWarp;
    unsigned bits = thread * kWarp < count ? stay[thread] : 0;
    int place = __popc(bits);
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const int before = __shfl_up_sync(kAll, place, distance);
        if (thread % kWarp >= distance) place += before;
    }
    if (thread % kWarp == kWarp - 1) tile.sums[warp] = place;
    __syncthreads();
    place -= __popc(bits);
    int total = 0;
    for (int w = 0; w < kThreads / kWarp; ++w) {
        if (w < warp) place += tile.sums[w];
        total += tile.sums[w];
    }
    for (; bits != 0; bits &= bits - 1)
        to[place++] = from[thread * kWarp + __ffs(static_cast<int>(bits)) - 1];
    __syncthreads();
    return total;
}

/// Of `count` candidates in order. The best open ones are decided among themselves; then those kept
/// drop what they suppress of the rest, on all blocks of the team, until nothing is left. `spare`
/// has room for as many slots; `stay` for two sets of bits, `stay_pitch` apart: a block may be
/// ahead of another's reading.
template <int kThreads>
__device__ void suppress_in_order(const ClusterArgs& args,
                                  const Team& team,
                                  int item,
                                  unsigned short* slots,
                                  unsigned short* spare,
                                  int count,
                                  Tile& tile,
                                  unsigned* stay,
                                  int stay_pitch) {
    const FoundBox* boxes = args.in.boxes + static_cast<long long>(item) * args.in.capacity;
    for (int round = 0; count > 0; ++round) {
        const int head = min(kTile, count);
        FoundBox box{};
        if (threadIdx.x < head) {
            box = boxes[slots[threadIdx.x]];
            tile.shapes[threadIdx.x] = shape_of(args, box);
        }
        __syncthreads();
        compare<kThreads>(tile, head);
        __syncthreads();
        decide(tile, head);
        const int kept = keep<kThreads>(args, item, team.rank == 0, box, tile);
        const int rest = count - head;
        if (rest == 0) return;
        unsigned* bits = stay + round % 2 * stay_pitch;
        compare_rest<kThreads>(args, team, item, tile, kept, slots + head, rest, bits);
        wait_for(team);
        count = close_ranks<kThreads>(bits, slots + head, rest, spare, tile);
        unsigned short* const other = slots;
        slots = spare;
        spare = other;
    }
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
    Sorted list{order, slots, 0};
    list.count =
        gather<kSmallThreads>(args.in, item, group, 0, state.candidates, list, kSmall, tile.number);
    if (list.count > kSmall) {
        if (threadIdx.x == 0) atomicOr(&state.large_groups, 1ull << group);
        return;
    }
    sort<kSmallThreads>(list);
    auto* const spare = reinterpret_cast<unsigned short*>(order);  // of no more use
    suppress_in_order<kSmallThreads>(
        args, {0, 1}, item, slots, spare, list.count, tile, tile.stay[0], kSmall / kWarp);
}

/// What the small ones left, by a team for each item; then reports all items to the host. A team of
/// more than one has shared memory for all candidates.
__global__ void __launch_bounds__(kLargeThreads)
    suppress_large(const __grid_constant__ ClusterArgs args) {
    __shared__ Tile tile;
    extern __shared__ unsigned long long memory[];

    const int item = blockIdx.y;
    const Team team{static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)};
    const ItemState& state = args.in.items[item];
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    Sorted list{args.order + begin, args.slots + begin, 0};
    if (team.size > 1)
        list = {memory, reinterpret_cast<unsigned short*>(memory + args.in.capacity), 0};
    auto* const spare = reinterpret_cast<unsigned short*>(list.order);
    for (unsigned long long left = state.large_groups; left != 0; left &= left - 1) {
        wait_for(team);  // until nobody needs what the last group left behind
        const int group = __ffsll(static_cast<long long>(left)) - 1;
        const int count = sort_together(args, team, item, group, list, tile.number);
        TeamState& common = args.teams[item];
        suppress_in_order<kLargeThreads>(args,
                                         team,
                                         item,
                                         list.slots,
                                         spare,
                                         count,
                                         tile,
                                         common.stay[0],
                                         kMostCandidates / kWarp);
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
