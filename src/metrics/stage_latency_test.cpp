#include "sluice/metrics/stage_latency.h"

#include <array>

#include <gtest/gtest.h>

namespace sluice::metrics {
namespace {

constexpr std::array<std::string_view, 2> kNames{"batched", "inferred"};

TEST(StageLatency, KeepsOneHistogramPerStage) {
    StageLatency stages(kNames);
    stages.record(1, Duration(50));
    stages.record(1, Duration(70));
    auto snapshot = stages.snapshot();
    ASSERT_EQ(snapshot.size(), 2u);
    EXPECT_EQ(snapshot[0].name, "batched");
    EXPECT_EQ(snapshot[0].latency.count, 0u);
    EXPECT_EQ(snapshot[1].name, "inferred");
    EXPECT_EQ(snapshot[1].latency.mean(), Duration(60));
}

TEST(StageLatency, IgnoresAStageThatIsNotThere) {
    StageLatency stages(kNames);
    stages.record(2, Duration(50));
    for (const StageSnapshot& stage : stages.snapshot())
        EXPECT_EQ(stage.latency.count, 0u);
}

}  // namespace
}  // namespace sluice::metrics
