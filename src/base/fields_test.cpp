#include "sluice/base/fields.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

enum class Policy { kWait, kDropOldest };

struct Options {
    int batch_size = 1;
    float threshold = 0.3f;
    bool live = false;
    Policy policy = Policy::kWait;
    Duration timeout{};
    std::vector<int> classes;
    std::string path;
};

}  // namespace

template <>
inline constexpr auto enum_words<Policy> =
    std::array{std::pair<std::string_view, Policy>{"wait", Policy::kWait},
               std::pair<std::string_view, Policy>{"drop-oldest", Policy::kDropOldest}};
template <>
inline constexpr auto fields<Options> =
    field_table(field("batch-size", &Options::batch_size, range(1, 1024), "frames per batch"),
                field("threshold", &Options::threshold, range(0.f, 1.f), "least score"),
                field("live", &Options::live, "sources are live"),
                field("policy", &Options::policy, "what a full queue does"),
                field("timeout", &Options::timeout, "seconds"),
                field("classes", &Options::classes, "class ids"),
                field("path", &Options::path, "a file"));

namespace {

TEST(Fields, SetsEveryTypeFromText) {
    Options options;
    EXPECT_TRUE(set_field(options, "batch-size", " 8 "));
    EXPECT_TRUE(set_field(options, "threshold", "0.5"));
    EXPECT_TRUE(set_field(options, "live", "yes"));
    EXPECT_TRUE(set_field(options, "policy", "drop-oldest"));
    EXPECT_TRUE(set_field(options, "timeout", "0.04"));
    EXPECT_TRUE(set_field(options, "classes", "0;2"));
    EXPECT_EQ(options.batch_size, 8);
    EXPECT_FLOAT_EQ(options.threshold, 0.5f);
    EXPECT_TRUE(options.live);
    EXPECT_EQ(options.policy, Policy::kDropOldest);
    EXPECT_EQ(options.timeout, std::chrono::milliseconds(40));
    EXPECT_EQ(options.classes, (std::vector{0, 2}));
}

TEST(Fields, NamesTheNearestOptionForAnUnknownOne) {
    Options options;
    auto result = set_field(options, "batchsize", "2");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "no option 'batchsize'; did you mean 'batch-size'?");
}

TEST(Fields, RefusesAValueOutOfRangeAndLeavesTheOptionAlone) {
    Options options;
    EXPECT_FALSE(set_field(options, "batch-size", "0"));
    EXPECT_FALSE(set_field(options, "batch-size", "many"));
    EXPECT_FALSE(set_field(options, "policy", "drop"));
    EXPECT_EQ(options.batch_size, 1);
}

TEST(Fields, WritesValuesThatItReadsBack) {
    EXPECT_EQ(to_text(Policy::kDropOldest), "drop-oldest");
    EXPECT_EQ(to_text(Duration(std::chrono::milliseconds(40))), "0.04");
    EXPECT_EQ(to_text(std::vector{0, 2}), "0;2");
}

}  // namespace
}  // namespace sluice
