#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/heads/head.h"
#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<Head>> load(const TestOutputs& outputs,
                                   const std::string& library,
                                   const std::string& function) {
    HeadOptions options;
    options.custom_lib_path = library;
    options.parse_bbox_func_name = function;
    options.num_detected_classes = 2;
    return create_head(outputs.specs, SLUICE_TRY(recognise(outputs.specs, {200, 100}, options)));
}

class Custom : public testing::Test {
protected:
    Custom() {
        auto& v = outputs.add("mystery", {2, 3, 7});
        const std::vector<float> item{0.1f, 0.2f, 0.3f, 0.6f, 0.9f, 1, 0,   //
                                      0,    0,    1,    1,    0.2f, 0, 0,   // below the threshold
                                      0,    0,    1,    1,    0.9f, 2, 0};  // no such class
        std::copy(item.begin(), item.end(), v.begin() + 21);
    }
    Result<void> decode(Head& head) {
        return head.decode({outputs.views, 1, {0.5f, thresholds}}, found);
    }
    TestOutputs outputs;
    std::vector<float> thresholds{0.5f, 0.5f};
    std::vector<meta::Detection> found;
};

TEST_F(Custom, BoxesComeOutOfTheLibrary) {
    auto head = load(outputs, SLUICE_TEST_PARSER, "parse_rows");
    ASSERT_TRUE(head) << head.error().text();
    ASSERT_TRUE(decode(**head));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].box.left, 20, 1e-4);
    EXPECT_NEAR(found[0].box.top, 20, 1e-4);
    EXPECT_NEAR(found[0].box.right(), 60, 1e-4);
    EXPECT_NEAR(found[0].box.bottom(), 60, 1e-4);
    EXPECT_EQ(found[0].class_id, meta::ClassId(1));
}

TEST_F(Custom, AFailureGivesTheReasonAndNoBoxes) {
    auto head = load(outputs, SLUICE_TEST_PARSER, "parse_badly").value();
    auto done = decode(*head);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(done.error().message, HasSubstr("mystery is not to my taste"));
    EXPECT_TRUE(found.empty());
    outputs.views[0].type = memory::ElementType::kU8;
    EXPECT_EQ(decode(*head).error().code, ErrorCode::kCorrupt);
}

TEST_F(Custom, WhatCannotBeLoadedIsNamed) {
    auto error = [&](const std::string& library, const std::string& function) {
        auto head = load(outputs, library, function);
        return head ? Error{ErrorCode::kInternal, "it loads", ""} : head.error();
    };
    EXPECT_EQ(error("/nonexistent/libparser.so", "f").code, ErrorCode::kNotFound);
    EXPECT_EQ(error(SLUICE_TEST_PARSER, "parse_nothing").code, ErrorCode::kNotFound);
    EXPECT_THAT(error(SLUICE_TEST_PARSER, "parse_nothing").message, HasSubstr("'parse_nothing'"));
    EXPECT_EQ(error("libm.so.6", "sin").code, ErrorCode::kUnsupported);
    EXPECT_EQ(error(SLUICE_TEST_PARSER_99, "parse_rows").code, ErrorCode::kUnsupported);
    EXPECT_THAT(error(SLUICE_TEST_PARSER_99, "parse_rows").message, HasSubstr("99"));
    EXPECT_EQ(error(SLUICE_TEST_PARSER, "").code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::infer
