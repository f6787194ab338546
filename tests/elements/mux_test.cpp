#include "support.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/element.h"
#include "sluice/gst/sluice_meta.h"

namespace sluice::gst {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

const GstVideoInfo kSmall = video(GST_VIDEO_FORMAT_I420, 32, 16);
const GstVideoInfo kLarge = video(GST_VIDEO_FORMAT_RGB, 64, 48);
constexpr const char* kForever = "-1";

/// Upstream of one sink pad, live or not as it is told.
class Source {
public:
    Source(Element& mux,
           const char* sink_name,
           const GstVideoInfo& info = kSmall,
           bool live = false)
        : mux_(mux.get()),
          pad_(gst_pad_new("src", GST_PAD_SRC)),
          sink_(gst_element_request_pad_simple(mux_, sink_name)),
          info_(info),
          live_(live) {
        gst_object_ref_sink(pad_);
        gst_pad_set_element_private(pad_, this);
        gst_pad_set_query_function(pad_, answer);
        gst_pad_set_active(pad_, TRUE);
        EXPECT_EQ(gst_pad_link(pad_, sink_), GST_PAD_LINK_OK);
        begin(pad_, caps(info).get());
    }
    ~Source() {
        release();
        gst_pad_set_active(pad_, FALSE);
        gst_object_unref(pad_);
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    GstFlowReturn push(int value, int pts_ms = 0) { return push(gray_frame(info_, value, pts_ms)); }
    GstFlowReturn push(const BufferRef& buffer) {
        return gst_pad_push(pad_, BufferRef(buffer).release());
    }
    void send(GstEvent* event) { gst_pad_push_event(pad_, event); }
    void change_caps(const GstVideoInfo& info) {
        info_ = info;
        send(gst_event_new_caps(caps(info).get()));
    }
    void restart(bool live = false) {
        live_ = live;
        begin(pad_, caps(info_).get());
    }
    void set(const char* property, const char* value) {
        gst_util_set_object_arg(G_OBJECT(sink_), property, value);
    }
    GstPad* sink() const { return sink_; }
    void release() {
        if (!sink_) return;
        gst_element_release_request_pad(mux_, sink_);
        gst_object_unref(std::exchange(sink_, nullptr));
    }

private:
    static gboolean answer(GstPad* pad, GstObject* parent, GstQuery* query) {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) {
            return gst_pad_query_default(pad, parent, query);
        }
        bool live = static_cast<Source*>(gst_pad_get_element_private(pad))->live_;
        gst_query_set_latency(query, live, 0, 0);
        return TRUE;
    }

    GstElement* mux_;
    GstPad* pad_;
    GstPad* sink_;
    GstVideoInfo info_;
    bool live_;
};

/// Returns once a thread is inside the pad's chain function, and waits there or soon will.
void wait_until_inside(GstPad* sink) {
    while (GST_PAD_STREAM_TRYLOCK(sink)) {
        GST_PAD_STREAM_UNLOCK(sink);
        std::this_thread::yield();
    }
}

std::vector<guint> sources_in(const BufferRef& buffer) {
    std::vector<guint> ids;
    for (const meta::Frame& frame : batch_of(buffer).frames)
        ids.push_back(frame.source.value);
    return ids;
}

guint64 count(Element& mux, guint source, const char* what) {
    GstStructure* stats = nullptr;
    g_object_get(mux.get(), "stats", &stats, nullptr);
    GstStructure* one = nullptr;
    guint64 value = G_MAXUINT64;
    std::string name = "source-" + std::to_string(source);
    if (gst_structure_get(stats, name.c_str(), GST_TYPE_STRUCTURE, &one, nullptr)) {
        gst_structure_get_uint64(one, what, &value);
        gst_structure_free(one);
    }
    gst_structure_free(stats);
    return value;
}

TEST(Mux, PutsTwoSourcesIntoOneBatchByReference) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    Source b(mux, "sink_1");
    BufferRef first = gray_frame(kSmall, 1);
    BufferRef second = gray_frame(kSmall, 2);
    EXPECT_EQ(a.push(first), GST_FLOW_OK);
    EXPECT_EQ(b.push(second), GST_FLOW_OK);

