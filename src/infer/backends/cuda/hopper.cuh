#pragma once

#include <cstdint>

#include <cuda.h>

#include "sluice/infer/backends/cuda/int8_math.cuh"

/// What Hopper has (PTX manual): matrix units by which four warps multiply two matrices in shared
/// memory in the background (wgmma), copies of boxes of a tensor by one thread
/// (cp.async.bulk.tensor), and barriers in shared memory, by which warps wait for either.
/// To be included where __CUDA_ARCH_FEAT_SM90_ALL is defined, and by the host's pass.
namespace sluice::infer::cuda {

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

// The matrix units read shared memory by a way of their own ("async proxy").

/// What this thread has copied, up to the last N groups, may be read by them once the other threads
/// know of it.
template <int N>
__device__ void show_groups_to_matrix_units() {
    wait_for_groups<N>();
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

inline __device__ void show_copies_to_matrix_units() {
    end_of_group();
    show_groups_to_matrix_units<0>();
}

/// A barrier in shared memory whose phases end when `count` have arrived in each.
class Barrier {
public:
    __device__ explicit Barrier(char* at) : at_(shared_address(at)) {}
    __device__ void create(int count) const {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at_), "r"(count) : "memory");
    }
    __device__ void arrive() const {
        asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(at_) : "memory");
    }
    /// The phase that is on does not end before so many more bytes have been copied.
    __device__ void expect(int bytes) const {
        asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(at_),
                     "r"(bytes)
                     : "memory");
    }
    /// Copies the box of a matrix of bytes that begins at this column and row; zeros for what is
    /// outside of the matrix. Bytes of 128 lie where swizzled() says.
    __device__ void copy_box(unsigned to, const CUtensorMap& from, int column, int row) const {
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
            "[%1, {%2, %3}], [%4];" ::"r"(to),
            "l"(&from),
            "r"(column),
            "r"(row),
            "r"(at_)
            : "memory");
    }
    /// Until this phase, counted from 0, has ended. It must be the phase that is on, or the last
    /// one: others look the same.
    __device__ void wait(int phase) const {
        unsigned ended = 0;
        while (ended == 0) {
            asm volatile(
                "{.reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
                "selp.u32 %0, 1, 0, p;}"
                : "=r"(ended)
                : "r"(at_), "r"(phase % 2)
                : "memory");
        }
    }

private:
    unsigned at_;
};

/// Barriers that this thread has created may be told of copies.
inline __device__ void show_barriers_to_copies() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// Stages of shared memory that some warps fill, one after the other and round after round, and
/// others read. Of each two barriers tell: it is full, when all lanes of the warp that fills it
/// have told so, and it is empty again, when all lanes of all warps that read have. (One lane could
/// tell for its warp, but not faster, and racecheck would take the copies of the others for races.)
class Ring {
public:
    /// A stage, and how often it has been filled before.
    struct Turn {
        int stage = 0, round = 0;
    };

    __device__ Ring(char* barriers, int stages) : barriers_(barriers), stages_(stages) {}

    /// By the first thread, before the others come.
    __device__ void create(int readers) const {
        if (threadIdx.x != 0) return;
        for (int stage = 0; stage < stages_; ++stage) {
            full(stage).create(32);
            empty(stage).create(readers);
        }
        show_barriers_to_copies();
    }
    __device__ void next(Turn& turn) const {
        if (++turn.stage < stages_) return;
        turn.stage = 0;
        ++turn.round;
    }

    __device__ void wait_until_full(Turn turn) const { full(turn.stage).wait(turn.round); }
    __device__ void wait_until_empty(Turn turn) const {
        if (turn.round > 0) empty(turn.stage).wait(turn.round - 1);
    }
    __device__ void tell_full(int stage) const { full(stage).arrive(); }
    __device__ void tell_empty(int stage) const { empty(stage).arrive(); }

    __device__ Barrier full(int stage) const { return Barrier(barriers_ + stage * kBytes); }

private:
    static constexpr int kBytes = 16;  ///< of a stage's barriers

    __device__ Barrier empty(int stage) const {
        return Barrier(barriers_ + stage * kBytes + kBytes / 2);
    }

    char* barriers_;
    int stages_;
};

