// Whole pipelines on synthetic streams that were really encoded and are really decoded. Time comes
// in only where the mux's own timeout is what is tested, and where nothing moves any more.

#include "support.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gst {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kH264 = "x264enc tune=zerolatency speed-preset=ultrafast ! avdec_h264";
constexpr const char* kJpeg = "jpegenc ! jpegdec";
constexpr const char* kVp8 = "vp8enc deadline=1 ! vp8dec";

/// A test pattern, encoded and decoded; `frames` of -1: endless.
struct Stream {
    const char* codec = kH264;
    int frames = -1;
    int fps = 25;
    int width = 64;
    int height = 48;
    std::string after = "";  ///< more elements
    const char* format = "I420";

    std::string line(const std::string& name) const {
        return "videotestsrc pattern=white name=" + name +
               " num-buffers=" + std::to_string(frames) + " ! video/x-raw,format=" + format +
               ",width=" + std::to_string(width) + ",height=" + std::to_string(height) +
               ",framerate=" + std::to_string(fps) + "/1 ! " + codec + after;
    }
};

std::string into_mux(int source, const Stream& stream) {
    std::string id = std::to_string(source);
    return " " + stream.line("source" + id) + " ! mux.sink_" + id;
}

std::string detect(const std::string& more = "") {
    return "sluiceinfer model=" + micro_model("brightness_box") + " precision=fp32" + more;
}

/// A pipeline whose fakesink `sink` remembers the frames that reached it.
class Pipeline {
public:
    using Sequences = std::vector<std::uint64_t>;

    explicit Pipeline(const std::string& description) {
        GError* error = nullptr;
        pipeline_ = gst_parse_launch(description.c_str(), &error);
        EXPECT_FALSE(error) << error->message;
        g_clear_error(&error);
        bus_ = gst_element_get_bus(pipeline_);
        if (ObjectPtr<GstElement> sink{get("sink")}) {
            // Not async: a source that fails at once must not keep the pipeline from playing.
            g_object_set(
                sink.get(), "signal-handoffs", TRUE, "sync", FALSE, "async", FALSE, nullptr);
            g_signal_connect(sink.get(), "handoff", G_CALLBACK(handoff), this);
        }
    }
    ~Pipeline() {
        gst_element_set_state(pipeline_, GST_STATE_NULL);
        gst_object_unref(bus_);
        gst_object_unref(pipeline_);
    }
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    ObjectPtr<GstElement> get(const char* name) const {
        return ObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_), name));
    }
    GstElement* bin() const { return pipeline_; }

    void start() { gst_element_set_state(pipeline_, GST_STATE_PLAYING); }
    void end(const char* source) { gst_element_send_event(get(source).get(), gst_event_new_eos()); }

    /// Waits for the end; gives the errors on the way.
    std::vector<std::string> finish() {
        std::vector<std::string> errors;
        constexpr auto kWanted = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
        while (true) {
            GstMessage* message = gst_bus_timed_pop_filtered(bus_, kPatience, kWanted);
            if (!message) {
                ADD_FAILURE() << "the pipeline does not end";
                return errors;
            }
            bool ended = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
            if (!ended) errors.push_back(error_text(message));
            gst_message_unref(message);
            if (ended) return errors;
        }
    }
    std::vector<std::string> run() {
        start();
        return finish();
    }

    /// Waits until `count` frames of the source have come.
    void wait_for(guint source, std::size_t count) {
        std::unique_lock lock(mutex_);
        bool came = arrived_.wait_for(
            lock, std::chrono::seconds(60), [&] { return seen_[source].size() >= count; });
        EXPECT_TRUE(came) << "source " << source << " gave " << seen_[source].size() << " frames";
    }
    Sequences seen(guint source) {
        std::lock_guard lock(mutex_);
        return seen_[source];
    }
    std::size_t objects() {
        std::lock_guard lock(mutex_);
        return objects_;
    }

private:
    static constexpr GstClockTime kPatience = 60 * GST_SECOND;

    static std::string error_text(GstMessage* message) {
        GError* error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        std::string text = std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message;
        g_error_free(error);
        return text;
    }

    static void handoff(GstElement*, GstBuffer* buffer, GstPad*, gpointer data) {
        auto* self = static_cast<Pipeline*>(data);
        const BatchPayload* payload = find_payload(buffer);
        if (!payload) return;
        std::lock_guard lock(self->mutex_);
        for (const meta::Frame& frame : payload->batch.frames) {
            self->seen_[frame.source.value].push_back(frame.sequence);
            self->objects_ += frame.objects.size();
        }
        self->arrived_.notify_all();
    }

    GstElement* pipeline_;
    GstBus* bus_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::map<guint, Sequences> seen_;
    std::size_t objects_ = 0;
};

