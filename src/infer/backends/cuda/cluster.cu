#include "sluice/infer/backends/cuda/boxes.cuh"

// The twin of Nms, exactly: a candidate is kept unless a better one that is kept suppresses it.
// Once the pairs that suppress are known, all candidates are decided at once, whatever their order.
// Where there are too many pairs, few candidates are kept: then these are found by falling score,
// and drop what they suppress.
namespace sluice::infer::cuda {
namespace {

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;
constexpr int kTile = 256;  // candidates of a dense crowd that are decided at a time
constexpr int kTileWords = kTile / kWarp;
constexpr int kThreads = 1024;
// Blocks that cluster a dense crowd together. Four take longer: an H100 does not run 32 such teams
// at once.
constexpr int kTeam = 3;
constexpr int kMostWords = kMostCandidates / kWarp;

/// Of all candidates, by place.
struct Bits {
    unsigned open[kMostWords];
    unsigned kept[kMostWords];
    unsigned goes[kMostWords];   // of the open ones: a kept one suppresses it
    unsigned waits[kMostWords];  // an open one would
};

/// The best candidates that are still open.
struct Tile {
    Edges edges[kTile];  // when all is decided: those kept, at the front
    Traits traits[kTile];
    unsigned by[kTileWords][kTile];  // bits of the earlier ones that suppress each
    unsigned open[kTileWords];
    unsigned kept[kTileWords];
};

struct Shared {
    union {
        Bits bits;
        Tile tile;
    };
    int sums[kThreads / kWarp];
};

/// Candidates: what they are sorted by, and where they are.
struct Sorted {
    unsigned long long* order;
    unsigned short* places;
    int count;
};

/// The blocks that see to a dense crowd: one, or a cluster of them.
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

/// Lists the places of the bits in order, or what `from` has there; all threads get their number.
__device__ int list_bits(
    const unsigned* words, int count, const unsigned short* from, unsigned short* to, int* sums) {
    const int thread = threadIdx.x;  // has a word
    const int warp = thread / kWarp;
    unsigned bits = thread * kWarp < count ? words[thread] : 0;
    int number = __popc(bits);
    int place = number;
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const int before = __shfl_up_sync(kAll, place, distance);
        if (thread % kWarp >= distance) place += before;
    }
    if (thread % kWarp == kWarp - 1) sums[warp] = place;
    __syncthreads();
    place -= number;
    int total = 0;
    for (int w = 0; w < kThreads / kWarp; ++w) {
        if (w < warp) place += sums[w];
        total += sums[w];
    }
    for (; bits != 0; bits &= bits - 1) {
        const int i = thread * kWarp + __ffs(static_cast<int>(bits)) - 1;
        to[place++] = from != nullptr ? from[i] : static_cast<unsigned short>(i);
    }
    __syncthreads();
    return total;
}

__device__ bool has(const unsigned* words, unsigned place) {
    return (words[place / kWarp] >> (place % kWarp) & 1) != 0;
}

/// One step of an open candidate, of a pair that it is the worse of.
__device__ void step(Bits& bits, unsigned pair) {
    const unsigned worse = pair & 0xffff;
    const unsigned better = pair >> 16;
    if (!has(bits.open, worse)) return;
    const unsigned bit = 1u << (worse % kWarp);
    if (has(bits.kept, better)) {
        atomicOr(&bits.goes[worse / kWarp], bit);
    } else if (has(bits.open, better)) {
        atomicOr(&bits.waits[worse / kWarp], bit);
    }
}

/// Decides all candidates at once: one goes when a kept one suppresses it, and stays when all that
/// would went. Each round decides at least the best open one; of a crowd, most.
__device__ void settle(Bits& bits, const unsigned* pairs, int pair_count, int count) {
    const int word = threadIdx.x;
    const int own = min(max(count - word * kWarp, 0), kWarp);
    if (word < kMostWords) {
        bits.open[word] = own == kWarp ? kAll : (1u << own) - 1;
        bits.kept[word] = bits.goes[word] = bits.waits[word] = 0;
    }
    __syncthreads();
    while (true) {
        for (int i = 4 * threadIdx.x; i < pair_count; i += 4 * kThreads) {
            const uint4 four = *reinterpret_cast<const uint4*>(pairs + i);
            step(bits, four.x);
            if (i + 1 < pair_count) step(bits, four.y);
            if (i + 2 < pair_count) step(bits, four.z);
            if (i + 3 < pair_count) step(bits, four.w);
        }
        __syncthreads();
        unsigned open = 0;
        if (word < kMostWords) {
            const unsigned stays = bits.open[word] & ~bits.goes[word];
            open = stays & bits.waits[word];
            bits.kept[word] |= stays & ~bits.waits[word];
            bits.open[word] = open;
            bits.goes[word] = bits.waits[word] = 0;
        }
        if (__syncthreads_or(open != 0) == 0) return;
    }
}

__device__ void put_in_order(const Sorted& of, int low, int high) {
    if (high >= of.count || of.order[low] <= of.order[high]) return;
    const unsigned long long order = of.order[low];
    of.order[low] = of.order[high];
    of.order[high] = order;
    const unsigned short place = of.places[low];
    of.places[low] = of.places[high];
    of.places[high] = place;
}

/// Batcher's bitonic sort (1968), each merge beginning with a mirrored step, so that every exchange
/// goes upward and what lies beyond the end counts as infinite.
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

/// Puts the places of an item's candidates in order, the same in each block. Each block of a team
/// sorts a share, then finds the places of these in the whole.
__device__ void sort_together(const ClusterArgs& args,
                              const Team& team,
                              int item,
                              const Sorted& list) {
    const int share = (list.count + team.size - 1) / team.size;
    const int from = min(team.rank * share, list.count);
    const Sorted own{list.order + from, list.places + from, min(share, list.count - from)};
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    unsigned long long* const order = args.order + begin;
    unsigned short* const places = args.places + 2 * begin;
    for (int i = threadIdx.x; i < own.count; i += kThreads) {
        own.order[i] = order[from + i];
        own.places[i] = static_cast<unsigned short>(from + i);
    }
    __syncthreads();
    sort(own);
    if (team.size == 1) return;

    for (int i = threadIdx.x; i < own.count; i += kThreads)
        order[from + i] = own.order[i];
    wait_for(team);
    for (int i = threadIdx.x; i < list.count; i += kThreads) {
        if (i < from || i >= from + own.count) list.order[i] = order[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < own.count; i += kThreads) {
        int place = i;
        for (int rank = 0; rank < team.size; ++rank) {
            const int first = min(rank * share, list.count);
            if (rank == team.rank) continue;
            place += count_less(list.order + first, min(share, list.count - first), own.order[i]);
        }
        places[place] = own.places[i];
    }
    wait_for(team);
    for (int i = threadIdx.x; i < list.count; i += kThreads)
        list.places[i] = places[i];
    __syncthreads();
}

/// Does the better one `a` suppress `b`?
__device__ bool suppresses(const Edges& a,
                           const Traits& a_traits,
                           const Edges& b,
                           const Traits& b_traits) {
    // Without a branch: what all threads do is faster done than decided.
    return (a_traits.class_id == b_traits.class_id) &
           is_too_much(overlap(a, b), a_traits.area, b_traits.area, b_traits.threshold);
}

/// Which of the tile's `count` candidates suppress which later ones.
__device__ void compare(Tile& tile, int count) {
    for (int task = threadIdx.x; task < kTileWords * kTile; task += kThreads) {
        const int word = task / kTile;
        const int candidate = task % kTile;
        const int first = word * kWarp;
        const int earlier = candidate < count ? min(kWarp, candidate - first) : 0;
        unsigned by = 0;
        for (int i = 0; i < earlier; ++i) {
            if (suppresses(tile.edges[first + i],
                           tile.traits[first + i],
                           tile.edges[candidate],
                           tile.traits[candidate]))
                by |= 1u << i;
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

/// Brings the tile's kept candidates to its front, and lists their places; all threads get their
/// number.
__device__ int keep(Tile& tile, const unsigned short* places, unsigned short* list) {
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
    Edges edges{};
    Traits traits{};
    if (stays) {
        edges = tile.edges[thread];
        traits = tile.traits[thread];
    }
    __syncthreads();
    if (stays) {
        tile.edges[rank] = edges;
        tile.traits[rank] = traits;
        list[rank] = places[thread];
    }
    __syncthreads();
    return kept;
}

/// Says for each of a team's share of `places` whether none of the tile's kept ones suppresses it,
/// as bits.
__device__ void compare_rest(const Team& team,
                             const Edges* edges,
                             const Traits* traits,
                             const Tile& tile,
                             int kept,
                             const unsigned short* places,
                             int count,
                             unsigned* stay) {
    const int lane = threadIdx.x % kWarp;
    const int first = threadIdx.x / kWarp * team.size + team.rank;
    for (int word = first; word * kWarp < count; word += kThreads / kWarp * team.size) {
        const int i = word * kWarp + lane;
        bool stays = i < count;
        const int place = places[stays ? i : 0];
        const Edges own = edges[place];
        const Traits own_traits = traits[place];
#pragma unroll 8
        for (int k = 0; k < kept; ++k)
            stays &= !suppresses(tile.edges[k], tile.traits[k], own, own_traits);
        const unsigned ballot = __ballot_sync(kAll, stays);
        if (lane == 0) stay[word] = ballot;
    }
}

/// The best open ones are decided among themselves; then those kept drop what they suppress of the
/// rest, on all blocks of the team, until nothing is left. `spare` has room for as many places as
/// the list. Lists the places of the kept ones, the same in each block; all threads get their
/// number.
__device__ int suppress_in_order(const ClusterArgs& args,
                                 const Team& team,
                                 int item,
                                 const Sorted& list,
                                 unsigned short* spare,
                                 unsigned short* kept,
                                 Shared& shared) {
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const Edges* edges = args.edges + begin;
    const Traits* traits = args.traits + begin;
    Tile& tile = shared.tile;
    unsigned short* places = list.places;
    int count = list.count;
    int kept_count = 0;
    for (int round = 0; count > 0; ++round) {
        const int head = min(kTile, count);
        if (threadIdx.x < head) {
            tile.edges[threadIdx.x] = edges[places[threadIdx.x]];
            tile.traits[threadIdx.x] = traits[places[threadIdx.x]];
        }
        __syncthreads();
        compare(tile, head);
        __syncthreads();
        decide(tile, head);
        const int more = keep(tile, places, kept + kept_count);
        kept_count += more;
        const int rest = count - head;
        // Two sets of bits: a block may be ahead of another's reading.
        unsigned* stay = args.teams[item].stay[round % 2];
        compare_rest(team, edges, traits, tile, more, places + head, rest, stay);
        wait_for(team);
        count = list_bits(stay, rest, places + head, spare, shared.sums);
        unsigned short* const other = places;
        places = spare;
        spare = other;
    }
    return kept_count;
}

/// Brings kept boxes to the host. Neighbouring threads write neighbouring words: a bus likes long
/// writes.
__device__ void report(const ClusterArgs& args, int item, const unsigned short* places, int kept) {
    using Word = unsigned long long;
    constexpr int kBoxWords = sizeof(FoundBox) / sizeof(Word);
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const Traits* traits = args.traits + begin;
    const auto* from = reinterpret_cast<const Word*>(args.in.boxes + begin);
    auto* to = reinterpret_cast<Word*>(args.kept + begin);
#pragma unroll 4
    for (int i = threadIdx.x; i < kept * kBoxWords; i += kThreads)
        to[i] = from[traits[places[i / kBoxWords]].slot * kBoxWords + i % kBoxWords];
}

/// By a team for each item. One of more than one block has shared memory for all candidates.
__global__ void __launch_bounds__(kThreads) suppress(const __grid_constant__ ClusterArgs args) {
    __shared__ Shared shared;
    extern __shared__ unsigned long long memory[];

    const int item = blockIdx.y;
    const Team team{static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)};
    ItemState state = args.in.items[item];
    const int count = item < *args.in.count && state.undecided == 0 ? state.candidates : 0;
    const int pair_count = count > 0 ? args.teams[item].pairs : 0;
    const bool is_dense = pair_count > args.pair_capacity;
    if (team.rank > 0 && !is_dense) return;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    unsigned short* kept = args.places + 2 * begin + args.in.capacity;
    if (is_dense) {
        Sorted list{args.order + begin, args.places + 2 * begin, count};
        if (team.size > 1)
            list = {memory, reinterpret_cast<unsigned short*>(memory + args.in.capacity), count};
        sort_together(args, team, item, list);
        auto* const spare = reinterpret_cast<unsigned short*>(list.order);  // of no more use
        state.kept = suppress_in_order(args, team, item, list, spare, kept, shared);
    } else {
        const unsigned* pairs = args.pairs + static_cast<long long>(item) * args.pair_capacity;
        settle(shared.bits, pairs, pair_count, count);
        state.kept = list_bits(shared.bits.kept, count, nullptr, kept, shared.sums);
    }
    if (team.rank > 0) return;
    report(args, item, kept, state.kept);
    if (threadIdx.x == 0) args.results[item] = state;
}

__global__ void keep_all(const __grid_constant__ ClusterArgs args) {
    const int item = blockIdx.y;
    ItemState& state = args.in.items[item];
    const bool decided = item < *args.in.count && state.undecided == 0;
    const int count = decided ? state.candidates : 0;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const int i = blockIdx.x * kThreads + threadIdx.x;
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
    return major >= 9 && sizeof(Shared) + shared_bytes <= static_cast<std::size_t>(most);
}

void launch_suppress(const ClusterArgs& args, int batch, cudaStream_t stream) {
    const std::size_t shared_bytes = static_cast<std::size_t>(args.in.capacity) *
                                     (sizeof(unsigned long long) + sizeof(unsigned short));
    if (!has_teams(shared_bytes)) {
        suppress<<<dim3(1, batch), kThreads, 0, stream>>>(args);
        return;
    }
    cudaFuncSetAttribute(
        suppress, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {kTeam, 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(kTeam, batch);
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &cluster;
    config.numAttrs = 1;
    cudaLaunchKernelEx(&config, suppress, args);
}

}  // namespace

void launch_cluster(const ClusterArgs& args, int batch, cudaStream_t stream) {
    if (args.suppresses) {
        launch_pairs(args, batch, stream);
        launch_suppress(args, batch, stream);
    } else {
        const int blocks = (args.in.capacity + kThreads - 1) / kThreads;
        keep_all<<<dim3(blocks, batch), kThreads, 0, stream>>>(args);
    }
}

}  // namespace sluice::infer::cuda
