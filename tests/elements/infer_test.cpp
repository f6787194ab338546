#include "support.h"

#include <cmath>
#include <future>
#include <ostream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/infer_queue.h"

namespace sluice::gst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const GstVideoInfo kRgb = video(GST_VIDEO_FORMAT_RGB, 60, 40);

// brightness_box finds one box per picture and gives it the picture's mean brightness as score;
// brightness_class says dark or bright.
struct Detector : Element {
    explicit Detector(Properties more = {})
        : Element("sluiceinfer",
                  {{"model", micro_model("brightness_box")}, {"precision", "fp32"}}) {
        for (const auto& [name, value] : more)
            set(name, value);
    }
};
struct Classifier : Element {
    explicit Classifier(Properties more = {})
        : Element("sluiceinfer",
                  {{"model", micro_model("brightness_class")},
                   {"precision", "fp32"},
                   {"process-mode", "2"},
                   {"unique-id", "2"}}) {
        for (const auto& [name, value] : more)
            set(name, value);
    }
};

/// Brightness 0..255 of the one box found; -1 without.
int brightness(const meta::Frame& frame) {
    return frame.objects.size() == 1 ? static_cast<int>(std::lround(frame.objects[0].score * 255))
                                     : -1;
}

std::vector<std::string> values(const meta::Object& of) {
    std::vector<std::string> words;
    for (const meta::Label& label : of.labels)
        words.emplace_back(label.value.view());
    return words;
}

/// Dark on the left, bright on the right, an object on each half.
BufferRef two_halves(int pts_ms = 0) {
    BufferRef frame = gray_frame(kRgb, 0, pts_ms);
    fill_area(frame.get(), kRgb, {30, 0, 30, 40}, 255);
    return with_objects(std::move(frame), kRgb, {object({2, 2, 20, 30}), object({35, 2, 20, 30})});
}

