#include "meta_reader.h"
#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/sluice_meta.h"

namespace sluice::gst {
namespace {

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_I420, 64, 32);

BufferRef marked() {
    return with_objects(gray_frame(kVideo, 50), kVideo, {object({10, 4, 20, 8}, 3)});
}

/// What is left of marked() after these elements.
BufferRef through(const char* elements) {
    Harness h(gst_harness_new_parse(elements));
    set_caps(h, kVideo);
    push(h, marked());
    return pull(h);
}

TEST(BatchMeta, SurvivesAQueue) {
    EXPECT_EQ(only_frame(through("queue")).objects.size(), 1u);
}

TEST(BatchMeta, SurvivesATee) {
    BufferRef out = through("tee name=t ! queue");
    EXPECT_EQ(only_frame(out).objects.size(), 1u);
}

TEST(BatchMeta, SurvivesAConversionOfColours) {
    BufferRef out = through("videoconvert ! capsfilter caps=video/x-raw,format=RGB");
    ASSERT_EQ(only_frame(out).objects.size(), 1u);
    EXPECT_EQ(only_frame(out).objects[0].box, (meta::PixelBox{10, 4, 20, 8}));
    EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&find_payload(out.get())->pixels[0].info),
              GST_VIDEO_FORMAT_RGB);
}

TEST(BatchMeta, IsScaledWithTheFrame) {
    BufferRef out = through(
        "videoscale ! capsfilter caps=video/x-raw,width=32,height=64,pixel-aspect-ratio=1/1");
    const meta::Frame& frame = only_frame(out);
    ASSERT_EQ(frame.objects.size(), 1u);
    EXPECT_EQ(frame.size, (memory::Size{32, 64}));
    EXPECT_EQ(frame.source_size, (memory::Size{64, 32}));
    EXPECT_EQ(frame.objects[0].box, (meta::PixelBox{5, 8, 10, 16}));
    EXPECT_EQ(frame.objects[0].detector_box, (meta::PixelBox{5, 8, 10, 16}));
}

TEST(BatchMeta, IsCopiedDeep) {
    BufferRef original = marked();
    BufferRef copy(gst_buffer_copy(original.get()));
    find_payload(copy.get())->batch.frames[0].objects.clear();
    EXPECT_EQ(only_frame(original).objects.size(), 1u);
}

TEST(BatchMeta, IsNotOfAPartOfAFrame) {
    BufferRef original = marked();
    BufferRef part(gst_buffer_copy_region(original.get(), GST_BUFFER_COPY_ALL, 0, 16));
    EXPECT_EQ(find_payload(part.get()), nullptr);
}

TEST(BatchMeta, IsReplacedWhenAttachedAgain) {
    BufferRef buffer = marked();
    attach_payload(buffer.get(), BatchPayload{});
    EXPECT_TRUE(batch_of(buffer).frames.empty());
}

TEST(BatchMeta, FreesPixelsWithTheBuffer) {
    BufferRef pixels = gray_frame(kVideo, 1);
    {
        BufferRef carrier = batch({{0, kVideo, pixels, {}}});
        BufferRef copy(gst_buffer_copy(carrier.get()));
        EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels.get()), 3);
    }
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels.get()), 1);
}

TEST(BatchMeta, NumbersPlainFrames) {
    std::uint64_t next = 7;
    BufferRef first = gray_frame(kVideo, 1);
    BufferRef second = gray_frame(kVideo, 2);
    ASSERT_TRUE(ensure_payload(first.get(), kVideo, next));
    ASSERT_TRUE(ensure_payload(first.get(), kVideo, next));
    ASSERT_TRUE(ensure_payload(second.get(), kVideo, next));
    EXPECT_EQ(only_frame(first).sequence, 7u);
    EXPECT_EQ(only_frame(second).sequence, 8u);
}

TEST(SluiceMetaH, IsReadByAProgramInC) {
    BufferRef buffer = batch({{0, kVideo, gray_frame(kVideo, 1), {object({0, 0, 3, 4})}},
                              {1, kVideo, gray_frame(kVideo, 2), {object({0, 0, 5, 6})}}});
    EXPECT_EQ(sluice_test_sum_widths(buffer.get()), 8);
    EXPECT_EQ(sluice_test_sum_widths(gray_frame(kVideo, 1).get()), 0) << "without metadata";
}

TEST(SluiceMetaH, TellsAllOfAFrameAndItsObjects) {
    BufferRef buffer =
        batch({{4, kVideo, gray_frame(kVideo, 1, 40), {object({1, 2, 3, 4}, 6)}, 9}});
    meta::Object& known = find_payload(buffer.get())->batch.frames[0].objects[0];
    known.label = Name("car");
    known.track_id = meta::TrackId(12);
    known.tracker_confidence = 0.5f;

    SluiceFrameInfo frame;
    ASSERT_TRUE(sluice_buffer_get_frame(buffer.get(), 0, &frame));
    EXPECT_EQ(frame.source_id, 4u);
    EXPECT_EQ(frame.sequence, 9u);
    EXPECT_EQ(frame.pts, 40'000'000);
    EXPECT_EQ(frame.width, 64);
    EXPECT_EQ(frame.source_height, 32);
    EXPECT_FALSE(frame.inference_done);
    SluiceObjectInfo seen;
    ASSERT_TRUE(sluice_buffer_get_object(buffer.get(), 0, 0, &seen));
    EXPECT_EQ(seen.box.height, 4);
    EXPECT_EQ(seen.class_id, 6);
    EXPECT_STREQ(seen.label, "car");
    EXPECT_EQ(seen.track_id, 12u);
    EXPECT_EQ(seen.tracker_confidence, 0.5f);
    EXPECT_EQ(seen.parent, -1);
}

TEST(SluiceMetaH, GivesTheCarrierItselfForAPlainFrame) {
    BufferRef plain = marked();
    EXPECT_EQ(sluice_buffer_get_pixels(plain.get(), 0), plain.get());
}

}  // namespace
}  // namespace sluice::gst