    BufferRef batch = pull(out);
    EXPECT_THAT(sources_in(batch), ElementsAre(0, 1));
    EXPECT_EQ(address(sluice_buffer_get_pixels(batch.get(), 0)), address(first.get()));
    EXPECT_EQ(address(sluice_buffer_get_pixels(batch.get(), 1)), address(second.get()));
}

TEST(Mux, KeepsSizesAndFormatsApartInOneBatch) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0", kSmall);
    Source b(mux, "sink_1", kLarge);
    a.push(1);
    b.push(2);

    BufferRef batch = pull(out);
    ASSERT_THAT(sources_in(batch), ElementsAre(0, 1));
    const BatchPayload& payload = *find_payload(batch.get());
    EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&payload.pixels[0].info), GST_VIDEO_INFO_FORMAT(&kSmall));
    EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&payload.pixels[1].info), GST_VIDEO_INFO_FORMAT(&kLarge));
    EXPECT_EQ(payload.batch.frames[0].size, (memory::Size{32, 16}));
    EXPECT_EQ(payload.batch.frames[1].size, (memory::Size{64, 48}));
}

TEST(Mux, StampsBatchesWithTheirEarliestRunningTime) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    Source b(mux, "sink_1");
    a.push(1, 80);
    b.push(2, 40);
    BufferRef batch = pull(out);
    EXPECT_EQ(GST_BUFFER_PTS(batch.get()), 40 * GST_MSECOND);
    EXPECT_EQ(batch_of(batch).frames.at(0).pts_ns, 80'000'000);
}

TEST(Mux, SendsItsBatchSizeDownstream) {
    Element mux("sluicemux", {{"batch-size", "3"}, {"batched-push-timeout", "0"}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    a.push(1);
    GstCaps* sent = nullptr;
    EventRef event = pull_event(out, GST_EVENT_CAPS);
    gst_event_parse_caps(event.get(), &sent);
    gint size = 0;
    gst_structure_get_int(gst_caps_get_structure(sent, 0), "batch-size", &size);
    EXPECT_EQ(size, 3);
}

TEST(Mux, TellsTheEndOfEachSourceAndThenOfAll) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    Source b(mux, "sink_1");
    a.push(1);
    a.send(gst_event_new_eos());
    b.push(2);
    b.send(gst_event_new_eos());

    EXPECT_THAT(sources_in(pull(out)), ElementsAre(0, 1));
    std::vector<guint> ended;
    bool all = false;
    while (!all) {
        EventRef event(gst_harness_pull_event(out.get()));
        ASSERT_TRUE(event) << "no end of all";
        guint id = 0;
        if (parse_source_end(event.get(), id)) ended.push_back(id);
        all = GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS;
    }
    EXPECT_THAT(ended, testing::UnorderedElementsAre(0, 1));
}

TEST(Mux, RefusesFramesAfterTheirSourcesEnd) {
    Element mux("sluicemux");
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    Source b(mux, "sink_1");
    a.send(gst_event_new_eos());
    EXPECT_EQ(a.push(1), GST_FLOW_EOS);
}

TEST(Mux, GoesOnWithoutAStuckSource) {
    Element mux("sluicemux", {{"batched-push-timeout", "10000"}});
    Harness out = harness(mux, nullptr);
    Source going(mux, "sink_0");
    Source stuck(mux, "sink_1");
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(going.push(i), GST_FLOW_OK);
        EXPECT_THAT(sources_in(pull(out)), ElementsAre(0));
    }
    EXPECT_EQ(count(mux, 0, "out"), 5u);
}

TEST(Mux, WaitsWithoutSourcesForTheFirstToJoin) {
    Element mux("sluicemux");
    Harness out = harness(mux, nullptr);
    Source late(mux, "sink_5");
    late.push(1);
    EXPECT_THAT(sources_in(pull(out)), ElementsAre(5));
}

TEST(Mux, TakesASourceThatJoinsLater) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source first(mux, "sink_%u");
    first.push(1);
    EXPECT_THAT(sources_in(pull(out)), ElementsAre(0));
    Source second(mux, "sink_%u");
    first.push(2);
    second.push(3);
    EXPECT_THAT(sources_in(pull(out)), ElementsAre(0, 1));
}

