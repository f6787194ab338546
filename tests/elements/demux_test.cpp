#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

const GstVideoInfo kSmall = video(GST_VIDEO_FORMAT_I420, 32, 16);
const GstVideoInfo kLarge = video(GST_VIDEO_FORMAT_RGB, 64, 48);

BufferRef one(guint source, int value, int pts_ms = 0, const GstVideoInfo& info = kSmall) {
    return batch({{source, info, gray_frame(info, value, pts_ms), {}}});
}

class Demux : public testing::Test {
protected:
    Element demux_{"sluicedemux"};
    Harness first_ = harness(demux_, "sink", "src_0");
    Harness second_ = harness(demux_, nullptr, "src_1");

    void SetUp() override { set_batch_caps(first_); }
};

TEST_F(Demux, GivesEachSourceItsFramesByReference) {
    BufferRef small = gray_frame(kSmall, 1, 40);
    BufferRef large = gray_frame(kLarge, 2, 80);
    const void* pixels = address(large.get());
    EXPECT_EQ(push(first_, batch({{0, kSmall, small, {}}, {1, kLarge, large, {}}})), GST_FLOW_OK);

    BufferRef out = pull(second_);
    EXPECT_EQ(address(out.get()), pixels);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 80 * GST_MSECOND);
    EXPECT_EQ(only_frame(out).source.value, 1u);
    EXPECT_EQ(only_frame(pull(first_)).source.value, 0u);
}

TEST_F(Demux, SendsEachSourcesOwnCapsAndFollowsTheirChange) {
    auto format_of = [](const Harness& from) {
        GstCaps* sent = nullptr;
        EventRef event = pull_event(from, GST_EVENT_CAPS);
        gst_event_parse_caps(event.get(), &sent);
        return std::string(gst_structure_get_string(gst_caps_get_structure(sent, 0), "format"));
    };
    push(first_, one(0, 1, 0, kSmall));
    EXPECT_EQ(format_of(first_), "I420");
    push(first_, one(1, 1, 0, kLarge));
    EXPECT_EQ(format_of(second_), "RGB");
    push(first_, one(0, 1, 40, kLarge));
    EXPECT_EQ(format_of(first_), "RGB");
}

TEST_F(Demux, PassesOverAFrameThatCannotBeScaled) {
    BufferRef cut(gst_buffer_new_allocate(nullptr, 16, nullptr));
    BufferRef input = batch({{0, kLarge, cut, {}, 6}, {1, kSmall, gray_frame(kSmall, 5), {}}});
    find_payload(input.get())->batch.frames[0].size = {32, 16};
    EXPECT_EQ(push(first_, input), GST_FLOW_OK);
    EXPECT_EQ(only_frame(pull(second_)).source.value, 1u);
    EXPECT_EQ(gst_harness_buffers_in_queue(first_.get()), 0u);
    EXPECT_THAT(demux_.warning(), HasSubstr("source 0, frame 6"));
    EXPECT_EQ(demux_.error(), "");
}

TEST_F(Demux, ScalesFramesToTheProcessingResolution) {
    BufferRef input = one(0, 77, 0, kLarge);
    meta::Frame& frame = find_payload(input.get())->batch.frames[0];
    frame.size = {32, 16};
    frame.content = {0, 0, 32, 16};
    push(first_, input);
    BufferRef out = pull(first_);
    const GstVideoInfo& info = find_payload(out.get())->pixels[0].info;
    EXPECT_EQ(GST_VIDEO_INFO_WIDTH(&info), 32);
    EXPECT_EQ(byte_at(out.get(), info, 20, 10), 77);
}

TEST_F(Demux, EndsOnlyTheSourceThatEnded) {
    push(first_,
         batch({{0, kSmall, gray_frame(kSmall, 1), {}}, {1, kSmall, gray_frame(kSmall, 1), {}}}));
    gst_harness_push_event(first_.get(), new_source_end_event(1));
    EXPECT_TRUE(pull_event(second_, GST_EVENT_EOS));
    pull(first_);
    push(first_, one(0, 2));
    EXPECT_TRUE(pull(first_));
}

