#include "sluice/infer/backends/cuda/boxes.cuh"

// The twin of Nms, exactly: a candidate is kept unless a better one that is kept suppresses it.
// Once the pairs that suppress are known, all candidates are decided at once, whatever their order.
// Of a dense crowd, which has too many pairs, few candidates are kept: these are found by falling
// score, some at a time, and drop what they suppress.
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
constexpr int kAtOnce = 4;  // kept ones that a warp compares its candidates with
constexpr int kMostWords = kMostCandidates / kWarp;
constexpr int kBucketBits = 11;
constexpr int kBuckets = 1 << kBucketBits;
static_assert(kBuckets == 2 * kThreads);

/// Of all candidates, by place.
struct Bits {
    unsigned open[kMostWords];
    unsigned goes[kMostWords];   // of the open ones: a kept one suppresses it
    unsigned waits[kMostWords];  // an open one would
};

/// The best candidates that are still open.
struct Tile {
    Edges edges[kTile];  // when all is decided: those kept, at the front
    Traits traits[kTile];
    unsigned short places[kTile];
    unsigned by[kTileWords][kTile];  // bits of the earlier ones that suppress each
    unsigned open[kTileWords];
    unsigned kept[kTileWords];
};

/// How they are found.
struct Choice {
    unsigned long long orders[kTile];
    unsigned short places[kTile];
    int ranks[kTile];
    int number;
    int counts[kBuckets];
    int bucket;  // the first that there is no room for
    int before;  // how many are in those before it
};

struct Dense {
    Tile tile;
    Choice choice;
};

struct Shared {
    unsigned kept[kMostWords];  // bits, by place
    union {
        Bits bits;
        Dense dense;
    };
    int sums[kThreads / kWarp];
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

/// The sum of the numbers of all threads before this one; `total` becomes that of all.
__device__ int sum_before(int number, int* sums, int& total) {
    const int lane = threadIdx.x % kWarp;
    const int warp = threadIdx.x / kWarp;
    int sum = number;
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const int before = __shfl_up_sync(kAll, sum, distance);
        if (lane >= distance) sum += before;
    }
    if (lane == kWarp - 1) sums[warp] = sum;
    __syncthreads();
    sum -= number;
    total = 0;
    for (int w = 0; w < kThreads / kWarp; ++w) {
        if (w < warp) sum += sums[w];
        total += sums[w];
    }
    return sum;
}