TEST(Mux, ReleasingAPadFreesItsWaitingThreadAndTellsItsEnd) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}, {"queue-frames", "1"}});
    Harness out = harness(mux, nullptr);
    Source leaving(mux, "sink_0");
    Source silent(mux, "sink_1");  // so that no batch leaves and the other's queue fills
    Source third(mux, "sink_2");
    GstFlowReturn last = GST_FLOW_OK;
    std::thread streaming([&] {
        while (last == GST_FLOW_OK)
            last = leaving.push(1);
    });
    wait_until_inside(leaving.sink());
    leaving.release();
    streaming.join();
    EXPECT_THAT(last, testing::AnyOf(GST_FLOW_EOS, GST_FLOW_FLUSHING, GST_FLOW_NOT_LINKED));

    silent.push(2);
    third.push(3);
    EXPECT_THAT(sources_in(pull(out)), ElementsAre(1, 2));
    guint id = 99;
    while (!parse_source_end(pull_event(out, GST_EVENT_CUSTOM_DOWNSTREAM).get(), id)) {
    }
    EXPECT_EQ(id, 0u);
}

TEST(Mux, TakesANewSourceUnderAReleasedPadsName) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    {
        Source before(mux, "sink_0");
        before.push(1);
        EXPECT_THAT(sources_in(pull(out)), ElementsAre(0));
    }
    Source after(mux, "sink_0");
    EXPECT_EQ(after.push(2), GST_FLOW_OK);
    EXPECT_EQ(only_frame(pull(out)).sequence, 0u) << "another source, from its frame 0";
}

TEST(Mux, FlushFreesAWaitingThread) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}, {"queue-frames", "1"}});
    Harness out = harness(mux, nullptr);
    Source flushed(mux, "sink_0");
    Source silent(mux, "sink_1");
    EXPECT_EQ(flushed.push(1), GST_FLOW_OK);
    GstFlowReturn second = GST_FLOW_OK;
    std::thread streaming([&] { second = flushed.push(2); });
    wait_until_inside(flushed.sink());
    flushed.send(gst_event_new_flush_start());
    streaming.join();
    EXPECT_EQ(second, GST_FLOW_FLUSHING);
}

TEST(Mux, FlushDropsThatSourcesFramesOnly) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source flushed(mux, "sink_0");
    Source kept(mux, "sink_1");
    Source third(mux, "sink_2");
    flushed.push(1);
    kept.push(2);
    flushed.send(gst_event_new_flush_start());
    flushed.send(gst_event_new_flush_stop(TRUE));
    flushed.restart();
    EXPECT_EQ(flushed.push(3), GST_FLOW_OK);
    third.push(4);

    BufferRef batch = pull(out);
    EXPECT_EQ(batch_of(batch).frames.size(), 3u);
    EXPECT_EQ(count(mux, 0, "dropped-flushed"), 1u);
    EXPECT_EQ(count(mux, 1, "dropped-flushed"), 0u);
}

TEST(Mux, StartsFromNothingAfterAStop) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    a.push(1);
    pull(out);
    a.send(gst_event_new_eos());
    ASSERT_TRUE(pull_event(out, GST_EVENT_EOS));
    ASSERT_TRUE(mux.stop());
    EXPECT_EQ(count(mux, 0, "out"), 1u) << "what was counted can be read after the stop";

    ASSERT_TRUE(mux.start());
    a.restart();
    EXPECT_EQ(a.push(2), GST_FLOW_OK);
    EXPECT_EQ(only_frame(pull(out)).sequence, 0u);
}

TEST(Mux, StopsWhileASourceWaits) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}, {"queue-frames", "1"}});
    Harness out = harness(mux, nullptr);
    Source waiting(mux, "sink_0");
    Source silent(mux, "sink_1");
    GstFlowReturn last = GST_FLOW_OK;
    std::thread streaming([&] {
        while (last == GST_FLOW_OK)
            last = waiting.push(1);
    });
    wait_until_inside(waiting.sink());
    EXPECT_TRUE(mux.stop());
    streaming.join();
    EXPECT_EQ(last, GST_FLOW_FLUSHING);
}