/// 0, 1, 2, ...: none is lost and none comes out of turn.
Pipeline::Sequences all_of(std::size_t count) {
    Pipeline::Sequences numbers(count);
    for (std::size_t i = 0; i < count; ++i)
        numbers[i] = i;
    return numbers;
}

TEST(Pipeline, LosesNoFrameOfSourcesThatDifferInRateSizeAndCodec) {
    Pipeline pipeline(
        "sluicemux name=mux ! " + detect() + " ! sluicetracker ! sluiceosd ! fakesink name=sink" +
        into_mux(0, {kH264, 20, 10, 64, 48}) + into_mux(1, {kJpeg, 30, 15, 160, 120}) +
        into_mux(2, {kVp8, 50, 25, 96, 64}) + into_mux(3, {kH264, 120, 60, 128, 96}));
    EXPECT_THAT(pipeline.run(), IsEmpty());
    EXPECT_EQ(pipeline.seen(0), all_of(20));
    EXPECT_EQ(pipeline.seen(1), all_of(30));
    EXPECT_EQ(pipeline.seen(2), all_of(50));
    EXPECT_EQ(pipeline.seen(3), all_of(120));
    EXPECT_GT(pipeline.objects(), 0u);
}

TEST(Pipeline, RunsAgainAfterAStop) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! sluicetracker ! fakesink name=sink" +
                      into_mux(0, {kJpeg, 10}) + into_mux(1, {kJpeg, 15}));
    EXPECT_THAT(pipeline.run(), IsEmpty());
    gst_element_set_state(pipeline.bin(), GST_STATE_NULL);
    EXPECT_THAT(pipeline.run(), IsEmpty());
    auto twice = all_of(10);
    twice.insert(twice.end(), twice.begin(), twice.end());
    EXPECT_EQ(pipeline.seen(0), twice);
}

TEST(Pipeline, TakesASourceThatJoinsLate) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! fakesink name=sink" +
                      into_mux(0, {}));
    pipeline.start();
    pipeline.wait_for(0, 10);

    GstElement* late =
        gst_parse_bin_from_description(Stream{kJpeg, 20}.line("late").c_str(), TRUE, nullptr);
    gst_bin_add(GST_BIN(pipeline.bin()), late);
    EXPECT_TRUE(gst_element_link_pads(late, "src", pipeline.get("mux").get(), "sink_1"));
    gst_element_sync_state_with_parent(late);
    pipeline.wait_for(1, 20);
    pipeline.end("source0");
    EXPECT_THAT(pipeline.finish(), IsEmpty());
    EXPECT_EQ(pipeline.seen(1), all_of(20));
    auto first = pipeline.seen(0);
    EXPECT_EQ(first, all_of(first.size()));
}

TEST(Pipeline, GoesOnWhenASourceLeaves) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! fakesink name=sink" +
                      into_mux(0, {}));
    auto mux = pipeline.get("mux");
    auto* leaving = static_cast<GstElement*>(gst_object_ref(
        gst_parse_bin_from_description(Stream{}.line("leaving").c_str(), TRUE, nullptr)));
    gst_bin_add(GST_BIN(pipeline.bin()), leaving);
    EXPECT_TRUE(gst_element_link_pads(leaving, "src", mux.get(), "sink_1"));
    pipeline.start();
    pipeline.wait_for(1, 10);

    gst_element_set_state(leaving, GST_STATE_NULL);
    ObjectPtr<GstPad> sink(gst_element_get_static_pad(mux.get(), "sink_1"));
    gst_bin_remove(GST_BIN(pipeline.bin()), leaving);
    gst_element_release_request_pad(mux.get(), sink.get());
    gst_object_unref(leaving);

    pipeline.wait_for(0, pipeline.seen(0).size() + 20);
    pipeline.end("source0");
    EXPECT_THAT(pipeline.finish(), IsEmpty());
    auto staying = pipeline.seen(0);
    EXPECT_EQ(staying, all_of(staying.size()));
    auto left = pipeline.seen(1);
    EXPECT_EQ(left, all_of(left.size()));
}

