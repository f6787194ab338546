#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_I420, 64, 48);

BufferRef two_sources(int first, int second, int pts_ms = 0) {
    return batch({{0, kVideo, gray_frame(kVideo, first, pts_ms), {object({0, 0, 32, 24})}},
                  {1, kVideo, gray_frame(kVideo, second, pts_ms), {object({0, 0, 32, 24})}}});
}

class Tiler : public testing::Test {
protected:
    // Two tiles of 64 x 48 beside each other.
    Element tiler_{"sluicetiler",
                   {{"rows", "1"}, {"columns", "2"}, {"width", "128"}, {"height", "48"}}};
    Harness h_ = harness(tiler_);

    void SetUp() override { set_batch_caps(h_); }
    int luma(const BufferRef& picture, int x, int y) {
        return byte_at(picture.get(), find_payload(picture.get())->pixels[0].info, x, y);
    }
};

TEST_F(Tiler, ShowsEachSourceInItsTile) {
    EXPECT_EQ(push(h_, two_sources(60, 180, 40)), GST_FLOW_OK);
    BufferRef out = pull(h_);
    EXPECT_EQ(luma(out, 32, 24), 60);
    EXPECT_EQ(luma(out, 96, 24), 180);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 40 * GST_MSECOND);
}

TEST_F(Tiler, MovesObjectsToTheirTiles) {
    push(h_, two_sources(60, 180));
    BufferRef out = pull(h_);
    ASSERT_EQ(only_frame(out).objects.size(), 2u);
    EXPECT_EQ(only_frame(out).objects[0].box, (meta::PixelBox{0, 0, 32, 24}));
    EXPECT_EQ(only_frame(out).objects[1].box, (meta::PixelBox{64, 0, 32, 24}));
    EXPECT_EQ(only_frame(out).size, (memory::Size{128, 48}));
}

TEST_F(Tiler, KeepsTheLastPictureOfASourceWithoutNews) {
    push(h_, two_sources(60, 180));
    push(h_, batch({{0, kVideo, gray_frame(kVideo, 90, 40), {}}}));
    pull(h_);
    BufferRef out = pull(h_);
    EXPECT_EQ(luma(out, 32, 24), 90);
    EXPECT_EQ(luma(out, 96, 24), 180);
}

TEST_F(Tiler, KeepsTheLastPictureOfASourceWhoseFrameIsBad) {
    push(h_, two_sources(60, 180));
    BufferRef cut(gst_buffer_new_allocate(nullptr, 16, nullptr));
    push(h_, batch({{0, kVideo, gray_frame(kVideo, 90, 40), {}}, {1, kVideo, cut, {}, 6}}));
    pull(h_);
    BufferRef out = pull(h_);
    EXPECT_EQ(luma(out, 32, 24), 90);
    EXPECT_EQ(luma(out, 96, 24), 180);
    EXPECT_THAT(tiler_.warning(), HasSubstr("source 1, frame 6"));
    EXPECT_EQ(tiler_.error(), "");
}

TEST_F(Tiler, GivesPicturesRisingTimes) {
    push(h_, two_sources(60, 180, 80));
    push(h_, two_sources(60, 180, 40));
    GstClockTime first = GST_BUFFER_PTS(pull(h_).get());
    EXPECT_GT(GST_BUFFER_PTS(pull(h_).get()), first);
}

TEST_F(Tiler, TakesSourcesOfAnotherSizeAndFormat) {
    GstVideoInfo rgb = video(GST_VIDEO_FORMAT_RGB, 20, 10);
    push(h_, batch({{0, kVideo, gray_frame(kVideo, 60), {}}, {1, rgb, gray_frame(rgb, 255), {}}}));
    BufferRef out = pull(h_);
    EXPECT_EQ(luma(out, 32, 24), 60);
    EXPECT_NEAR(luma(out, 96, 24), 235, 2);
}

TEST_F(Tiler, SendsASegmentAgainAfterAFlush) {
    push(h_, two_sources(60, 180, 400));
    ASSERT_TRUE(pull_event(h_, GST_EVENT_SEGMENT));
    gst_harness_push_event(h_.get(), gst_event_new_flush_start());
    gst_harness_push_event(h_.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h_.get(), gst_event_new_segment(&segment));
    while (BufferRef(gst_harness_try_pull(h_.get()))) {
    }
    push(h_, two_sources(60, 180, 0));
    EXPECT_TRUE(pull_event(h_, GST_EVENT_SEGMENT));
    EXPECT_EQ(GST_BUFFER_PTS(pull(h_).get()), 0u) << "time starts anew";
}

TEST_F(Tiler, ReportsABufferWithoutBatch) {
    EXPECT_EQ(push(h_, gray_frame(kVideo, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(tiler_.error(), HasSubstr("without batch metadata"));
}

TEST_F(Tiler, ReportsMoreSourcesThanTiles) {
    EXPECT_EQ(push(h_, batch({{2, kVideo, gray_frame(kVideo, 1), {}}})), GST_FLOW_ERROR);
    EXPECT_THAT(tiler_.error(), HasSubstr("3"));
}

TEST_F(Tiler, PassesTheEndOn) {
    push(h_, two_sources(60, 180));
    gst_harness_push_event(h_.get(), new_source_end_event(0));
    gst_harness_push_event(h_.get(), gst_event_new_eos());
    EXPECT_TRUE(pull_event(h_, GST_EVENT_EOS));
}

TEST_F(Tiler, StartsAgainAfterAStop) {
    push(h_, two_sources(60, 180, 80));
    pull(h_);
    ASSERT_TRUE(tiler_.stop());
    ASSERT_TRUE(tiler_.start());
    begin(h_->srcpad, CapsRef(gst_caps_new_empty_simple("application/x-sluice-batch")).get());
    push(h_, batch({{1, kVideo, gray_frame(kVideo, 99, 0), {}}}));
    BufferRef out = pull(h_);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 0u);
    EXPECT_EQ(luma(out, 96, 24), 99);
    EXPECT_EQ(luma(out, 32, 24), 16) << "nothing is left of the run before";
}

TEST(TilerGrid, GrowsWithItsSources) {
    Element tiler("sluicetiler", {{"width", "128"}, {"height", "96"}});
    Harness h = harness(tiler);
    set_batch_caps(h);
    push(h, batch({{0, kVideo, gray_frame(kVideo, 60), {}}}));
    BufferRef alone = pull(h);
    const GstVideoInfo info = find_payload(alone.get())->pixels[0].info;
    EXPECT_EQ(byte_at(alone.get(), info, 120, 90), 60);
    push(h, batch({{3, kVideo, gray_frame(kVideo, 180, 40), {}}}));
    BufferRef four = pull(h);
    EXPECT_EQ(byte_at(four.get(), info, 96, 72), 180);
    EXPECT_EQ(byte_at(four.get(), info, 96, 24), 16) << "the new grid starts empty";
}

}  // namespace
}  // namespace sluice::gst
