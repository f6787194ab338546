// Sources whose decoder says that it is a CUDA device's. It is the test's own and gives gray
// pictures of the host, so that how many are made at a time can be seen everywhere.
#include "sluice/app/detail/source_run.h"

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sluice/gst/handles.h"
#include "sluice/gst/video.h"

namespace sluice::app::detail {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kFrames = 5;
constexpr int kWidth = 32;
constexpr int kHeight = 16;

/// What all the decoders of a test do: none is made before the test allows it.
struct Making {
    std::mutex mutex;
    std::condition_variable changed;
    bool allowed = true;
    int now = 0;
    int most = 0;

    void make() {
        std::unique_lock lock(mutex);
        most = std::max(most, ++now);
        changed.wait(lock, [this] { return allowed; });
        --now;
    }
    void allow() {
        std::lock_guard lock(mutex);
        allowed = true;
        changed.notify_all();
    }
    int current() {
        std::lock_guard lock(mutex);
        return now;
    }
};
Making* making = nullptr;

struct FakeDecoder {
    GstElement parent;
    GstPad* src;
    bool made;
};
struct FakeDecoderClass {
    GstElementClass parent_class;
};
G_DEFINE_TYPE(FakeDecoder, fake_decoder, GST_TYPE_ELEMENT)

GstStaticPadTemplate fake_sink =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("image/jpeg"));
GstStaticPadTemplate fake_src =
    GST_STATIC_PAD_TEMPLATE("src",
                            GST_PAD_SRC,
                            GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw; video/x-raw(" SLUICE_CUDA_FEATURE ")"));

void push_caps(GstPad* src) {
    gst::CapsRef caps(
        gst_caps_from_string("video/x-raw,format=I420,width=32,height=16,"
                             "framerate=25/1"));
    gst_pad_push_event(src, gst_event_new_caps(caps.get()));
}

GstFlowReturn fake_chain(GstPad*, GstObject* parent, GstBuffer* input) {
    auto* self = reinterpret_cast<FakeDecoder*>(parent);
    if (!std::exchange(self->made, true)) making->make();
    GstBuffer* frame = gst_buffer_new_allocate(nullptr, kWidth * kHeight * 3 / 2, nullptr);
    gst_buffer_memset(frame, 0, 128, kWidth * kHeight * 3 / 2);
    gst_buffer_copy_into(frame, input, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
    GST_BUFFER_DURATION(frame) = 40 * GST_MSECOND;  // GStreamer 1.26 gives none here
    gst_buffer_unref(input);
    return gst_pad_push(self->src, frame);
}

gboolean fake_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    push_caps(reinterpret_cast<FakeDecoder*>(parent)->src);
    return TRUE;
}

void fake_decoder_class_init(FakeDecoderClass* type) {
    auto* element = GST_ELEMENT_CLASS(type);
    gst_element_class_add_static_pad_template(element, &fake_sink);
    gst_element_class_add_static_pad_template(element, &fake_src);
    gst_element_class_set_static_metadata(
        element, "Fake", "Codec/Decoder/Video/Hardware", "Gives gray pictures", "Sluice");
}

void fake_decoder_init(FakeDecoder* self) {
    GstPad* sink = gst_pad_new_from_static_template(&fake_sink, "sink");
    gst_pad_set_chain_function(sink, fake_chain);
    gst_pad_set_event_function(sink, fake_event);
    gst_element_add_pad(GST_ELEMENT(self), sink);
    self->src = gst_pad_new_from_static_template(&fake_src, "src");
    gst_element_add_pad(GST_ELEMENT(self), self->src);
}

void play(GstElement* pipeline) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
}

GstMessageType wait_for_end(GstElement* pipeline) {
    GstBus* bus = gst_element_get_bus(pipeline);
    constexpr auto kWanted = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    GstMessage* message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, kWanted);
    GstMessageType type = message ? GST_MESSAGE_TYPE(message) : GST_MESSAGE_UNKNOWN;
    if (message) gst_message_unref(message);
    gst_object_unref(bus);
    return type;
}

void rank_fake(guint rank) {
    gst::ObjectPtr<GstElementFactory> fake(gst_element_factory_find("sluicefakedec"));
    gst_plugin_feature_set_rank(GST_PLUGIN_FEATURE(fake.get()), rank);
}

