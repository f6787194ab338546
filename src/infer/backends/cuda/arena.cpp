#include "sluice/infer/backends/cuda/arena.h"

#include <algorithm>
#include <numeric>

namespace sluice::infer::cuda {
namespace {

constexpr std::size_t kAlignment = 256;

struct Range {
    std::size_t begin;
    std::size_t end;
};

/// The lowest place for `bytes` between ranges that are taken.
std::size_t lowest_gap(std::vector<Range> taken, std::size_t bytes) {
    std::sort(taken.begin(), taken.end(), [](Range a, Range b) { return a.begin < b.begin; });
    std::size_t place = 0;
    for (const Range& range : taken) {
        if (range.begin >= place + bytes) break;
        place = std::max(place, range.end);
    }
    return place;
}

}  // namespace

ArenaPlan plan_arena(const std::vector<Block>& blocks) {
    std::vector<std::size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return blocks[a].bytes > blocks[b].bytes;
    });
    ArenaPlan plan;
    plan.offsets.resize(blocks.size(), 0);
    std::vector<std::size_t> done;
    for (std::size_t i : order) {
        const std::size_t bytes = (blocks[i].bytes + kAlignment - 1) / kAlignment * kAlignment;
        std::vector<Range> taken;
        for (std::size_t other : done) {
            if (blocks[other].last < blocks[i].first || blocks[i].last < blocks[other].first)
                continue;
            const std::size_t begin = plan.offsets[other];
            taken.push_back({begin, begin + blocks[other].bytes});
        }
        for (Range& range : taken)
            range.end = (range.end + kAlignment - 1) / kAlignment * kAlignment;
        plan.offsets[i] = lowest_gap(std::move(taken), bytes);
        plan.bytes = std::max(plan.bytes, plan.offsets[i] + bytes);
        done.push_back(i);
    }
    return plan;
}

}  // namespace sluice::infer::cuda
