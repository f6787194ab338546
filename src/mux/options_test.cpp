#include "sluice/mux/options.h"

#include <gtest/gtest.h>

#include "sluice/mux/counters.h"

namespace sluice::mux {
namespace {

TEST(MuxOptions, ReadsDeepStreamsNames) {
    MuxOptions options;
    EXPECT_TRUE(set_field(options, "batch-size", "16"));
    EXPECT_TRUE(set_field(options, "batched-push-timeout", "-1"));
    EXPECT_TRUE(set_field(options, "max-latency", "0.5"));
    EXPECT_TRUE(set_field(options, "enable-padding", "1"));
    EXPECT_EQ(options.batch_size, 16);
    EXPECT_EQ(options.batched_push_timeout, -1);
    EXPECT_EQ(options.max_latency, std::chrono::milliseconds(500));
    EXPECT_TRUE(options.enable_padding);
}

TEST(MuxOptions, RefusesWhatIsOutOfRange) {
    MuxOptions options;
    EXPECT_EQ(set_field(options, "batch-size", "1025").error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(set_field(options, "batched-push-timeout", "-2"));
    EXPECT_FALSE(set_field(options, "max-latency", "200000000"));  // DeepStream's nanoseconds
    EXPECT_FALSE(set_field(options, "queue-frames", "-1"));
}

TEST(SourceOptions, ReadsItsOptionsButNotLiveness) {
    SourceOptions options;
    EXPECT_TRUE(set_field(options, "max-fps", "12.5"));
    EXPECT_TRUE(set_field(options, "drop-frame-interval", "2"));
    EXPECT_TRUE(set_field(options, "priority", "-3"));
    EXPECT_FALSE(set_field(options, "live", "true"));
    EXPECT_EQ(options.priority, -3);
}

TEST(DropReason, HasAWordEach) {
    EXPECT_EQ(kDropReasonWords[static_cast<std::size_t>(DropReason::kClosed)], "closed");
    EXPECT_EQ(kDropReasonWords[static_cast<std::size_t>(DropReason::kLate)], "late");
}

}  // namespace
}  // namespace sluice::mux