TEST(Mux, FollowsACapsChange) {
    Element mux("sluicemux");
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0", kSmall);
    a.push(1);
    a.change_caps(kLarge);
    a.push(2);
    EXPECT_EQ(only_frame(pull(out)).source_size, (memory::Size{32, 16}));
    EXPECT_EQ(only_frame(pull(out)).source_size, (memory::Size{64, 48}));
}

TEST(Mux, RefusesFramesWithoutCaps) {
    Element mux("sluicemux");
    Harness out = harness(mux, nullptr);
    ObjectPtr<GstPad> sink(gst_element_request_pad_simple(mux.get(), "sink_0"));
    gst_pad_send_event(sink.get(), gst_event_new_stream_start("test"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_send_event(sink.get(), gst_event_new_segment(&segment));
    EXPECT_EQ(gst_pad_chain(sink.get(), gray_frame(kSmall, 1).release()), GST_FLOW_NOT_NEGOTIATED);
}

TEST(Mux, RefusesCapsThatItCannotRead) {
    Element mux("sluicemux");
    ObjectPtr<GstPad> sink(gst_element_request_pad_simple(mux.get(), "sink_0"));
    CapsRef odd(gst_caps_from_string("video/x-raw, format=P010_10LE, width=8, height=8"));
    EXPECT_FALSE(gst_pad_query_accept_caps(sink.get(), odd.get()));
}

TEST(Mux, DropsAFullLiveSourcesOldestFrame) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}, {"queue-frames", "2"}});
    Harness out = harness(mux, nullptr);
    Source camera(mux, "sink_0", kSmall, true);
    Source silent(mux, "sink_1");
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(camera.push(i), GST_FLOW_OK) << "a camera must not wait";
    EXPECT_EQ(count(mux, 0, "dropped-displaced"), 3u);
}

TEST(Mux, AsksEachNewStreamWhetherItIsLive) {
    Element mux("sluicemux", {{"batched-push-timeout", kForever}, {"queue-frames", "1"}});
    Harness out = harness(mux, nullptr);
    Source changing(mux, "sink_0");
    Source silent(mux, "sink_1");
    changing.push(0);
    changing.restart(true);
    EXPECT_EQ(changing.push(1), GST_FLOW_OK) << "a camera must not wait";
    EXPECT_EQ(count(mux, 0, "dropped-displaced"), 1u);
}

TEST(Mux, ThinsASourceByItsPadsProperties) {
    Element mux("sluicemux", {{"batched-push-timeout", "0"}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    a.set("drop-frame-interval", "2");
    for (int i = 0; i < 4; ++i)
        a.push(i);
    BufferRef first = pull(out);
    BufferRef second = pull(out);
    EXPECT_EQ(only_frame(second).sequence - only_frame(first).sequence, 2u);
    EXPECT_EQ(count(mux, 0, "dropped-interval"), 2u);
    gint interval = 0;
    g_object_get(a.sink(), "drop-frame-interval", &interval, nullptr);
    EXPECT_EQ(interval, 2);
}

TEST(Mux, KeepsOneSourcesEventsToItself) {
    Element mux("sluicemux");
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0");
    GstStreamCollection* streams = gst_stream_collection_new("test");
    a.send(gst_event_new_stream_collection(streams));
    gst_object_unref(streams);
    a.send(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "one source's", nullptr)));
    a.push(1);
    pull(out);
    std::vector<std::string> seen;
    while (EventRef event{gst_harness_try_pull_event(out.get())})
        seen.emplace_back(GST_EVENT_TYPE_NAME(event.get()));
    EXPECT_THAT(seen, ElementsAre("stream-start", "caps", "segment"));
}

TEST(Mux, AddsItsTimeoutToTheLatency) {
    Element mux("sluicemux", {{"batched-push-timeout", "5000"}});
    Harness out = harness(mux, nullptr);
    Source a(mux, "sink_0", kSmall, true);
    EXPECT_EQ(gst_harness_query_latency(out.get()), 5 * GST_MSECOND);
}

}  // namespace
}  // namespace sluice::gst
