#include "sluice/config/yaml.h"

#include <gtest/gtest.h>

#include "sluice/config/fill.h"

namespace sluice {
namespace {
struct Options {
    int batch_size = 1;
    std::vector<int> classes;
};
}  // namespace

template <>
inline constexpr auto fields<Options> =
    field_table(field("batch-size", &Options::batch_size, range(1, 64), "frames"),
                field("classes", &Options::classes, "ids"));

namespace config {
namespace {

TEST(Yaml, FillsOptionsAndJoinsLists) {
    Options options;
    Value value = parse_yaml("batch-size: 4\nclasses: [0, 2]\nsources: []\n", "a.yaml").value();
    ASSERT_TRUE(fill(options, value, {"sources"}));
    EXPECT_EQ(options.batch_size, 4);
    EXPECT_EQ(options.classes, (std::vector{0, 2}));
}

TEST(Yaml, TakesOpenCvsFirstLineForAComment) {
    auto value = parse_yaml("%YAML:1.0\n---\nkey: 4\n", "a.yml");
    ASSERT_TRUE(value) << value.error().text();
    ASSERT_TRUE(value->find("key"));
    EXPECT_EQ(value->find("key")->where, "a.yml:3");
}

TEST(Yaml, UnknownKeysNameLineAndNearest) {
    Options options;
    Value value = parse_yaml("classes: [0]\nbatchsize: 4\n", "a.yaml").value();
    auto result = fill(options, value);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().text(), "a.yaml:2: no option 'batchsize'; did you mean 'batch-size'?");
}

TEST(Yaml, OutOfRangeNamesLine) {
    Options options;
    auto result = fill(options, parse_yaml("\nbatch-size: 400", "a.yaml").value());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().where, "a.yaml:2");
}

TEST(Yaml, RefusesDuplicateKeysBadSyntaxAndMissingFiles) {
    EXPECT_EQ(parse_yaml("a: 1\na: 2", "x").error().where, "x:2");
    EXPECT_EQ(parse_yaml("a: [1", "x").error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(read_yaml("/nonexistent.yaml").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace config
}  // namespace sluice