TEST(Pipeline, GoesOnWithoutAStuckSource) {
    Pipeline pipeline("sluicemux name=mux batched-push-timeout=10000 ! " + detect() +
                      " ! fakesink name=sink" + into_mux(0, {kH264, 40}) +
                      into_mux(1, {kJpeg, 40, 25, 64, 48, " ! identity name=stuck"}));
    ObjectPtr<GstPad> stuck(gst_element_get_static_pad(pipeline.get("stuck").get(), "sink"));
    // From its fifth frame on, nothing gets through until the probe goes.
    int passed = 0;
    gulong block = gst_pad_add_probe(
        stuck.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad*, GstPadProbeInfo*, gpointer count) {
            return ++*static_cast<int*>(count) < 5 ? GST_PAD_PROBE_PASS : GST_PAD_PROBE_OK;
        },
        &passed,
        nullptr);
    pipeline.start();
    pipeline.wait_for(0, 40);
    EXPECT_LT(pipeline.seen(1).size(), 5u);

    gst_pad_remove_probe(stuck.get(), block);
    EXPECT_THAT(pipeline.finish(), IsEmpty());
    EXPECT_EQ(pipeline.seen(0), all_of(40));
    EXPECT_EQ(pipeline.seen(1), all_of(40));
}

/// Frames that sluicemux took from four sources, once it takes no more for half a second.
guint64 taken_in_the_end(GstElement* mux) {
    guint64 before = 0;
    for (int still = 0; still < 50 && before < 1000; g_usleep(10'000)) {
        GstStructure* stats = nullptr;
        g_object_get(mux, "stats", &stats, nullptr);
        guint64 taken = 0;
        for (int source = 0; source < 4; ++source) {
            const GValue* of_source =
                gst_structure_get_value(stats, ("source-" + std::to_string(source)).c_str());
            guint64 in = 0;
            if (of_source) gst_structure_get_uint64(gst_value_get_structure(of_source), "in", &in);
            taken += in;
        }
        gst_structure_free(stats);
        still = taken > 0 && taken == before ? still + 1 : 0;
        before = taken;
    }
    return before;
}

// Decoders' pools grow to the most frames that were ever under way, and no further.
TEST(Pipeline, HoldsAFewFramesOfEachSourceWhenNothingLeaves) {
    std::string line = "sluicemux name=mux batch-size=2 queue-frames=2 ! " +
                       detect(" batch-size=2 num-requests=2") +
                       " ! sluicetracker ! fakesink name=sink";
    for (int source = 0; source < 4; ++source)
        line += into_mux(source, {"identity"});
    Pipeline pipeline(line);
    ObjectPtr<GstPad> sink(gst_element_get_static_pad(pipeline.get("sink").get(), "sink"));
    gulong block = gst_pad_add_probe(
        sink.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad*, GstPadProbeInfo*, gpointer) { return GST_PAD_PROBE_OK; },
        nullptr,
        nullptr);
    pipeline.start();
    // Two waiting of each source; batches: one at the sink, one in each of the inference's three
    // slots, one that waits for a slot.
    EXPECT_LE(taken_in_the_end(pipeline.get("mux").get()), 4u * 2 + (1 + 3 + 1) * 2u);
    gst_pad_remove_probe(sink.get(), block);
    pipeline.wait_for(0, 20);
}

TEST(Pipeline, KeepsTheFramesOfASourceThatFailsHalfWay) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! fakesink name=sink" +
                      into_mux(0, {kH264, 40}) +
                      into_mux(1, {kJpeg, 40, 25, 64, 48, " ! identity name=dies error-after=11"}));
    auto errors = pipeline.run();
    ASSERT_FALSE(errors.empty());
    EXPECT_THAT(errors[0], HasSubstr("dies"));
    EXPECT_EQ(pipeline.seen(0), all_of(40));
    EXPECT_EQ(pipeline.seen(1), all_of(10));
}

TEST(Pipeline, GoesOnWithoutASourceWhoseFormatItCannotTake) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! fakesink name=sink" +
                      into_mux(0, {kH264, 30, 25, 64, 48, "", "Y444"}) + into_mux(1, {kVp8, 30}));
    auto errors = pipeline.run();
    ASSERT_FALSE(errors.empty());
    EXPECT_THAT(errors[0], HasSubstr("source0"));
    EXPECT_EQ(pipeline.seen(1), all_of(30));
}

