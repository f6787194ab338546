#include "sluice/base/result.h"

#include <memory>

#include <gtest/gtest.h>

namespace sluice {
namespace {

Result<std::unique_ptr<int>> make(bool good) {
    if (!good) return not_found("no such file", "model.onnx");
    return std::make_unique<int>(7);
}

Result<int> read(bool good) {
    std::unique_ptr<int> number = SLUICE_TRY(make(good).context("loading model"));
    return *number;
}

TEST(Result, TryGivesAMoveOnlyValue) {
    EXPECT_EQ(read(true).value(), 7);
}

TEST(Result, TryCarriesTheErrorWithItsContext) {
    auto result = read(false);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(result.error().text(), "model.onnx: loading model: no such file");
}

}  // namespace
}  // namespace sluice
