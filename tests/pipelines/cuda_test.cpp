// Frames in the memory of a CUDA device: who maps, copies and passes them on, and where. What needs
// a device skips without one; nothing here needs a file.

#include "support.h"

#include <dlpack/dlpack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/crossings.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/gst/frame_writer.h"
#include "sluice/gst/sluice_pixels.h"
#include "sluice/osd/tile_layout.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

const GstVideoInfo kInfo = video(GST_VIDEO_FORMAT_NV12, 64, 48);
constexpr int kDevice = 0;

TEST(CudaCaps, AreTakenByEveryElementOfABuildWithCuda) {
    if (!has_cuda_memory()) GTEST_SKIP() << "built without CUDA memory";
    CapsRef frames(gst_caps_from_string(
        "video/x-raw(memory:CUDAMemory),format=NV12,width=64,height=48,framerate=25/1"));
    for (const char* name :
         {"sluicemux", "sluiceinfer", "sluicetracker", "sluiceosd", "sluicemetasink"}) {
        ObjectPtr<GstElementFactory> factory(gst_element_factory_find(name));
        ASSERT_TRUE(factory) << name;
        EXPECT_TRUE(gst_element_factory_can_sink_all_caps(factory.get(), frames.get())) << name;
    }
    ObjectPtr<GstElementFactory> demux(gst_element_factory_find("sluicedemux"));
    EXPECT_TRUE(gst_element_factory_can_src_any_caps(demux.get(), frames.get()));
}

TEST(CudaContext, IsRefusedWhereThereIsNoSuchDevice) {
    EXPECT_FALSE(cuda_context(cuda_device_count()));
    EXPECT_FALSE(cuda_context(-1));
}

class Cuda : public testing::Test {
protected:
    void SetUp() override {
        if (cuda_device_count() == 0) GTEST_SKIP() << "no CUDA device here, or built without";
        auto pool = make_device_pool(kDevice, kInfo);
        ASSERT_TRUE(pool) << pool.error().text();
        pool_ = *pool;
    }
    void TearDown() override {
        if (!pool_) return;
        gst_buffer_pool_set_active(pool_, FALSE);
        gst_object_unref(pool_);
    }

    /// A frame of the device, every byte of this value.
    BufferRef device_frame(int value) {
        GstBuffer* raw = nullptr;
        EXPECT_EQ(gst_buffer_pool_acquire_buffer(pool_, &raw, nullptr), GST_FLOW_OK);
        BufferRef host = gray_frame(kInfo, value);
        auto from = MappedFrame::map(host.get(), kInfo, MappedFrame::Access::kRead);
        auto to = MappedFrame::map(raw, kInfo, MappedFrame::Access::kWrite);
        EXPECT_TRUE(from && to);
        EXPECT_EQ(to->view().device, kDevice);
        auto copied = copy_on_device(from->view(), to->mutable_view());
        EXPECT_TRUE(copied) << copied.error().text();
        return BufferRef(raw);
    }

    GstBufferPool* pool_ = nullptr;
};

TEST_F(Cuda, FramesAreMappedWhereTheyLie) {
    BufferRef frame = device_frame(7);
    EXPECT_EQ(device_of(frame.get()), kDevice);
    {
        auto mapped = MappedFrame::map(frame.get(), kInfo, MappedFrame::Access::kRead);
        ASSERT_TRUE(mapped);
        EXPECT_EQ(mapped->view().device, kDevice);
        EXPECT_GE(mapped->view().stride[0], 64);
    }
    auto host = MappedFrame::map_on_host(frame.get(), kInfo, MappedFrame::Access::kRead);
    ASSERT_TRUE(host);
    EXPECT_EQ(host->view().device, memory::kHostMemory);
    EXPECT_EQ(host->view().data[0][0], 7);
    EXPECT_EQ(host->view().data[1][5], 7);
}

TEST_F(Cuda, WhatTheHostWroteLiesOnTheHost) {
    BufferRef frame = device_frame(7);
    {
        auto host = MappedFrame::map_on_host(frame.get(), kInfo, MappedFrame::Access::kWrite);
        ASSERT_TRUE(host);
        host->mutable_view().data[0][0] = 9;
    }
    EXPECT_EQ(device_of(frame.get()), memory::kHostMemory);
    EXPECT_FALSE(copies_to_host(frame.get()));
    EXPECT_EQ(byte_at(frame.get(), kInfo, 0, 0), 9);
}