/// Lists the places of the bits in order, or what `from` has there; all threads get their number.
__device__ int list_bits(
    const unsigned* words, int count, const unsigned short* from, unsigned short* to, int* sums) {
    const int thread = threadIdx.x;  // has a word
    unsigned bits = thread * kWarp < count ? words[thread] : 0;
    int total;
    int place = sum_before(__popc(bits), sums, total);
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
__device__ void step(Shared& shared, unsigned pair) {
    Bits& bits = shared.bits;
    const unsigned worse = pair & 0xffff;
    const unsigned better = pair >> 16;
    if (!has(bits.open, worse)) return;
    const unsigned bit = 1u << (worse % kWarp);
    if (has(shared.kept, better)) {
        atomicOr(&bits.goes[worse / kWarp], bit);
    } else if (has(bits.open, better)) {
        atomicOr(&bits.waits[worse / kWarp], bit);
    }
}

/// Decides all candidates at once: one goes when a kept one suppresses it, and stays when all that
/// would went. Each round decides at least the best open one; of a crowd, most.
__device__ void settle(Shared& shared, const unsigned* pairs, int pair_count, int count) {
    Bits& bits = shared.bits;
    const int word = threadIdx.x;
    const int own = min(max(count - word * kWarp, 0), kWarp);
    if (word < kMostWords) {
        bits.open[word] = own == kWarp ? kAll : (1u << own) - 1;
        bits.goes[word] = bits.waits[word] = 0;
    }
    __syncthreads();
    while (true) {
        for (int i = 4 * threadIdx.x; i < pair_count; i += 4 * kThreads) {
            const uint4 four = *reinterpret_cast<const uint4*>(pairs + i);
            step(shared, four.x);
            if (i + 1 < pair_count) step(shared, four.y);
            if (i + 2 < pair_count) step(shared, four.z);
            if (i + 3 < pair_count) step(shared, four.w);
        }
        __syncthreads();
        unsigned open = 0;
        if (word < kMostWords) {
            const unsigned stays = bits.open[word] & ~bits.goes[word];
            open = stays & bits.waits[word];
            shared.kept[word] |= stays & ~bits.waits[word];
            bits.open[word] = open;
            bits.goes[word] = bits.waits[word] = 0;
        }
        if (__syncthreads_or(open != 0) == 0) return;
    }
}

/// An item's candidates, by place.
struct Crowd {
    const Edges* edges;
    const Traits* traits;
    const unsigned long long* order;
};

/// The places of open ones, in order, so that neighbours in the list are near one another.
struct Open {
    unsigned short* places;
    int count;
};

/// The order that from kTile / 2 to kTile of the open ones lie before, or all.
__device__ unsigned long long limit_of(const Crowd& crowd,
                                       const Open& open,
                                       Choice& choice,
                                       int* sums) {
    if (open.count <= kTile) return ~0ull;
    const int thread = threadIdx.x;
    unsigned long long limit = 0;
    int room = kTile;
    for (int shift = 64 - kBucketBits;; shift = max(shift - kBucketBits, 0)) {
        choice.counts[2 * thread] = choice.counts[2 * thread + 1] = 0;
        __syncthreads();
        for (int i = thread; i < open.count; i += kThreads) {
            const unsigned long long order = crowd.order[open.places[i]];
            const unsigned long long bucket = (order - limit) >> shift;
            if (order >= limit && bucket < kBuckets)
                atomicAdd(&choice.counts[static_cast<int>(bucket)], 1);
        }
        __syncthreads();
        int total;
        const int own[] = {choice.counts[2 * thread], choice.counts[2 * thread + 1]};
        int before = sum_before(own[0] + own[1], sums, total);
        for (int k = 0; k < 2; ++k) {
            if (before <= room && before + own[k] > room) {
                choice.bucket = 2 * thread + k;
                choice.before = before;
            }
            before += own[k];
        }
        __syncthreads();
        limit += static_cast<unsigned long long>(choice.bucket) << shift;
        room -= choice.before;
        if (room <= kTile / 2) return limit;  // at the latest with a candidate to each bucket
    }
}

/// Brings the open ones before the limit to the tile, in order; all threads get their number.
__device__ int choose(
    const Crowd& crowd, const Open& open, unsigned long long limit, Choice& choice, Tile& tile) {
    const int thread = threadIdx.x;
    if (thread < kTile) choice.ranks[thread] = 0;
    if (thread == 0) choice.number = 0;
    __syncthreads();
    for (int i = thread; i < open.count; i += kThreads) {
        const unsigned short place = open.places[i];
        const unsigned long long order = crowd.order[place];
        if (order >= limit) continue;
        const int at = atomicAdd(&choice.number, 1);
        choice.orders[at] = order;
        choice.places[at] = place;
    }
    __syncthreads();
    const int number = choice.number;
    const int candidate = thread % kTile;
    const unsigned long long own = choice.orders[candidate];
    int better = 0;
#pragma unroll 8
    for (int i = thread / kTile; i < number; i += kThreads / kTile)
        better += choice.orders[i] < own ? 1 : 0;
    atomicAdd(&choice.ranks[candidate], better);
    __syncthreads();
    if (thread < number) {
        const int rank = choice.ranks[thread];
        const unsigned short place = choice.places[thread];
        tile.places[rank] = place;
        tile.edges[rank] = crowd.edges[place];
        tile.traits[rank] = crowd.traits[place];
    }
    __syncthreads();
    return number;
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

/// Brings the tile's kept candidates to its front; all threads get their number.
__device__ int keep(Tile& tile, unsigned* all_kept) {
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
        const unsigned place = tile.places[thread];
        atomicOr(&all_kept[place / kWarp], 1u << (place % kWarp));
    }
    __syncthreads();
    return kept;
}

/// Around the boxes of the warp's lanes that `has` one.
__device__ Edges around(const Edges& box, bool has) {
    Edges all{INFINITY, INFINITY, -INFINITY, -INFINITY};
    if (has) all = box;
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        all.left = fminf(all.left, __shfl_xor_sync(kAll, all.left, distance));
        all.top = fminf(all.top, __shfl_xor_sync(kAll, all.top, distance));
        all.right = fmaxf(all.right, __shfl_xor_sync(kAll, all.right, distance));
        all.bottom = fmaxf(all.bottom, __shfl_xor_sync(kAll, all.bottom, distance));
    }
    return all;
}

/// Says for a team's share of the open ones from the limit on whether none of the tile's kept ones
/// suppresses them, as bits. A warp compares its candidates with those kept ones only that share
/// more than `least` of their area with the box around them.
__device__ void compare_rest(const Team& team,
                             const Crowd& crowd,
                             const Open& open,
                             unsigned long long limit,
                             float least,
                             const Tile& tile,
                             int kept,
                             unsigned* stay) {
    const int lane = threadIdx.x % kWarp;
    const int begin = threadIdx.x / kWarp * team.size + team.rank;
    for (int word = begin; word * kWarp < open.count; word += kThreads / kWarp * team.size) {
        const int i = word * kWarp + lane;
        const int place = open.places[min(i, open.count - 1)];
        const Edges own = crowd.edges[place];
        const Traits own_traits = crowd.traits[place];
        bool stays = i < open.count && crowd.order[place] >= limit;
        const Edges all = around(own, stays);
        unsigned left = __ballot_sync(kAll, stays);
        for (int first = 0; first < kept && left != 0; first += kWarp) {
            const int k = first + lane;
            unsigned near = __ballot_sync(
                kAll, k < kept && overlap(tile.edges[k], all) > least * tile.traits[k].area);
            while (near != 0 && left != 0) {
                // Some at once, as each takes long; where there are no more, the first again.
#pragma unroll
                for (int n = 0; n < kAtOnce; ++n) {
                    const int other = first + max(__ffs(static_cast<int>(near)) - 1, 0);
                    stays &= !suppresses(tile.edges[other], tile.traits[other], own, own_traits);
                    near &= near - 1;
                }
                left = __ballot_sync(kAll, stays);
            }
        }
        if (lane == 0) stay[word] = left;
    }
}