TEST_F(Demux, EndsEveryPadAtTheEnd) {
    push(first_, one(0, 1));
    gst_harness_push_event(first_.get(), gst_event_new_eos());
    EXPECT_TRUE(pull_event(first_, GST_EVENT_EOS));
    EXPECT_TRUE(pull_event(second_, GST_EVENT_EOS)) << "also where no frame came";
}

TEST_F(Demux, PassesOverSourcesThatNobodyAskedFor) {
    EXPECT_EQ(push(first_, one(7, 1)), GST_FLOW_OK);
    EXPECT_EQ(push(first_, one(0, 2)), GST_FLOW_OK);
    EXPECT_EQ(byte_at(pull(first_).get(), kSmall, 0, 0), 2);
}

TEST_F(Demux, ReportsABufferWithoutBatch) {
    EXPECT_EQ(push(first_, gray_frame(kSmall, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(demux_.error(), HasSubstr("without batch metadata"));
}

TEST_F(Demux, SendsASegmentAgainAfterAFlush) {
    push(first_, one(0, 1));
    ASSERT_TRUE(pull_event(first_, GST_EVENT_SEGMENT));
    gst_harness_push_event(first_.get(), gst_event_new_flush_start());
    gst_harness_push_event(first_.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(first_.get(), gst_event_new_segment(&segment));
    push(first_, one(0, 2));
    EXPECT_TRUE(pull_event(first_, GST_EVENT_SEGMENT));
}

TEST_F(Demux, GoesOnAfterAFlushFollowsTheEnd) {
    push(first_, one(0, 1));
    gst_harness_push_event(first_.get(), gst_event_new_eos());
    gst_harness_push_event(first_.get(), gst_event_new_flush_start());
    gst_harness_push_event(first_.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(first_.get(), gst_event_new_segment(&segment));
    while (BufferRef(gst_harness_try_pull(first_.get()))) {
    }
    EXPECT_EQ(push(first_, one(0, 9)), GST_FLOW_OK);
    EXPECT_EQ(byte_at(pull(first_).get(), kSmall, 0, 0), 9);
}

TEST_F(Demux, KeepsNoReferenceOfItsOwnEvents) {
    auto references = [&] {
        ObjectPtr<GstPad> pad(gst_element_get_static_pad(demux_.get(), "src_0"));
        EventRef start(gst_pad_get_sticky_event(pad.get(), GST_EVENT_STREAM_START, 0));
        return GST_MINI_OBJECT_REFCOUNT_VALUE(start.get());
    };
    push(first_, one(0, 1));
    int before = references();
    for (int i = 0; i < 5; ++i)
        push(first_, one(0, i));
    EXPECT_EQ(references(), before);
}

TEST_F(Demux, GoesOnWhenAPadIsReleasedDuringAPush) {
    push(first_, one(1, 1));
    // The streaming thread is inside the push to src_1 when the application releases that pad.
    ObjectPtr<GstPad> pad(gst_element_get_static_pad(demux_.get(), "src_1"));
    struct Release {
        GstElement* demux;
        GstPad* pad;
    } release{demux_.get(), pad.get()};
    gst_pad_add_probe(
        pad.get(),
        GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer data) {
            auto* what = static_cast<Release*>(data);
            gst_element_release_request_pad(what->demux, what->pad);
            return GST_PAD_PROBE_REMOVE;
        },
        &release,
        nullptr);
    EXPECT_EQ(push(first_, one(1, 2)), GST_FLOW_OK);
    EXPECT_EQ(push(first_, one(0, 3)), GST_FLOW_OK);
    EXPECT_EQ(byte_at(pull(first_).get(), kSmall, 0, 0), 3);
}

TEST_F(Demux, StartsAgainAfterAStop) {
    push(first_, one(0, 1));
    gst_harness_push_event(first_.get(), gst_event_new_eos());
    ASSERT_TRUE(demux_.stop());
    ASSERT_TRUE(demux_.start());
    begin(first_->srcpad, CapsRef(gst_caps_new_empty_simple("application/x-sluice-batch")).get());
    while (BufferRef(gst_harness_try_pull(first_.get()))) {
    }
    EXPECT_EQ(push(first_, one(0, 5)), GST_FLOW_OK);
    EXPECT_EQ(byte_at(pull(first_).get(), kSmall, 0, 0), 5);
}

}  // namespace
}  // namespace sluice::gst
