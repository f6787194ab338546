#include "sluice/infer/backends/cuda/arena.h"

#include <random>

#include <gtest/gtest.h>

namespace sluice::infer::cuda {
namespace {

TEST(Arena, GivesTheSamePlaceToWhatIsNeverWantedTogether) {
    const ArenaPlan plan = plan_arena({{1000, 0, 1}, {1000, 2, 3}});
    EXPECT_EQ(plan.offsets[0], plan.offsets[1]);
    EXPECT_EQ(plan.bytes, 1024u);
}

TEST(Arena, KeepsApartWhatOneStepReadsAndWrites) {
    const ArenaPlan plan = plan_arena({{1000, 0, 1}, {1000, 1, 2}});
    EXPECT_EQ(plan.bytes, 2048u);
}

TEST(Arena, FillsGaps) {
    // The small one fits below the large one that comes after the first has gone.
    const ArenaPlan plan = plan_arena({{4096, 0, 1}, {8192, 1, 4}, {1024, 3, 4}});
    EXPECT_EQ(plan.bytes, 8192u + 4096u);
}

TEST(Arena, NeverOverlapsWhatLivesTogether) {
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
        std::vector<Block> blocks(40);
        for (Block& block : blocks) {
            block.bytes = random() % 5000 + 1;
            block.first = static_cast<int>(random() % 30);
            block.last = block.first + static_cast<int>(random() % 8);
        }
        const ArenaPlan plan = plan_arena(blocks);
        for (std::size_t a = 0; a < blocks.size(); ++a) {
            EXPECT_LE(plan.offsets[a] + blocks[a].bytes, plan.bytes);
            for (std::size_t b = 0; b < a; ++b) {
                if (blocks[a].last < blocks[b].first || blocks[b].last < blocks[a].first) continue;
                EXPECT_TRUE(plan.offsets[a] + blocks[a].bytes <= plan.offsets[b] ||
                            plan.offsets[b] + blocks[b].bytes <= plan.offsets[a]);
            }
        }
    }
}

}  // namespace
}  // namespace sluice::infer::cuda