TEST_F(Cuda, AFrameIsCopiedToTheHostOnceAndCounted) {
    Element element("sluiceosd");
    Crossings crossings(element.get());
    BufferRef frame = device_frame(7);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(crossings.map_on_host(
            frame.get(), kInfo, MappedFrame::Access::kRead, meta::SourceId(3), "of a test"));
    }
    GstStructure* stats = crossing_stats("stats", crossings);
    guint64 frames = 0;
    guint64 bytes = 0;
    gst_structure_get_uint64(stats, "frames-to-host", &frames);
    gst_structure_get_uint64(stats, "bytes-to-host", &bytes);
    gst_structure_free(stats);
    EXPECT_EQ(frames, 1u);
    EXPECT_EQ(bytes, 64u * 48 * 3 / 2);
    EXPECT_THAT(element.warning(), HasSubstr("source 3"));
}

TEST_F(Cuda, UserCodeMapsAFrameOnTheHostAndIsCounted) {
    BufferRef buffer = batch({{0, kInfo, device_frame(7), {}}, {1, kInfo, device_frame(8), {}}});
    guint64 frames[2];
    guint64 bytes[2];
    sluice_pixels_get_copied(&frames[0], &bytes[0]);
    for (int i = 0; i < 2; ++i) {  // the second time it is there already
        SluicePixels pixels;
        ASSERT_TRUE(sluice_buffer_map_pixels(buffer.get(), 1, GST_MAP_READ, &pixels, nullptr));
        EXPECT_STREQ(pixels.format, "NV12");
        EXPECT_EQ(pixels.data[0][47 * pixels.stride[0] + 63], 8);
        EXPECT_EQ(pixels.data[1][23 * pixels.stride[1] + 63], 8);
        sluice_pixels_unmap(&pixels);
    }
    sluice_pixels_get_copied(&frames[1], &bytes[1]);
    EXPECT_EQ(frames[1] - frames[0], 1u);
    EXPECT_EQ(bytes[1] - bytes[0], 64u * 48 * 3 / 2);
}

TEST_F(Cuda, UserCodeViewsAFrameWhereItLies) {
    BufferRef frame = device_frame(7);
    GstBuffer* raw = frame.get();
    BufferRef buffer = batch({{0, kInfo, std::move(frame), {}}});
    guint64 frames[2];
    guint64 bytes[2];
    sluice_pixels_get_copied(&frames[0], &bytes[0]);
    DLManagedTensor* managed = sluice_buffer_get_dlpack(buffer.get(), 0, 1, nullptr);
    ASSERT_TRUE(managed);
    const DLTensor& tensor = managed->dl_tensor;
    EXPECT_EQ(tensor.device.device_type, kDLCUDA);
    EXPECT_EQ(tensor.device.device_id, kDevice);
    ASSERT_EQ(tensor.ndim, 3);
    EXPECT_EQ(tensor.shape[0], 24);
    EXPECT_EQ(tensor.shape[1], 32);
    EXPECT_EQ(tensor.shape[2], 2);
    buffer = BufferRef();
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(raw), 1) << "the tensor's";

    memory::ImageView there;
    there.format = memory::PixelFormat::kGray8;
    there.size = {64, 24};
    there.data[0] = static_cast<const std::uint8_t*>(tensor.data);
    there.stride[0] = tensor.strides[0];
    there.device = tensor.device.device_id;
    memory::Image here(there.format, there.size);
    ASSERT_TRUE(copy_on_device(there, here.view()));
    const memory::ImageView seen = std::as_const(here).view();
    EXPECT_THAT(std::vector<int>(seen.data[0], seen.data[0] + 64 * 24), testing::Each(7));
    sluice_pixels_get_copied(&frames[1], &bytes[1]);
    EXPECT_EQ(frames[1], frames[0]);
    managed->deleter(managed);
}

TEST_F(Cuda, AWritableCopyStaysOnTheDevice) {
    Element element("sluiceosd");
    Crossings crossings(element.get());
    FrameWriter writer;
    BufferRef frame = device_frame(7);
    meta::Frame meta;
    meta.size = {64, 48};
    FramePixels pixels{frame, kInfo, 0};  // a second holder: not writable
    auto made = writer.make_writable(pixels, meta, kDevice, crossings);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_NE(pixels.buffer.get(), frame.get());
    EXPECT_EQ(device_of(pixels.buffer.get()), kDevice);
    EXPECT_EQ(byte_at(pixels.buffer.get(), kInfo, 63, 47), 7);

    FramePixels drawn{frame, kInfo, 0};
    ASSERT_TRUE(writer.make_writable(drawn, meta, memory::kHostMemory, crossings));
    EXPECT_EQ(device_of(drawn.buffer.get()), memory::kHostMemory);
    EXPECT_EQ(byte_at(drawn.buffer.get(), kInfo, 63, 47), 7);
}