class SourceStart : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(initialise());
        for (const char* needed : {"jpegenc", "avimux", "avidemux"}) {
            gst::ObjectPtr<GstElementFactory> factory(gst_element_factory_find(needed));
            if (!factory) GTEST_SKIP() << "no " << needed << " here";
        }
        gst_element_register(nullptr, "sluicefakedec", GST_RANK_NONE, fake_decoder_get_type());
        rank_fake(GST_RANK_PRIMARY + 100);
        making = &making_;
        clip_ =
            fs::temp_directory_path() / ("source_run_test_" + std::to_string(getpid()) + ".avi");
        write_clip("jpegenc ! avimux");
        pipeline_ =
            gst_parse_launch("sluicemux name=mux ! fakesink async=false sync=false", nullptr);
        gst_object_ref_sink(pipeline_);
        mux_ = gst_bin_get_by_name(GST_BIN(pipeline_), "mux");
    }
    void TearDown() override {
        if (!pipeline_) return;
        making_.allow();
        gate_.close();
        gst_element_set_state(pipeline_, GST_STATE_NULL);
        runs_.clear();
        gst_object_unref(mux_);
        gst_object_unref(pipeline_);
        // Other tests of this process decode their JPEGs as ever.
        rank_fake(GST_RANK_NONE);
        fs::remove(clip_);
    }

    void write_clip(const std::string& encoder) {
        std::string line = "videotestsrc num-buffers=" + std::to_string(kFrames) +
                           " ! video/x-raw,width=32,height=16,framerate=25/1 ! " + encoder +
                           " ! filesink location=" + clip_.string();
        GstElement* writer = gst_parse_launch(line.c_str(), nullptr);
        play(writer);
        EXPECT_EQ(wait_for_end(writer), GST_MESSAGE_EOS);
        gst_element_set_state(writer, GST_STATE_NULL);
        gst_object_unref(writer);
    }

    void start(int sources, const DecoderChoice& choice = {DecoderKind::kHardware}) {
        for (int i = 0; i < sources; ++i) {
            Source source;
            source.kind = SourceKind::kUri;
            source.name = std::to_string(i);
            source.shown = clip_.string();
            source.uri = "file://" + clip_.string();
            source.options.source.decoder = choice.kind;
            auto run = SourceRun::create(source, {});
            ASSERT_TRUE(run) << run.error().text();
            (*run)->want_frames_on(choice.device);
            runs_.push_back(std::move(*run));
            ASSERT_TRUE(runs_.back()->join(pipeline_, mux_, gate_, static_cast<unsigned>(i)));
        }
        play(pipeline_);
        for (auto& run : runs_)
            EXPECT_TRUE(run->start());
    }

    /// Sources that wait at the gate: that alone keeps one without video from being overdue.
    int waiting() {
        TimePoint late = now() + std::chrono::hours(1);
        return static_cast<int>(std::count_if(
            runs_.begin(), runs_.end(), [late](const auto& run) { return !run->overdue(late); }));
    }

    Making making_;
    // Nothing here waits so long.
    StartGate gate_{2, std::chrono::hours(1)};
    fs::path clip_;
    GstElement* pipeline_ = nullptr;
    GstElement* mux_ = nullptr;
    std::vector<std::unique_ptr<SourceRun>> runs_;
};

TEST_F(SourceStart, MakesFewHardwareDecodersAtATimeAndLosesNothing) {
    making_.allowed = false;
    start(7);
    while (making_.current() + waiting() < 7)
        std::this_thread::yield();
    EXPECT_EQ(making_.current(), 2);
    making_.allow();
    EXPECT_EQ(wait_for_end(pipeline_), GST_MESSAGE_EOS);
    EXPECT_EQ(making_.most, 2);
    for (auto& run : runs_) {
        EXPECT_TRUE(run->ended());
        EXPECT_EQ(run->position(), std::chrono::milliseconds(40) * kFrames);
    }
}
TEST_F(SourceStart, EndsASourceThatWaitsForItsTurn) {
    const std::atomic<bool> never{false};
    ASSERT_TRUE(gate_.enter(100, never) && gate_.enter(101, never));
    start(1);
    runs_[0]->stop();
    EXPECT_EQ(wait_for_end(pipeline_), GST_MESSAGE_EOS);
    EXPECT_EQ(making_.most, 0);
}

/// GStreamer without the plug-in of NVIDIA's decoders, while it lives.
class NoNvcodec {
public:
    NoNvcodec() : plugin_(gst_registry_find_plugin(gst_registry_get(), "nvcodec")) {
        if (plugin_) gst_registry_remove_plugin(gst_registry_get(), plugin_.get());
    }
    ~NoNvcodec() {
        if (plugin_) gst_registry_add_plugin(gst_registry_get(), plugin_.get());
    }
    NoNvcodec(const NoNvcodec&) = delete;
    NoNvcodec& operator=(const NoNvcodec&) = delete;

    /// What elements the plug-in has would not come back with it.
    static bool is_harmless() {
        GList* features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "nvcodec");
        const bool none = features == nullptr;
        gst_plugin_feature_list_free(features);
        return none;
    }

private:
    gst::ObjectPtr<GstPlugin> plugin_;
};

TEST_F(SourceStart, NamesThePluginThatTheDevicesDecodersAreIn) {
    for (const char* needed : {"vp8enc", "vp8dec", "matroskamux", "matroskademux"}) {
        gst::ObjectPtr<GstElementFactory> factory(gst_element_factory_find(needed));
        if (!factory) GTEST_SKIP() << "no " << needed << " here";
    }
    if (!NoNvcodec::is_harmless()) GTEST_SKIP() << "nvcodec has elements here";
    write_clip("vp8enc ! matroskamux");
    const NoNvcodec without;
    start(1, {DecoderKind::kAuto, 0});
    GstBus* bus = gst_element_get_bus(pipeline_);
    GstMessage* message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_APPLICATION);
    gst_object_unref(bus);
    ASSERT_TRUE(message);
    const char* note = SourceRun::decoding_note(message);
    const std::string text = note ? note : "";
    gst_message_unref(message);
    EXPECT_THAT(text, HasSubstr("VP8"));
    EXPECT_THAT(text, HasSubstr("apt install gstreamer1.0-plugins-bad"));
    EXPECT_THAT(runs_[0]->decoding().reason, HasSubstr("nvcodec"));
}

}  // namespace
}  // namespace sluice::app::detail
