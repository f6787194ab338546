#include "sluice/infer/backends/openvino/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openvino/runtime/core.hpp>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/focus.h"
#include "sluice/infer/backends/openvino/test_models.h"
#include "sluice/infer/backends/openvino/verify.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

std::shared_ptr<ov::Model> load(const std::string& path) {
    return openvino_core().read_model(path);
}

bool agrees_at(const std::shared_ptr<ov::Model>& model, int batch) {
    auto one = rebatch(model, 1);
    auto many = rebatch(model, batch);
    return one && many && items_agree(one->model, many->model);
}

TEST(Rebatch, NeedsNoRepairWhereTheBatchIsOpen) {
    auto change = rebatch(load(micro_model("identity")), 3);
    ASSERT_TRUE(change) << change.error().text();
    EXPECT_EQ(change->repaired, 0);
    EXPECT_EQ(change->model->output(0).get_shape(), (ov::Shape{3, 3, 4, 6}));
}

TEST(Rebatch, RepairsABatchBakedIntoAReshape) {
    auto model = load(micro_model("baked_reshape"));
    auto change = rebatch(model, 3);
    ASSERT_TRUE(change) << change.error().text();
    EXPECT_EQ(change->repaired, 1);
    EXPECT_EQ(change->model->output(0).get_shape(), (ov::Shape{3, 5, 24}));
    EXPECT_TRUE(agrees_at(model, 3));
}

TEST(Rebatch, LeavesTheModelGivenAsItWas) {
    auto model = load(micro_model("baked_reshape"));
    ASSERT_TRUE(rebatch(model, 3));
    EXPECT_EQ(model->output(0).get_shape(), (ov::Shape{1, 5, 24}));
}

TEST(Rebatch, RefusesWhatCannotBeRepaired) {
    auto change = rebatch(load(micro_model("unrepairable")), 2);
    ASSERT_FALSE(change);
    EXPECT_EQ(change.error().code, ErrorCode::kUnsupported);
}

TEST(Rebatch, NamesTheOutputWithoutABatch) {
    auto change = rebatch(load(micro_model("no_batch")), 1);
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().text(), HasSubstr("'rows'"));
}

TEST(ItemsAgree, SeesItemsThatInfluenceEachOther) {
    auto model = load(micro_model("mixes_items"));
    ASSERT_TRUE(rebatch(model, 2));
    EXPECT_FALSE(agrees_at(model, 2));
}

class RealModels : public testing::TestWithParam<const char*> {};

TEST_P(RealModels, GiveEachItemOfABatchWhatItGetsAlone) {
    std::string path = real_model(GetParam());
    if (path.empty()) GTEST_SKIP() << "no test data: " << GetParam();
    EXPECT_TRUE(agrees_at(load(path), 3));
}

INSTANTIATE_TEST_SUITE_P(,
                         RealModels,
                         testing::Values("yolox_nano/yolox_nano",
                                         "osnet_x0_25/osnet_x0_25_msmt17",
                                         "vehicle_attributes_0039/vehicle-attributes-0039"));

TEST(RealModel, FastestDetMixesItsBatchIntoChannelsSoItIsRefused) {
    std::string path = real_model("fastestdet/FastestDet");
    if (path.empty()) GTEST_SKIP() << "no test data: fastestdet";
    EXPECT_TRUE(rebatch(load(path), 1));
    EXPECT_FALSE(rebatch(load(path), 2));
}

TEST(FoldFocus, GivesTheSameNumbersWithOneConvolution) {
    auto plain = rebatch(load(micro_model("focus")), 1);
    auto folded = rebatch(load(micro_model("focus")), 1);
    ASSERT_TRUE(plain && folded);
    EXPECT_EQ(fold_focus(*folded->model), 1);
    EXPECT_EQ(folded->model->output(0).get_shape(), plain->model->output(0).get_shape());
    EXPECT_TRUE(items_agree(plain->model, folded->model));
}

TEST(FoldFocus, LeavesOtherModelsAlone) {
    auto model = rebatch(load(micro_model("baked_reshape")), 1);
    ASSERT_TRUE(model);
    EXPECT_EQ(fold_focus(*model->model), 0);
}

TEST(FoldFocus, GivesYoloxTheSameNumbers) {
    std::string path = real_model("yolox_nano/yolox_nano");
    if (path.empty()) GTEST_SKIP() << "no test data: yolox_nano";
    auto plain = rebatch(load(path), 1);
    auto folded = rebatch(load(path), 1);
    ASSERT_TRUE(plain && folded);
    EXPECT_EQ(fold_focus(*folded->model), 1);
    EXPECT_TRUE(items_agree(plain->model, folded->model));
}

}  // namespace
}  // namespace sluice::infer
