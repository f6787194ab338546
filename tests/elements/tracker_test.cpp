#include "support.h"

#include <fstream>
#include <ostream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_I420, 320, 240);

/// The box of frame `i`, walking to the right.
meta::Object walker(int i, int class_id = 0) {
    return object({20.f + 2.f * static_cast<float>(i), 50, 40, 80}, class_id);
}

BufferRef frame_of(guint source, int i) {
    return batch({{source,
                   kVideo,
                   gray_frame(kVideo, 1, 40 * i),
                   {walker(i)},
                   static_cast<std::uint64_t>(i)}});
}

/// The ids of the source's walker in `count` frames.
std::set<std::uint64_t> follow(const Harness& h, guint source, int count) {
    std::set<std::uint64_t> ids;
    for (int i = 0; i < count; ++i) {
        EXPECT_EQ(push(h, frame_of(source, i)), GST_FLOW_OK);
        BufferRef out = pull(h);
        for (const meta::Object& object : only_frame(out).objects) {
            if (object.tracked()) ids.insert(object.track_id.value);
        }
    }
    return ids;
}

TEST(Tracker, GivesAnObjectOneLastingId) {
    for (const char* name : {"iou", "sort", "bytetrack", "ocsort"}) {
        Element tracker("sluicetracker", {{"tracker", name}});
        Harness h = harness(tracker);
        set_batch_caps(h);
        EXPECT_EQ(follow(h, 0, 10).size(), 1u) << name;
    }
}

TEST(Tracker, FollowsEachSourceByItself) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    for (int i = 0; i < 5; ++i) {
        push(h,
             batch({{0, kVideo, gray_frame(kVideo, 1, 40 * i), {walker(i)}},
                    {1, kVideo, gray_frame(kVideo, 1, 40 * i), {walker(i), walker(i + 60)}}}));
        BufferRef out = pull(h);
        EXPECT_EQ(batch_of(out).frames.at(0).objects.size(), 1u);
        EXPECT_EQ(batch_of(out).frames.at(1).objects.size(), 2u);
    }
}

TEST(Tracker, ForgetsASourceThatEnded) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    auto before = follow(h, 0, 5);
    auto other = follow(h, 1, 5);
    gst_harness_push_event(h.get(), new_source_end_event(0));
    // Where the walker was last seen is far from where the new one starts again.
    EXPECT_EQ(follow(h, 0, 5), before) << "a new tracker numbers as the first did";
    EXPECT_EQ(follow(h, 1, 1), other) << "the other source's goes on";
}

TEST(Tracker, ForgetsAllWhenFlushed) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    auto before = follow(h, 0, 5);
    gst_harness_push_event(h.get(), gst_event_new_flush_start());
    gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    EXPECT_EQ(follow(h, 0, 5), before);
}

TEST(Tracker, FollowsOnlyTheClassesAskedFor) {
    Element tracker("sluicetracker", {{"operate-on-class-ids", "2"}});
    Harness h = harness(tracker);
    set_batch_caps(h);
    for (int i = 0; i < 5; ++i) {
        push(h, batch({{0, kVideo, gray_frame(kVideo, 1, 40 * i), {walker(i, 2), walker(i, 7)}}}));
        BufferRef out = pull(h);
        for (const meta::Object& seen : only_frame(out).objects)
            EXPECT_EQ(seen.tracked(), seen.class_id.value == 2);
    }
}

TEST(Tracker, NumbersPlainFrames) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_caps(h, kVideo);
    for (std::uint64_t i = 0; i < 3; ++i) {
        push(h, gray_frame(kVideo, 1, static_cast<int>(40 * i)));
        EXPECT_EQ(only_frame(pull(h)).sequence, i);
    }
}

TEST(Tracker, FollowsTheObjectsOfPlainVideo) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_caps(h, kVideo);
    for (int i = 0; i < 2; ++i) {
        push(h, with_objects(gray_frame(kVideo, 1, 40 * i), kVideo, {walker(i)}));
        BufferRef out = pull(h);
        ASSERT_EQ(only_frame(out).objects.size(), 1u);
        EXPECT_TRUE(only_frame(out).objects[0].tracked());
    }
}

TEST(Tracker, CopiesNoPixels) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_caps(h, kVideo);
    BufferRef shared = gray_frame(kVideo, 1);
    push(h, shared);
    EXPECT_EQ(address(pull(h).get()), address(shared.get()));
}

TEST(Tracker, FollowsACapsChangeFromPlainToBatch) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_caps(h, kVideo);
    push(h, gray_frame(kVideo, 1));
    GstVideoInfo other = video(GST_VIDEO_FORMAT_RGB, 16, 8);
    set_caps(h, other);
    push(h, gray_frame(other, 1));
    pull(h);
    EXPECT_EQ(only_frame(pull(h)).size, (memory::Size{16, 8}));
    set_batch_caps(h);
    push(h, frame_of(3, 0));
    EXPECT_EQ(only_frame(pull(h)).source.value, 3u);
}

TEST(Tracker, PassesTheEndOn) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    gst_harness_push_event(h.get(), gst_event_new_eos());
    EXPECT_TRUE(pull_event(h, GST_EVENT_EOS));
}

TEST(Tracker, ReportsABatchWithoutMetadata) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    EXPECT_EQ(push(h, gray_frame(kVideo, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(tracker.error(), HasSubstr("without batch metadata"));
}

TEST(Tracker, StartsAfreshAfterAStop) {
    Element tracker("sluicetracker");
    Harness h = harness(tracker);
    set_batch_caps(h);
    auto before = follow(h, 0, 5);
    ASSERT_TRUE(tracker.stop());
    ASSERT_TRUE(tracker.start());
    begin(h->srcpad, CapsRef(gst_caps_new_empty_simple("application/x-sluice-batch")).get());
    EXPECT_EQ(follow(h, 0, 5), before);
}

struct BadSetting {
    const char* name;
    const char* property;
    std::string value;
    std::string says;
};
std::ostream& operator<<(std::ostream& out, const BadSetting& bad) {
    return out << bad.property << "=" << bad.value;
}
class TrackerRefuses : public testing::TestWithParam<BadSetting> {};

TEST_P(TrackerRefuses, ToStart) {
    const BadSetting& bad = GetParam();
    Element tracker("sluicetracker", {{bad.property, bad.value}});
    EXPECT_FALSE(tracker.start());
    EXPECT_THAT(tracker.error(), HasSubstr(bad.says));
}

INSTANTIATE_TEST_SUITE_P(
    WithOneError,
    TrackerRefuses,
    testing::Values(BadSetting{"UnknownTracker", "tracker", "bytetrak", "bytetrack"},
                    BadSetting{"UnknownOption", "options", "track-tresh=0.5", "track-thresh"},
                    BadSetting{"OptionWithoutValue", "options", "track-thresh", "track-thresh"},
                    BadSetting{
                        "ValueOutOfRange", "options", "track-thresh=7", "7 is not in 0 .. 1"},
                    BadSetting{"AbsentFile", "ll-config-file", "/no/such.yaml", "/no/such.yaml"}),
    [](const auto& setting) { return setting.param.name; });

TEST(Tracker, ReadsItsParametersFromAFile) {
    std::string path = test_folder() + "/tracker.yaml";
    std::ofstream(path) << "nonsense-key: 1\n";
    Element tracker("sluicetracker", {{"ll-config-file", path}});
    EXPECT_FALSE(tracker.start());
    EXPECT_THAT(tracker.error(), HasSubstr("nonsense-key"));
}

}  // namespace
}  // namespace sluice::gst