TEST_F(Cuda, FramesAreScaledOnTheDevice) {
    Element element("sluiceosd");
    Crossings crossings(element.get());
    FrameWriter writer;
    BufferRef frame = device_frame(70);
    meta::Frame meta;
    meta.size = {100, 60};
    meta.content = {10, 0, 80, 60};
    for (int device : {kDevice, memory::kHostMemory}) {
        FramePixels pixels{frame, kInfo, 0};
        auto sized = writer.size(pixels, meta, device, crossings);
        ASSERT_TRUE(sized) << sized.error().text();
        EXPECT_EQ(device_of(pixels.buffer.get()), device);
        EXPECT_EQ(byte_at(pixels.buffer.get(), pixels.info, 50, 30), 70);
        EXPECT_EQ(byte_at(pixels.buffer.get(), pixels.info, 3, 30), 16) << "padding";
    }
}

TEST_F(Cuda, TheDemuxSaysWhichMemoryItGives) {
    for (bool takes_device : {true, false}) {
        Element demux("sluicedemux");
        Harness out = harness(demux, "sink", "src_0");
        if (!takes_device) gst_harness_set_sink_caps_str(out.get(), SLUICE_HOST_VIDEO_CAPS);
        set_batch_caps(out);
        EXPECT_EQ(push(out, batch({{0, kInfo, device_frame(7), {}}})), GST_FLOW_OK);
        BufferRef frame = pull(out);
        ASSERT_TRUE(frame);
        EventRef event = pull_event(out, GST_EVENT_CAPS);
        GstCaps* got = nullptr;
        gst_event_parse_caps(event.get(), &got);
        EXPECT_EQ(gst_caps_features_contains(gst_caps_get_features(got, 0), SLUICE_CUDA_FEATURE),
                  takes_device);
        EXPECT_EQ(byte_at(frame.get(), kInfo, 3, 3), 7);
    }
}

std::uint64_t frames_to_host(const Element& element) {
    GstStructure* stats = nullptr;
    g_object_get(element.get(), "stats", &stats, nullptr);
    guint64 frames = 0;
    gst_structure_get_uint64(stats, "frames-to-host", &frames);
    gst_structure_free(stats);
    return frames;
}

TEST_F(Cuda, TheOsdDrawsOnTheDevice) {
    Element osd("sluiceosd");
    Harness h = harness(osd);
    set_batch_caps(h);
    const meta::PixelBox box{20, 10, 30, 30};
    BufferRef held = device_frame(128);
    push(h, batch({{0, kInfo, held, {object(box)}}, {1, kInfo, device_frame(128), {object(box)}}}));
    BufferRef out = pull(h);
    EXPECT_EQ(osd.error(), "");
    EXPECT_EQ(frames_to_host(osd), 0u);
    for (guint i = 0; i < 2; ++i) {
        GstBuffer* pixels = sluice_buffer_get_pixels(out.get(), i);
        EXPECT_EQ(device_of(pixels), kDevice);
        EXPECT_NE(byte_at(pixels, kInfo, 20, 30), 128) << i;
        EXPECT_EQ(byte_at(pixels, kInfo, 5, 45), 128) << i;
    }
    EXPECT_EQ(byte_at(held.get(), kInfo, 20, 30), 128) << "others hold it";
}

TEST_F(Cuda, TheOsdDrawsOnTheHostWhereAskedTo) {
    Element osd("sluiceosd", {{"process-mode", "cpu"}});
    Harness h = harness(osd);
    set_batch_caps(h);
    push(h, batch({{0, kInfo, device_frame(128), {object({20, 10, 30, 30})}}}));
    BufferRef out = pull(h);
    EXPECT_EQ(frames_to_host(osd), 1u);
    EXPECT_NE(byte_at(sluice_buffer_get_pixels(out.get(), 0), kInfo, 20, 30), 128);
}