/// The best open ones are decided among themselves; then those kept drop what they suppress of the
/// rest, on all blocks of the team, until nothing is left. `places` has room for two of each
/// candidate. All blocks have the same open ones and the same kept ones.
__device__ void suppress_in_order(const ClusterArgs& args,
                                  const Team& team,
                                  int item,
                                  int count,
                                  unsigned short* places,
                                  Shared& shared) {
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const Crowd crowd{args.edges + begin, args.traits + begin, args.order + begin};
    // What suppresses another shares so much of its area with it, and a little less for rounding.
    const float least = 0.999f * args.least_threshold / (1 + args.least_threshold);
    Tile& tile = shared.dense.tile;
    Choice& choice = shared.dense.choice;
    Open open{places, count};
    unsigned short* spare = places + args.in.capacity;
    for (int i = threadIdx.x; i < count; i += kThreads)
        open.places[i] = static_cast<unsigned short>(i);
    __syncthreads();
    for (int round = 0; open.count > 0; ++round) {
        const unsigned long long limit = limit_of(crowd, open, choice, shared.sums);
        const int head = choose(crowd, open, limit, choice, tile);
        compare(tile, head);
        __syncthreads();
        decide(tile, head);
        const int kept = keep(tile, shared.kept);
        // Two sets of bits: a block may be ahead of another's reading.
        unsigned* stay = args.teams[item].stay[round % 2];
        compare_rest(team, crowd, open, limit, least, tile, kept, stay);
        wait_for(team);
        const int left = list_bits(stay, open.count, open.places, spare, shared.sums);
        unsigned short* const other = open.places;
        open = {spare, left};
        spare = other;
    }
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

/// By a team for each item. Has shared memory for two places of each candidate.
__global__ void __launch_bounds__(kThreads, 1) suppress(const __grid_constant__ ClusterArgs args) {
    __shared__ Shared shared;
    extern __shared__ unsigned short places[];

    const int item = blockIdx.y;
    const Team team{static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)};
    const ItemState& state = args.in.items[item];
    const int count = item < *args.in.count && state.undecided == 0 ? state.candidates : 0;
    const int pair_count = count > 0 ? args.teams[item].pairs : 0;
    const bool is_dense = state.meetings > args.most_meetings || pair_count > args.pair_capacity;
    if (team.rank > 0 && !is_dense) return;
    if (threadIdx.x < kMostWords) shared.kept[threadIdx.x] = 0;
    if (is_dense) {
        suppress_in_order(args, team, item, count, places, shared);
    } else {
        const unsigned* pairs = args.pairs + static_cast<long long>(item) * args.pair_capacity;
        settle(shared, pairs, pair_count, count);
    }
    if (team.rank > 0) return;
    const int kept = list_bits(shared.kept, count, nullptr, places, shared.sums);
    report(args, item, places, kept);
    if (threadIdx.x == 0) args.results[item] = {kept, state.undecided};
}

__global__ void keep_all(const __grid_constant__ ClusterArgs args) {
    const int item = blockIdx.y;
    const ItemState& state = args.in.items[item];
    const bool decided = item < *args.in.count && state.undecided == 0;
    const int count = decided ? state.candidates : 0;
    const long long begin = static_cast<long long>(item) * args.in.capacity;
    const int i = blockIdx.x * kThreads + threadIdx.x;
    if (i < count) args.kept[begin + i] = args.in.boxes[begin + i];
    if (i > 0) return;
    args.results[item] = {count, state.undecided};
}

/// Clusters of blocks came with compute capability 9.
bool has_teams() {
    int device = 0;
    int major = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    return major >= 9;
}

void launch_suppress(const ClusterArgs& args, int batch, cudaStream_t stream) {
    const std::size_t place_bytes =
        static_cast<std::size_t>(2 * args.in.capacity) * sizeof(unsigned short);
    cudaFuncSetAttribute(
        suppress, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(place_bytes));
    const unsigned team = has_teams() ? kTeam : 1;
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {team, 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(team, batch);
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = place_bytes;
    config.stream = stream;
    config.attrs = &cluster;
    config.numAttrs = team > 1 ? 1 : 0;
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