TEST(Pipeline, EndsWhereNoFrameCame) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! fakesink name=sink" +
                      into_mux(0, {kJpeg, 0}) + into_mux(1, {kJpeg, 5}));
    EXPECT_THAT(pipeline.run(), IsEmpty());
    EXPECT_EQ(pipeline.seen(1), all_of(5));
}

TEST(Pipeline, HandsEachStreamOutAgainWhole) {
    std::string folder = test_folder();
    auto write = [&](int source) {
        std::string id = std::to_string(source);
        return " demux.src_" + id + " ! queue ! sluicemetasink location=" + folder + "/" + id +
               ".jsonl";
    };
    Pipeline pipeline("sluicemux name=mux ! " + detect() + " ! sluiceosd ! sluicedemux name=demux" +
                      write(0) + write(1) + into_mux(0, {kH264, 25}) +
                      into_mux(1, {kVp8, 40, 40, 160, 120}));
    EXPECT_THAT(pipeline.run(), IsEmpty());
    auto lines = [&](const char* name) {
        std::string text = read_file(folder + name);
        return std::count(text.begin(), text.end(), '\n');
    };
    EXPECT_EQ(lines("/0.jsonl"), 25);
    EXPECT_EQ(lines("/1.jsonl"), 40);
}

TEST(Pipeline, EncodesOnePictureOfAllSources) {
    std::string path = test_folder() + "/tiled.avi";
    {
        Pipeline pipeline("sluicemux name=mux ! " + detect() +
                          " ! tee name=t  t. ! queue ! fakesink name=sink  t. ! queue ! "
                          "sluicetiler name=tiler width=320 height=240 ! sluiceosd ! jpegenc ! "
                          "avimux ! filesink location=" +
                          path + into_mux(0, {kH264, 30}) + into_mux(1, {kJpeg, 30}));
        EXPECT_THAT(pipeline.run(), IsEmpty());
        EXPECT_EQ(pipeline.seen(0), all_of(30));
    }
    Pipeline reader("filesrc location=" + path +
                    " ! avidemux ! jpegdec ! sluicetracker ! fakesink name=sink");
    EXPECT_THAT(reader.run(), IsEmpty());
    EXPECT_GE(reader.seen(0).size(), 30u);
}

TEST(Pipeline, RunsModelsInSeries) {
    Pipeline pipeline("sluicemux name=mux ! " + detect() +
                      " ! sluicetracker ! sluiceinfer model=" + micro_model("brightness_class") +
                      " process-mode=2 unique-id=2 ! fakesink name=sink" +
                      into_mux(0, {kH264, 30}) + into_mux(1, {kJpeg, 30}));
    std::size_t labelled = 0;
    ObjectPtr<GstPad> sink(gst_element_get_static_pad(pipeline.get("sink").get(), "sink"));
    gst_pad_add_probe(
        sink.get(),
        GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer count) {
            for (const meta::Frame& frame :
                 find_payload(GST_PAD_PROBE_INFO_BUFFER(info))->batch.frames) {
                for (const meta::Object& object : frame.objects)
                    *static_cast<std::size_t*>(count) += object.labels.size();
            }
            return GST_PAD_PROBE_OK;
        },
        &labelled,
        nullptr);
    EXPECT_THAT(pipeline.run(), IsEmpty());
    EXPECT_EQ(pipeline.seen(0), all_of(30));
    EXPECT_GT(labelled, 30u);
}

TEST(Pipeline, NeedsNoMuxForOneCamera) {
    Pipeline pipeline(Stream{kH264, 30}.line("camera") + " ! " + detect() +
                      " ! sluicetracker ! sluiceosd ! fakesink name=sink");
    EXPECT_THAT(pipeline.run(), IsEmpty());
    EXPECT_EQ(pipeline.seen(0), all_of(30));
}

TEST(Pipeline, StopsWhileEverythingRuns) {
    for (int round = 0; round < 5; ++round) {
        Pipeline pipeline("sluicemux name=mux ! " + detect() +
                          " ! sluicetracker ! sluiceosd ! fakesink name=sink" +
                          into_mux(0, {kJpeg}) + into_mux(1, {kJpeg}));
        pipeline.start();
        pipeline.wait_for(0, static_cast<std::size_t>(1 + round));
        gst_element_set_state(pipeline.bin(), GST_STATE_NULL);
        auto seen = pipeline.seen(0);
        EXPECT_EQ(seen, all_of(seen.size()));
    }
}

}  // namespace
}  // namespace sluice::gst