TEST_F(Cuda, TheTilerMakesItsPictureWhereTheNextElementTakesIt) {
    for (bool takes_device : {true, false}) {
        Element tiler("sluicetiler", {{"width", "128"}, {"height", "96"}});
        Harness h = harness(tiler);
        if (!takes_device) gst_harness_set_sink_caps_str(h.get(), SLUICE_HOST_VIDEO_CAPS);
        set_batch_caps(h);
        push(h, batch({{0, kInfo, device_frame(50), {}}, {1, kInfo, device_frame(200), {}}}));
        push(h, batch({{1, kInfo, device_frame(100), {}}}));
        pull(h);
        BufferRef out = pull(h);
        ASSERT_TRUE(out) << tiler.error();
        EXPECT_EQ(device_of(out.get()), takes_device ? kDevice : memory::kHostMemory);
        EXPECT_EQ(frames_to_host(tiler), takes_device ? 0u : 3u);
        GstVideoInfo picture =
            video(takes_device ? GST_VIDEO_FORMAT_NV12 : GST_VIDEO_FORMAT_I420, 128, 96);
        auto grid = osd::TileLayout::create(2, 0, 0, {128, 96}).value();
        int want[] = {50, 100};
        for (int i = 0; i < 2; ++i) {
            osd::TileRect tile = grid.tile(i);
            int x = tile.left + tile.width / 2;
            EXPECT_EQ(byte_at(out.get(), picture, x, tile.top + tile.height / 2), want[i]) << i;
        }
    }
}

TEST_F(Cuda, TheTilerMakesItsPictureOnTheDeviceThatIsNamed) {
    Element tiler("sluicetiler", {{"width", "128"}, {"height", "96"}, {"device", "0"}});
    Harness h = harness(tiler);
    set_batch_caps(h);
    push(h, batch({{0, kInfo, gray_frame(kInfo, 50), {}}, {1, kInfo, device_frame(200), {}}}));
    BufferRef out = pull(h);
    ASSERT_TRUE(out) << tiler.error();
    EXPECT_EQ(device_of(out.get()), kDevice);
    EXPECT_EQ(frames_to_host(tiler), 0u);
    GstVideoInfo picture = video(GST_VIDEO_FORMAT_NV12, 128, 96);
    osd::TileRect tile = osd::TileLayout::create(2, 0, 0, {128, 96}).value().tile(0);
    EXPECT_EQ(byte_at(out.get(), picture, tile.left + tile.width / 2, tile.top + tile.height / 2),
              50);
}

TEST_F(Cuda, TheMuxLendsDecodersTheSharedContext) {
    Element mux("sluicemux");
    ObjectPtr<GstPad> pad(gst_element_request_pad_simple(mux.get(), "sink_0"));
    GstQuery* query = gst_query_new_context("gst.cuda.context");
    EXPECT_TRUE(gst_pad_query(pad.get(), query));
    GstContext* context = nullptr;
    gst_query_parse_context(query, &context);
    EXPECT_TRUE(context);
    gst_query_unref(query);
    gst_element_release_request_pad(mux.get(), pad.get());
}

/// Frames from a real decoder: the picture is that of the software decoder.
TEST_F(Cuda, ADecodersFramesReachTheDemuxWithoutACopy) {
    for (const char* name : {"nvh264dec", "x264enc", "h264parse"}) {
        ObjectPtr<GstElementFactory> factory(gst_element_factory_find(name));
        if (!factory) GTEST_SKIP() << "no " << name << " here";
    }
    ObjectPtr<GstElement> pipeline(gst_parse_launch(
        "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=320,height=240 ! "
        "x264enc tune=zerolatency ! h264parse ! nvh264dec ! sluicemux name=mux ! "
        "sluicedemux name=demux ! fakesink name=sink sync=false enable-last-sample=true",
        nullptr));
    ASSERT_TRUE(pipeline);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    GstMessage* end = gst_bus_timed_pop_filtered(
        bus.get(),
        60 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    ASSERT_TRUE(end);
    EXPECT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
    gst_message_unref(end);
    ObjectPtr<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
    GstSample* sample = nullptr;
    g_object_get(sink.get(), "last-sample", &sample, nullptr);
    ASSERT_TRUE(sample);
    EXPECT_EQ(device_of(gst_sample_get_buffer(sample)), kDevice);
    gst_sample_unref(sample);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

}  // namespace
}  // namespace sluice::gst
