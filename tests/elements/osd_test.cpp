#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"
#include "sluice/gst/sluice_meta.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_GRAY8, 160, 120);
constexpr int kGray = 128;
const meta::PixelBox kBox{40, 40, 60, 50};

/// Has the frame lost its one brightness along the box's left edge?
bool drawn_on(GstBuffer* buffer, const GstVideoInfo& info = kVideo) {
    for (int x = 36; x < 48; ++x) {
        if (byte_at(buffer, info, x, 65) != kGray) return true;
    }
    return false;
}

BufferRef plain() {
    return with_objects(gray_frame(kVideo, kGray), kVideo, {object(kBox)});
}

TEST(Osd, DrawsInPlaceWhereNobodyElseHoldsTheFrame) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    BufferRef frame = plain();
    const void* pixels = address(frame.get());
    gst_harness_push(h.get(), frame.release());
    BufferRef out = pull(h);
    EXPECT_TRUE(drawn_on(out.get()));
    EXPECT_EQ(address(out.get()), pixels);
}

TEST(Osd, CopiesAFrameThatOthersHold) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    BufferRef held = plain();
    push(h, held);
    BufferRef out = pull(h);
    EXPECT_TRUE(drawn_on(out.get()));
    EXPECT_FALSE(drawn_on(held.get()));
    EXPECT_NE(address(out.get()), address(held.get()));
}

TEST(Osd, PassesABadFrameOnAndDrawsTheOthers) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    BufferRef cut(gst_buffer_new_allocate(nullptr, 16, nullptr));
    push(h,
         batch({{0, kVideo, cut, {object(kBox)}, 6},
                {1, kVideo, gray_frame(kVideo, kGray), {object(kBox)}}}));
    BufferRef out = pull(h);
    EXPECT_NE(find_payload(out.get())->pixels[0].buffer.get(), nullptr);
    EXPECT_TRUE(drawn_on(find_payload(out.get())->pixels[1].buffer.get()));
    EXPECT_THAT(osd.warning(), HasSubstr("source 0, frame 6"));
    EXPECT_EQ(osd.error(), "");
}

TEST(Osd, DrawsInPlaceOnTheFramesOfABatch) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    BufferRef pixels = gray_frame(kVideo, kGray);
    const void* before = address(pixels.get());
    std::vector<Part> parts;
    parts.push_back({0, kVideo, std::move(pixels), {object(kBox)}});
    gst_harness_push(h.get(), batch(std::move(parts)).release());
    BufferRef out = pull(h);
    GstBuffer* drawn = sluice_buffer_get_pixels(out.get(), 0);
    EXPECT_TRUE(drawn_on(drawn));
    // The parts of an initializer list are copies, so that a move is what hands the frame over.
    EXPECT_EQ(address(drawn), before);
}

TEST(Osd, CopiesTheFramesOfABatchThatOthersHoldOnce) {
    Element first("sluiceosd");
    Element second("sluiceosd");
    Harness one = harness(first);
    Harness two = harness(second);
    set_batch_caps(one);
    set_batch_caps(two);
    BufferRef held = gray_frame(kVideo, kGray);
    gst_harness_push(one.get(), batch({{0, kVideo, held, {object(kBox)}}}).release());
    BufferRef between = pull(one);
    EXPECT_FALSE(drawn_on(held.get()));
    const void* copy = address(sluice_buffer_get_pixels(between.get(), 0));
    EXPECT_NE(copy, address(held.get()));
    gst_harness_push(two.get(), between.release());
    BufferRef out = pull(two);
    EXPECT_EQ(address(sluice_buffer_get_pixels(out.get(), 0)), copy) << "copied again";
}

TEST(Osd, LeavesTheOtherBranchOfATeeAlone) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    BufferRef other = batch({{0, kVideo, gray_frame(kVideo, kGray), {object(kBox)}}});
    push(h, other);
    BufferRef out = pull(h);
    EXPECT_TRUE(drawn_on(sluice_buffer_get_pixels(out.get(), 0)));
    EXPECT_FALSE(drawn_on(sluice_buffer_get_pixels(other.get(), 0)));
}

TEST(Osd, ScalesToTheProcessingResolutionBeforeItDraws) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    GstVideoInfo small = video(GST_VIDEO_FORMAT_GRAY8, 80, 60);
    BufferRef input = batch({{0, small, gray_frame(small, kGray), {object(kBox)}}});
    meta::Frame& frame = find_payload(input.get())->batch.frames[0];
    frame.size = {160, 120};
    frame.content = {0, 0, 160, 120};
    gst_harness_push(h.get(), input.release());
    BufferRef out = pull(h);
    const FramePixels& pixels = find_payload(out.get())->pixels[0];
    ASSERT_EQ(GST_VIDEO_INFO_WIDTH(&pixels.info), 160);
    EXPECT_TRUE(drawn_on(pixels.buffer.get(), pixels.info));
}

TEST(Osd, DrawsNothingWhereNothingIsKnown) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    push(h, gray_frame(kVideo, kGray));
    EXPECT_FALSE(drawn_on(pull(h).get()));
}

TEST(Osd, DrawsNoBoxesWhenToldSo) {
    Element osd("sluiceosd", {{"display-bbox", "false"}, {"display-text", "false"}});
    Harness h = harness(osd);
    set_caps(h, kVideo);
    push(h, plain());
    EXPECT_FALSE(drawn_on(pull(h).get()));
}

TEST(Osd, FollowsACapsChange) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    push(h, plain());
    GstVideoInfo rgb = video(GST_VIDEO_FORMAT_RGB, 160, 120);
    set_caps(h, rgb);
    push(h, with_objects(gray_frame(rgb, kGray), rgb, {object(kBox)}));
    EXPECT_TRUE(drawn_on(pull(h).get()));
    EXPECT_TRUE(drawn_on(pull(h).get(), rgb));
}

TEST(Osd, PassesEndsAndFlushesOn) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    push(h, plain());
    gst_harness_push_event(h.get(), gst_event_new_flush_start());
    gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE));
    EXPECT_TRUE(pull_event(h, GST_EVENT_FLUSH_STOP));
    gst_harness_push_event(h.get(), new_source_end_event(0));
    EXPECT_TRUE(pull_event(h, GST_EVENT_CUSTOM_DOWNSTREAM));
    gst_harness_push_event(h.get(), gst_event_new_eos());
    EXPECT_TRUE(pull_event(h, GST_EVENT_EOS));
}

TEST(Osd, StartsAgainAfterAStop) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_caps(h, kVideo);
    push(h, plain());
    pull(h);
    ASSERT_TRUE(osd.stop());
    ASSERT_TRUE(osd.start());
    begin(h->srcpad, caps(kVideo).get());
    push(h, plain());
    EXPECT_TRUE(drawn_on(pull(h).get()));
}

TEST(Osd, ReportsABatchWithoutMetadata) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    EXPECT_EQ(push(h, gray_frame(kVideo, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(osd.error(), HasSubstr("without batch metadata"));
}

TEST(Osd, RefusesToDrawOnAGpuThatIsNotThere) {
    Element osd("sluiceosd", {{"process-mode", "gpu"}});
    if (osd.start()) GTEST_SKIP() << "there is a CUDA device here";
    EXPECT_THAT(osd.error(), HasSubstr("GPU"));
}

TEST(Osd, RefusesAColourThatIsNone) {
    Element osd("sluiceosd", {{"border-color", "1;2"}});
    EXPECT_FALSE(osd.start());
    EXPECT_THAT(osd.error(), HasSubstr("border-color"));
}

}  // namespace
}  // namespace sluice::gst
