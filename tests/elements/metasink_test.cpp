#include "support.h"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_I420, 64, 48);

meta::Object tracked(std::uint64_t id) {
    meta::Object made = object({1, 2, 30, 40});
    made.tracker_box = made.box;
    made.track_id = meta::TrackId(id);
    made.label = Name("car");
    return made;
}

BufferRef frame_of(guint source, std::uint64_t sequence = 0) {
    return batch({{source,
                   kVideo,
                   gray_frame(kVideo, 1, 40 * static_cast<int>(sequence)),
                   {tracked(source + 1)},
                   sequence}});
}

auto lines(const std::string& path) {
    std::string text = read_file(path);
    return std::count(text.begin(), text.end(), '\n');
}

/// A running sink with batch caps.
struct Sink {
    explicit Sink(Properties properties)
        : element("sluicemetasink", properties), h(harness(element, "sink", nullptr)) {
        set_batch_caps(h);
    }
    void end() { gst_harness_push_event(h.get(), gst_event_new_eos()); }

    Element element;
    Harness h;
};

TEST(MetaSink, WritesAJsonLinePerFrameOfAllSources) {
    std::string path = test_folder() + "/out.jsonl";
    Sink sink({{"location", path}});
    push(sink.h, frame_of(0));
    push(sink.h, frame_of(1));
    sink.end();
    EXPECT_EQ(lines(path), 2);
    EXPECT_THAT(read_file(path), HasSubstr("car"));
}

TEST(MetaSink, WritesMotRowsPerSourceIntoAFolder) {
    std::string folder = test_folder();
    Sink sink({{"location", folder}, {"format", "mot"}, {"source-names", "north;south"}});
    push(sink.h, frame_of(0, 0));
    push(sink.h, frame_of(0, 1));
    push(sink.h, frame_of(1, 0));
    sink.end();
    EXPECT_THAT(read_file(folder + "/north.txt"), StartsWith("1,1,1"));
    EXPECT_EQ(lines(folder + "/north.txt"), 2);
    EXPECT_EQ(lines(folder + "/south.txt"), 1);
}

TEST(MetaSink, WritesAKittiFilePerFrame) {
    std::string folder = test_folder() + "/kitti";
    Sink sink({{"location", folder}, {"format", "kitti"}});
    push(sink.h, frame_of(0, 0));
    push(sink.h, frame_of(2, 7));
    sink.end();
    EXPECT_THAT(read_file(folder + "/00_000_000000.txt"), StartsWith("car"));
    EXPECT_THAT(read_file(folder + "/00_002_000007.txt"), StartsWith("car"));
}

TEST(MetaSink, WritesDetectionsInsteadOfTracks) {
    std::string path = test_folder() + "/det.txt";
    Sink sink({{"location", path}, {"format", "mot"}, {"rows", "detections"}});
    push(sink.h, frame_of(0));
    sink.end();
    EXPECT_THAT(read_file(path), StartsWith("1,-1,"));
}

TEST(MetaSink, NamesFilesByAPattern) {
    std::string folder = test_folder();
    Sink sink({{"location", folder + "/cam%02u.jsonl"}});
    push(sink.h, frame_of(3));
    sink.end();
    EXPECT_TRUE(std::filesystem::exists(folder + "/cam03.jsonl"));
}

TEST(MetaSink, NumbersThePlainFramesOfOneCamera) {
    std::string path = test_folder() + "/out.txt";
    std::string line = "sluiceinfer model=" + micro_model("brightness_box") +
                       " ! sluicemetasink format=mot rows=detections location=" + path;
    Harness h(gst_harness_new_parse(line.c_str()));
    GstVideoInfo rgb = video(GST_VIDEO_FORMAT_RGB, 60, 40);
    set_caps(h, rgb);
    GstBus* bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    push(h, gray_frame(rgb, 200, 0));
    push(h, gray_frame(rgb, 200, 40));
    gst_harness_push_event(h.get(), gst_event_new_eos());
    GstMessage* ended = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    ASSERT_TRUE(ended);
    gst_message_unref(ended);
    gst_element_set_bus(h->element, nullptr);
    gst_object_unref(bus);
    std::string rows = read_file(path);
    EXPECT_THAT(rows, StartsWith("1,-1,"));
    EXPECT_THAT(rows, HasSubstr("\n2,-1,"));
}

TEST(MetaSink, RefusesTwoSourcesInOneMotFile) {
    Sink sink({{"location", test_folder() + "/out.txt"}, {"format", "mot"}});
    EXPECT_EQ(push(sink.h, frame_of(0)), GST_FLOW_OK);
    EXPECT_EQ(push(sink.h, frame_of(1)), GST_FLOW_ERROR);
    EXPECT_THAT(sink.element.error(), HasSubstr("two sources in one file"));
}