/// Until at most the last N groups of products are not done.
template <int N>
__device__ void wait_for_product_groups() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
/// All products are in the sums.
template <int Count>
__device__ void wait_for_products(int (&sums)[Count]) {
    wait_for_product_groups<0>();
#pragma unroll
    for (int& sum : sums)
        asm volatile("" : "+r"(sum)::"memory");  // not read before
}

/// Of a matrix of core matrices, 8 rows of 16 bytes side by side each: where it begins, from there
/// to the next 16 bytes of its rows (`further`), and to the next 8 rows. In 16 bytes.
inline __device__ std::uint64_t descriptor(unsigned begin, unsigned further, unsigned next_rows) {
    return static_cast<std::uint64_t>(next_rows) << 32 | further << 16 | begin;
}

/// Of a matrix of rows of 128 bytes that lie where swizzled() says, from a multiple of 1024 on. 32
/// bytes further in its rows is 2 more.
inline __device__ std::uint64_t swizzled_descriptor(unsigned begin) {
    constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62;
    constexpr std::uint64_t kEightRows = 8 * 128 / 16;
    return kSwizzle128 | kEightRows << 32 | std::uint64_t{1} << 16 | begin;
}

/// Before and after products that follow each other without a wait: nothing else may stand between.
inline __device__ void begin_products() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
inline __device__ void end_products() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

// sums[64 places][N channels] += x[64][32] * weights[32][N], or just = where nothing is to be added
// to, by four warps, in the background.
#define SLUICE_SUMS_8(i)                                                                       \
    "+r"(sums[i]), "+r"(sums[i + 1]), "+r"(sums[i + 2]), "+r"(sums[i + 3]), "+r"(sums[i + 4]), \
        "+r"(sums[i + 5]), "+r"(sums[i + 6]), "+r"(sums[i + 7])
#define SLUICE_SUMS_16(i) SLUICE_SUMS_8(i), SLUICE_SUMS_8(i + 8)
#define SLUICE_SUMS_32(i) SLUICE_SUMS_16(i), SLUICE_SUMS_16(i + 16)
#define SLUICE_MULTIPLY(channels, registers, x_at, weights_at, adds_at, ...)                   \
    inline __device__ void multiply(                                                           \
        int(&sums)[channels / 2], std::uint64_t x, std::uint64_t weights, bool adds) {         \
        asm volatile("{.reg .pred adds; setp.ne.u32 adds, " adds_at                            \
                     ", 0; "                                                                   \
                     "wgmma.mma_async.sync.aligned.m64n" #channels "k32.s32.s8.s8 {" registers \
                     "}, " x_at ", " weights_at ", adds;}"                                     \
                     : __VA_ARGS__                                                             \
                     : "l"(x), "l"(weights), "r"(static_cast<unsigned>(adds))                  \
                     : "memory");                                                              \
    }
#define SLUICE_REGISTERS_16 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define SLUICE_REGISTERS_24 SLUICE_REGISTERS_16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define SLUICE_REGISTERS_32 SLUICE_REGISTERS_24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define SLUICE_REGISTERS_48 \
    SLUICE_REGISTERS_32     \
    ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define SLUICE_REGISTERS_64 \
    SLUICE_REGISTERS_48     \
    ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
SLUICE_MULTIPLY(32, SLUICE_REGISTERS_16, "%16", "%17", "%18", SLUICE_SUMS_16(0))
SLUICE_MULTIPLY(48, SLUICE_REGISTERS_24, "%24", "%25", "%26", SLUICE_SUMS_16(0), SLUICE_SUMS_8(16))
SLUICE_MULTIPLY(64, SLUICE_REGISTERS_32, "%32", "%33", "%34", SLUICE_SUMS_32(0))
SLUICE_MULTIPLY(96, SLUICE_REGISTERS_48, "%48", "%49", "%50", SLUICE_SUMS_32(0), SLUICE_SUMS_16(32))
SLUICE_MULTIPLY(
    128, SLUICE_REGISTERS_64, "%64", "%65", "%66", SLUICE_SUMS_32(0), SLUICE_SUMS_32(32))

#undef SLUICE_MULTIPLY
#undef SLUICE_REGISTERS_16
#undef SLUICE_REGISTERS_24
#undef SLUICE_REGISTERS_32
#undef SLUICE_REGISTERS_48
#undef SLUICE_REGISTERS_64
#undef SLUICE_SUMS_8
#undef SLUICE_SUMS_16
#undef SLUICE_SUMS_32

#endif

}  // namespace sluice::infer::cuda
