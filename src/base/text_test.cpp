#include "sluice/base/text.h"

#include <array>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Text, SplitsAndTrims) {
    EXPECT_EQ(split(" a; b ;c", ';'), (std::vector<std::string_view>{"a", "b", "c"}));
    EXPECT_TRUE(split("  ", ';').empty());
}

TEST(Text, TakesTheFirstWordOff) {
    using Words = std::pair<std::string_view, std::string_view>;
    EXPECT_EQ(first_word("gpu NVIDIA  H100"), Words("gpu", "NVIDIA  H100"));
    EXPECT_EQ(first_word("end"), Words("end", ""));
    EXPECT_EQ(first_word(" end"), Words("", "end"));
}

TEST(Text, SuggestsOnlyWhatIsNear) {
    std::array<std::string_view, 2> known{"batched-push-timeout", "batch-size"};
    EXPECT_EQ(nearest("BatchSize", known), "batch-size");
    EXPECT_EQ(nearest("colour", known), "");
}

TEST(Text, RefusesNumbersWithRubbishBehind) {
    EXPECT_FALSE(parse_number("1.5x"));
    EXPECT_FALSE(parse_number("nan"));
    EXPECT_FALSE(parse_integer("1.5"));
    EXPECT_DOUBLE_EQ(parse_number("-2e3").value(), -2000);
}

}  // namespace
}  // namespace sluice