TEST(Infer, GivesPlainFramesTheirOwnResultsInOrder) {
    Detector infer({{"num-requests", "4"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    for (int i = 0; i < 24; ++i)
        ASSERT_EQ(push(h, gray_frame(kRgb, 100 + 5 * i, 40 * i)), GST_FLOW_OK);
    for (int i = 0; i < 24; ++i) {
        BufferRef out = pull(h);
        EXPECT_EQ(brightness(only_frame(out)), 100 + 5 * i);
        EXPECT_EQ(only_frame(out).sequence, static_cast<std::uint64_t>(i));
        EXPECT_EQ(only_frame(out).inference, meta::Inference::kDone);
    }
}

TEST(Infer, PutsBoxesIntoTheFramesOwnPixels) {
    Detector infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    push(h, gray_frame(kRgb, 200));
    BufferRef out = pull(h);
    ASSERT_EQ(only_frame(out).objects.size(), 1u);
    const meta::Object& found = only_frame(out).objects[0];
    // 1,1 to 5,3 of the network's 6 x 4.
    EXPECT_NEAR(found.box.left, 10, 0.01);
    EXPECT_NEAR(found.box.top, 10, 0.01);
    EXPECT_NEAR(found.box.right(), 50, 0.01);
    EXPECT_NEAR(found.box.bottom(), 30, 0.01);
    EXPECT_EQ(found.label.view(), "blob");
    EXPECT_EQ(found.component_id, 1u);
}

TEST(Infer, GivesEachFrameOfABatchItsOwnResult) {
    Detector infer({{"batch-size", "2"}});
    Harness h = harness(infer);
    set_batch_caps(h, 2);
    GstVideoInfo gray = video(GST_VIDEO_FORMAT_GRAY8, 30, 20);
    // Three frames, two sizes and formats: one request that is full and one that is not.
    push(h,
         batch({{0, kRgb, gray_frame(kRgb, 80), {}},
                {1, gray, gray_frame(gray, 160), {}},
                {2, kRgb, gray_frame(kRgb, 240), {}}}));
    BufferRef out = pull(h);
    ASSERT_EQ(batch_of(out).frames.size(), 3u);
    EXPECT_EQ(brightness(batch_of(out).frames[0]), 80);
    EXPECT_EQ(brightness(batch_of(out).frames[1]), 160);
    EXPECT_EQ(brightness(batch_of(out).frames[2]), 240);
    EXPECT_EQ(infer.warning(), "");
}

TEST(Infer, SkipsByInterval) {
    Detector infer({{"interval", "1"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    std::vector<meta::Inference> done;
    for (int i = 0; i < 4; ++i) {
        push(h, gray_frame(kRgb, 200));
        done.push_back(only_frame(pull(h)).inference);
    }
    EXPECT_THAT(done,
                ElementsAre(meta::Inference::kDone,
                            meta::Inference::kSkipped,
                            meta::Inference::kDone,
                            meta::Inference::kSkipped));
}

TEST(Infer, SkipsByEachSourcesOwnCountAlsoInPlainVideo) {
    Detector infer({{"interval", "2"}, {"interval-unit", "source"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    int done = 0;
    for (int i = 0; i < 6; ++i) {
        push(h, gray_frame(kRgb, 200));
        if (only_frame(pull(h)).inference == meta::Inference::kDone) ++done;
    }
    EXPECT_EQ(done, 2);
}

TEST(Infer, LabelsTheObjectsByTheirOwnPixels) {
    Classifier infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    push(h, two_halves());
    BufferRef out = pull(h);
    ASSERT_EQ(only_frame(out).objects.size(), 2u);
    EXPECT_THAT(values(only_frame(out).objects[0]), ElementsAre("dark"));
    EXPECT_THAT(values(only_frame(out).objects[1]), ElementsAre("bright"));
    EXPECT_EQ(only_frame(out).objects[0].labels[0].attribute.view(), "shade");
    EXPECT_EQ(only_frame(out).objects[0].labels[0].component_id, 2u);
}

TEST(Infer, LabelsObjectsOfSeveralFramesInOneRequest) {
    Classifier infer({{"batch-size", "4"}});
    Harness h = harness(infer);
    set_batch_caps(h);
    push(h,
         batch({{0, kRgb, gray_frame(kRgb, 0), {object({1, 1, 20, 20})}},
                {1, kRgb, gray_frame(kRgb, 255), {object({1, 1, 20, 20})}}}));
    BufferRef out = pull(h);
    EXPECT_THAT(values(batch_of(out).frames.at(0).objects.at(0)), ElementsAre("dark"));
    EXPECT_THAT(values(batch_of(out).frames.at(1).objects.at(0)), ElementsAre("bright"));
}

TEST(Infer, AttachesATracksKnownLabelsWithoutAskingAgain) {
    Classifier infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    auto tracked = [](int value, std::uint64_t sequence) {
        BufferRef frame = with_objects(gray_frame(kRgb, value), kRgb, {object({1, 1, 20, 20})});
        meta::Frame& in = find_payload(frame.get())->batch.frames[0];
        in.sequence = sequence;
        in.objects[0].track_id = meta::TrackId(5);
        return frame;
    };
    push(h, tracked(255, 0));
    EXPECT_THAT(values(only_frame(pull(h)).objects.at(0)), ElementsAre("bright"));
    push(h, tracked(0, 1));
    EXPECT_THAT(values(only_frame(pull(h)).objects.at(0)), ElementsAre("bright"));
}

TEST(Infer, FindsObjectsOnObjects) {
    Detector infer({{"process-mode", "2"}, {"unique-id", "3"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    push(h, two_halves());
    BufferRef out = pull(h);
    const auto& objects = only_frame(out).objects;
    ASSERT_EQ(objects.size(), 3u) << "the dark half scores too low";
    EXPECT_EQ(objects[2].parent, 1);
    EXPECT_EQ(objects[2].component_id, 3u);
    EXPECT_GE(objects[2].box.left, 35);
}

TEST(Infer, TakesFramesWhileTheLastOneIsPushedOn) {
    Classifier infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    struct Gate {
        std::promise<void> reached;
        std::promise<void> open;
        std::future<void> opened = open.get_future();
    } gate;
    gst_pad_add_probe(
        h->sinkpad,
        GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer data) {
            auto* at = static_cast<Gate*>(data);
            at->reached.set_value();
            at->opened.wait();
            return GST_PAD_PROBE_REMOVE;
        },
        &gate,
        nullptr);
    push(h, two_halves());
    gate.reached.get_future().wait();
    // Downstream holds the first frame. The next is taken all the same; it would hang here if a
    // lock were held meanwhile.
    EXPECT_EQ(push(h, two_halves(40)), GST_FLOW_OK);
    gate.open.set_value();
    EXPECT_TRUE(pull(h));
    EXPECT_TRUE(pull(h));
}

TEST(Infer, KeepsRawOutputsWhenAsked) {
    Detector infer({{"output-tensor-meta", "true"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    push(h, gray_frame(kRgb, 102));
    BufferRef out = pull(h);
    ASSERT_EQ(only_frame(out).tensors.size(), 1u);
    EXPECT_EQ(only_frame(out).tensors[0]->name, "rows");
    EXPECT_THAT(only_frame(out).tensors[0]->shape, ElementsAre(1, 6));
    EXPECT_NEAR(only_frame(out).tensors[0]->values.at(4), 0.4, 0.01);
}

TEST(Infer, WarnsOfABatchSizeOtherThanTheMuxes) {
    Detector infer({{"batch-size", "4"}});
    Harness h = harness(infer);
    set_batch_caps(h, 2);
    EXPECT_EQ(infer.warning(), "batch-size is 4 here and 2 at the mux; set both to 2");
}

TEST(Infer, PassesABadFrameOnAndGoesOn) {
    Detector infer;
    Harness h = harness(infer);
    set_batch_caps(h);
    BufferRef cut(gst_buffer_new_allocate(nullptr, 16, nullptr));
    push(h,
         batch({{0, kRgb, gray_frame(kRgb, 100), {}},
                {1, kRgb, cut, {}, 6},
                {2, kRgb, gray_frame(kRgb, 200), {}}}));
    BufferRef out = pull(h);
    EXPECT_EQ(brightness(batch_of(out).frames.at(0)), 100);
    EXPECT_EQ(batch_of(out).frames.at(1).inference, meta::Inference::kNone);
    EXPECT_EQ(brightness(batch_of(out).frames.at(2)), 200);
    EXPECT_THAT(infer.warning(), HasSubstr("source 1, frame 6"));
    EXPECT_EQ(infer.error(), "");

    push(h, batch({{1, kRgb, gray_frame(kRgb, 150), {}}}));
    EXPECT_EQ(brightness(only_frame(pull(h))), 150);
}

TEST(Infer, ReportsABatchWithoutMetadata) {
    Detector infer;
    Harness h = harness(infer);
    set_batch_caps(h);
    EXPECT_EQ(push(h, gray_frame(kRgb, 1)), GST_FLOW_ERROR);
    EXPECT_THAT(infer.error(), HasSubstr("without batch metadata"));
}

TEST(Infer, FollowsACapsChange) {
    Detector infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    push(h, gray_frame(kRgb, 100));
    GstVideoInfo other = video(GST_VIDEO_FORMAT_BGRx, 12, 8);
    set_caps(h, other);
    push(h, gray_frame(other, 200));
    EXPECT_EQ(brightness(only_frame(pull(h))), 100);
    BufferRef out = pull(h);
    EXPECT_EQ(brightness(only_frame(out)), 200);
    EXPECT_EQ(only_frame(out).size, (memory::Size{12, 8}));
}

TEST(Infer, SendsTheEndAfterTheLastResult) {
    Detector infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    for (int i = 0; i < 3; ++i)
        push(h, gray_frame(kRgb, 100));
    gst_harness_push_event(h.get(), gst_event_new_eos());
    ASSERT_TRUE(pull_event(h, GST_EVENT_EOS));
    EXPECT_EQ(gst_harness_buffers_in_queue(h.get()), 3u);
}

TEST(Infer, WorksOnAfterAFlush) {
    Detector infer;
    Harness h = harness(infer);
    set_caps(h, kRgb);
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 3; ++i)
            push(h, gray_frame(kRgb, 100));
        gst_harness_push_event(h.get(), gst_event_new_flush_start());
        gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
        while (BufferRef(gst_harness_try_pull(h.get()))) {
        }
        push(h, gray_frame(kRgb, 200));
        EXPECT_EQ(brightness(only_frame(pull(h))), 200);
    }
}

TEST(Infer, KeepsCapsThatAFlushFindsInside) {
    Detector infer;
    Harness h = harness(infer);
    const gulong probe = gst_pad_add_probe(
        h->sinkpad,
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK |
                                     GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
        [](GstPad*, GstPadProbeInfo*, gpointer) { return GST_PAD_PROBE_OK; },
        nullptr,
        nullptr);
    set_caps(h, kRgb);
    gst_harness_push_event(h.get(), gst_event_new_flush_start());
    gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE));
    gst_pad_remove_probe(h->sinkpad, probe);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    push(h, gray_frame(kRgb, 200));
    EXPECT_EQ(brightness(only_frame(pull(h))), 200);
    EXPECT_TRUE(gst_pad_has_current_caps(h->sinkpad));
}

TEST(Infer, FlushFreesAThreadThatWaitsForASlowPeer) {
    Detector infer({{"num-requests", "1"}});
    Harness h = harness(infer);
    set_caps(h, kRgb);
    gst_pad_add_probe(
        h->sinkpad,
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad*, GstPadProbeInfo*, gpointer) { return GST_PAD_PROBE_OK; },
        nullptr,
        nullptr);
    GstFlowReturn last = GST_FLOW_OK;
    std::thread streaming([&] {
        while (last == GST_FLOW_OK)
            last = push(h, gray_frame(kRgb, 100));
    });
    gst_harness_push_event(h.get(), gst_event_new_flush_start());
    streaming.join();
    EXPECT_EQ(last, GST_FLOW_FLUSHING);
}

TEST(Infer, StopsAndStartsAgain) {
    Detector infer;
    Harness h = harness(infer);
    for (int round = 0; round < 3; ++round) {
        begin(h->srcpad, caps(kRgb).get());
        push(h, gray_frame(kRgb, 100));
        EXPECT_EQ(only_frame(pull(h)).sequence, 0u);
        push(h, gray_frame(kRgb, 100));  // may be under way when it stops
        ASSERT_TRUE(infer.stop());
        while (BufferRef(gst_harness_try_pull(h.get()))) {
        }
        ASSERT_TRUE(infer.start());
    }
}

struct BadStart {
    const char* name;
    std::string property;
    std::string value;
    std::string says;
};
std::ostream& operator<<(std::ostream& out, const BadStart& bad) {
    return out << bad.property << "=" << bad.value;
}
class InferRefuses : public testing::TestWithParam<BadStart> {};

TEST_P(InferRefuses, ToStart) {
    const BadStart& bad = GetParam();
    Detector infer;
    infer.set(bad.property.c_str(), bad.value);
    EXPECT_FALSE(infer.start());
    EXPECT_THAT(infer.error(), HasSubstr(bad.says));
}

INSTANTIATE_TEST_SUITE_P(
    WithOneError,
    InferRefuses,
    testing::Values(BadStart{"NoModel", "model", "", "no model"},
                    BadStart{"AbsentModel", "model", "/no/such.onnx", "/no/such.onnx"},
                    BadStart{"NotAModel", "model", micro_model("no_model"), "no_model.onnx"},
                    BadStart{"AbsentDescription", "config-file-path", "/no/such.yaml", "such.yaml"},
                    BadStart{"UnfittingHead", "head", "centernet", "centernet"},
                    BadStart{"UnknownDevice", "device", "abacus", "abacus"},
                    BadStart{"ClassBeyondTheLast", "filter-out-class-ids", "9", "9"}),
    [](const auto& element) { return element.param.name; });

// Requests write into a buffer's metadata until they are waited for.
TEST(InferQueue, KeepsABufferWhoseRequestsMayStillRun) {
    InferQueue queue(std::vector<infer::Runner::Slot>(1));
    infer::Runner::Slot* slot = queue.take_slot();
    EXPECT_TRUE(queue.push(RunningSlot{slot, now()}));
    queue.set_flushing(true);
    BufferRef buffer(gst_buffer_new());
    EXPECT_FALSE(queue.push(buffer));
    EXPECT_FALSE(queue.push(EventRef(gst_event_new_eos())));
    EXPECT_EQ(queue.take_all().size(), 2u) << "the request and its buffer";
}

TEST(InferQueue, GivesNothingOutWhileFlushing) {
    InferQueue queue(std::vector<infer::Runner::Slot>(1));
    queue.set_flushing(true);
    EXPECT_EQ(queue.take_slot(), nullptr);
    EXPECT_FALSE(queue.pop());
    queue.set_flushing(false);
    EXPECT_NE(queue.take_slot(), nullptr);
}

}  // namespace
}  // namespace sluice::gst
