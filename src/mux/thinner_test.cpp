#include "sluice/mux/detail/thinner.h"

#include <gtest/gtest.h>

namespace sluice::mux::detail {
namespace {

/// Frames kept of ten seconds at `fps`, each moved by up to `jitter_ns` to and fro.
int kept(double max_fps, double fps, std::int64_t jitter_ns = 0, std::int64_t start_ns = 0) {
    Thinner thinner;
    SourceOptions options{.max_fps = max_fps};
    int count = 0;
    for (int i = 0; i < static_cast<int>(10 * fps); ++i) {
        auto time = start_ns + static_cast<std::int64_t>(i * 1e9 / fps);
        time += (i * 7 % 5 - 2) * jitter_ns / 2;
        if (!thinner.admit(options, time)) ++count;
    }
    return count;
}

TEST(Thinner, KeepsAllBelowTheMaximum) {
    EXPECT_EQ(kept(0, 30), 300);
    EXPECT_EQ(kept(30, 25), 250);
    EXPECT_EQ(kept(30, 30), 300);
    EXPECT_EQ(kept(30, 30, 2'000'000), 300);
}

TEST(Thinner, KeepsTheMeanRateAtTheMaximum) {
    EXPECT_NEAR(kept(10, 30), 100, 1);
    EXPECT_NEAR(kept(20, 30), 200, 1);
    EXPECT_NEAR(kept(20, 25), 200, 1);
    EXPECT_NEAR(kept(0.5, 30), 5, 1);
    EXPECT_NEAR(kept(7, 60, 3'000'000), 70, 1);
    EXPECT_NEAR(kept(10, 30, 0, std::int64_t{1} << 60), 100, 1);
}

TEST(Thinner, StartsAfreshWhenTimeJumps) {
    Thinner thinner;
    SourceOptions options{.max_fps = 10};
    EXPECT_FALSE(thinner.admit(options, 5'000'000'000));
    EXPECT_EQ(thinner.admit(options, 5'050'000'000), DropReason::kMaxFps);
    EXPECT_FALSE(thinner.admit(options, 0));  // the file starts again
    EXPECT_EQ(thinner.admit(options, 50'000'000), DropReason::kMaxFps);
    EXPECT_FALSE(thinner.admit(options, 9'000'000'000));
    EXPECT_EQ(thinner.admit(options, 9'010'000'000), DropReason::kMaxFps);
}

TEST(Thinner, AppliesTheIntervalBeforeTheRate) {
    Thinner thinner;
    SourceOptions options{.max_fps = 10, .drop_frame_interval = 2};
    int kept_frames = 0;
    for (int i = 0; i < 40; ++i) {  // 40 fps, of which 20 pass, of which 10 are wanted
        if (!thinner.admit(options, i * 25'000'000)) ++kept_frames;
    }
    EXPECT_EQ(kept_frames, 10);
}

}  // namespace
}  // namespace sluice::mux::detail