TEST(MetaSink, DoesNotWriteOverTheFileOfASourceThatEnded) {
    std::string path = test_folder() + "/out.txt";
    Sink sink({{"location", path}, {"format", "mot"}});
    push(sink.h, frame_of(0));
    gst_harness_push_event(sink.h.get(), new_source_end_event(0));
    EXPECT_EQ(push(sink.h, frame_of(1)), GST_FLOW_ERROR);
    EXPECT_EQ(lines(path), 1);
}

TEST(MetaSink, GoesOnWithTheFileOfASourceThatComesBack) {
    std::string path = test_folder() + "/out.txt";
    Sink sink({{"location", path}, {"format", "mot"}});
    push(sink.h, frame_of(0, 0));
    gst_harness_push_event(sink.h.get(), new_source_end_event(0));
    EXPECT_EQ(lines(path), 1) << "whole once the source has ended";
    push(sink.h, frame_of(0, 1));
    sink.end();
    EXPECT_EQ(lines(path), 2);
}

TEST(MetaSink, ReportsAFullDisk) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
    Sink sink({{"location", "/dev/full"}});
    push(sink.h, frame_of(0));
    sink.end();
    EXPECT_THAT(sink.element.error(), HasSubstr("/dev/full: cannot write"));
}

TEST(MetaSink, ReportsAFullDiskWhileItWrites) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
    Sink sink({{"location", "/dev/full"}});
    GstFlowReturn flow = GST_FLOW_OK;
    for (std::uint64_t i = 0; i < 1000 && flow == GST_FLOW_OK; ++i)
        flow = push(sink.h, frame_of(0, i));
    EXPECT_EQ(flow, GST_FLOW_ERROR);
    EXPECT_THAT(sink.element.error(), HasSubstr("/dev/full"));
}

TEST(MetaSink, RefusesAPlaceWhereNoFolderCanBe) {
    Element sink("sluicemetasink", {{"location", "/dev/null/folder/out.jsonl"}});
    EXPECT_FALSE(sink.start());
    EXPECT_THAT(sink.error(), HasSubstr("/dev/null/folder"));
}

TEST(MetaSink, RefusesAnUnknownPattern) {
    Element sink("sluicemetasink", {{"location", "out%x.jsonl"}});
    EXPECT_FALSE(sink.start());
    EXPECT_THAT(sink.error(), HasSubstr("out%x.jsonl"));
}

TEST(MetaSink, RefusesAPatternForKitti) {
    Element sink("sluicemetasink", {{"location", "out%u.txt"}, {"format", "kitti"}});
    EXPECT_FALSE(sink.start());
    EXPECT_THAT(sink.error(), HasSubstr("give a folder"));
}

TEST(MetaSink, ReportsFramesOfWhichNothingIsKnown) {
    Sink sink({});
    EXPECT_EQ(push(sink.h, gray_frame(kVideo, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(sink.element.error(), HasSubstr("without Sluice metadata"));
}

TEST(MetaSink, WritesNothingWithoutALocation) {
    Sink sink({});
    EXPECT_EQ(push(sink.h, frame_of(0)), GST_FLOW_OK);
    sink.end();
    EXPECT_EQ(sink.element.error(), "");
}

TEST(MetaSink, StartsItsFilesAnewAfterAStop) {
    std::string path = test_folder() + "/out.jsonl";
    Sink sink({{"location", path}});
    push(sink.h, frame_of(0, 0));
    push(sink.h, frame_of(0, 1));
    ASSERT_TRUE(sink.element.stop());
    EXPECT_EQ(lines(path), 2) << "whole after a stop without an end";
    ASSERT_TRUE(sink.element.start());
    begin(sink.h->srcpad, CapsRef(gst_caps_new_empty_simple("application/x-sluice-batch")).get());
    push(sink.h, frame_of(0, 0));
    sink.end();
    EXPECT_EQ(lines(path), 1);
}

TEST(MetaSink, GoesOnAfterAFlush) {
    std::string path = test_folder() + "/out.jsonl";
    Sink sink({{"location", path}});
    push(sink.h, frame_of(0, 0));
    gst_harness_push_event(sink.h.get(), gst_event_new_flush_start());
    gst_harness_push_event(sink.h.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(sink.h.get(), gst_event_new_segment(&segment));
    push(sink.h, frame_of(0, 1));
    sink.end();
    EXPECT_EQ(lines(path), 2);
}

}  // namespace
}  // namespace sluice::gst
