#include "sluice/infer/backends/openvino/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/suppressing_models.h"

namespace sluice::infer {
namespace {

using testing::UnorderedElementsAre;

SplitModel parts_of(const std::shared_ptr<ov::Model>& model) {
    auto parts = split_model(*model, {});
    EXPECT_TRUE(parts) << parts.error().text();
    EXPECT_TRUE(parts && *parts);
    return parts && *parts ? std::move(**parts) : SplitModel();
}

std::vector<ov::Shape> border_of(const SplitModel& parts) {
    std::vector<ov::Shape> shapes;
    for (std::size_t i = 0; i < parts.end->inputs().size(); ++i) {
        EXPECT_EQ(parts.body->output(i).get_shape(), parts.end->input(i).get_shape());
        EXPECT_EQ(parts.end->input(i).get_element_type(), ov::element::f32);
        shapes.push_back(parts.end->input(i).get_shape());
    }
    EXPECT_EQ(parts.body->outputs().size(), shapes.size());
    return shapes;
}

TEST(Split, AnSsdIsCutBeforeItsDecoding) {
    const SplitModel parts = parts_of(ssd_model());
    EXPECT_EQ(parts.suppression, "DetectionOutput");
    EXPECT_THAT(border_of(parts), UnorderedElementsAre(ov::Shape{1, 256}, ov::Shape{1, 192}));
    EXPECT_EQ(parts.end->output(0).get_shape(), (ov::Shape{1, 1, 20, 7}));
}

TEST(Split, TheEndBeginsWhereItemsAreStillTold) {
    const auto model = nms_model();
    const SplitModel parts = parts_of(model);
    EXPECT_EQ(parts.suppression, "NonMaxSuppression");
    EXPECT_THAT(border_of(parts), UnorderedElementsAre(ov::Shape{1, 64, 4}, ov::Shape{1, 3, 64}));
    ASSERT_EQ(parts.end->outputs().size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(parts.end->output(i).get_names(), model->output(i).get_names());
        EXPECT_EQ(parts.end->output(i).get_element_type(), ov::element::f32) << i;
    }
}

TEST(Split, CudaTakesWhatIsLeft) {
    for (const auto& model : {ssd_model(), nms_model()}) {
        EXPECT_FALSE(cuda::import_model(*prepare("", *model, {}, 1)->model));
        const SplitModel parts = parts_of(model);
        const PreparedModel body = prepare("", *parts.body, {}, 3).value();
        EXPECT_EQ(body.batch, 3);
        const auto taken = cuda::import_model(*body.model);
        EXPECT_TRUE(taken) << taken.error().text();
    }
}

TEST(Split, LeavesTheModelAndOthersAlone) {
    const auto model = nms_model();
    const std::size_t before = model->get_ops().size();
    (void)parts_of(model);
    EXPECT_EQ(model->get_ops().size(), before);
    auto none = split_model(
        *cuda::graph_of(
             "plain",
             {1, 3, 8, 8},
             [](const cuda::Port& x) { return ov::OutputVector{cuda::convolve(x, 4, 3, 1, 1)}; })
             .make(),
        {});
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
}

}  // namespace
}  // namespace sluice::infer
