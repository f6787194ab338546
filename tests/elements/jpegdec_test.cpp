// What needs a device with an engine for JPEG skips without one.
#include "support.h"

#include <cmath>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gst/check/gstcheck.h>
#include <gtest/gtest.h>

#include "sluice/gst/cuda_memory.h"
#include "sluice/gst/jpeg_stream.h"
#include "sluice/gst/video.h"

namespace sluice::gst {
namespace {

using testing::HasSubstr;

constexpr const char* kJpegCaps = "image/jpeg,framerate=25/1";

TEST(JpegDec, IsADecoderOfJpegIntoADevicesMemory) {
    ObjectPtr<GstElementFactory> factory(gst_element_factory_find("sluicejpegdec"));
    ASSERT_TRUE(factory);
    EXPECT_TRUE(gst_element_factory_list_is_type(
        factory.get(), GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO));
    EXPECT_EQ(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory.get())),
              static_cast<guint>(GST_RANK_NONE));
    CapsRef frames(
        gst_caps_from_string("video/x-raw(memory:CUDAMemory),format=I420,width=64,height=48,"
                             "framerate=25/1"));
    EXPECT_TRUE(gst_element_factory_can_src_any_caps(factory.get(), frames.get()));
}

TEST(JpegDec, DoesNotStartWithoutADeviceForItAndSaysWhy) {
    auto stream = JpegStream::create(63);
    ASSERT_FALSE(stream);
    Element decoder("sluicejpegdec", {{"device", "63"}});
    EXPECT_FALSE(decoder.start());
    EXPECT_THAT(decoder.error(), HasSubstr(stream.error().text()));
}

TEST(Planes, EachBeginWithARowOfTheirOwn) {
    for (auto [height, chroma] : {std::pair{9U, 5U}, {10U, 5U}, {1U, 1U}}) {
        GstVideoMeta meta{};
        meta.format = GST_VIDEO_FORMAT_I420;
        meta.height = height;
        meta.stride[0] = meta.stride[1] = meta.stride[2] = 512;
        meta.offset[2] = 7;
        begin_planes_with_rows(meta);
        EXPECT_EQ(meta.offset[0], 0U);
        EXPECT_EQ(meta.offset[1], 512U * height);
        EXPECT_EQ(meta.offset[2], 512U * (height + chroma));
        // What GStreamer allocates.
        EXPECT_LE(meta.offset[2] + 512 * chroma, 512U * 2 * GST_ROUND_UP_2(height));
    }
    GstVideoMeta other{};
    other.format = GST_VIDEO_FORMAT_NV12;
    other.height = 9;
    other.stride[0] = other.stride[1] = 512;
    other.offset[1] = 7;
    begin_planes_with_rows(other);
    EXPECT_EQ(other.offset[1], 7U);
}

/// An I420 frame on the host.
struct Frame {
    BufferRef buffer;
    GstVideoInfo info;

    /// The two pictures' likeness in one plane, in dB.
    double psnr(const Frame& other, std::size_t plane) const {
        auto one = MappedFrame::map_on_host(buffer.get(), info, MappedFrame::Access::kRead);
        auto two =
            MappedFrame::map_on_host(other.buffer.get(), other.info, MappedFrame::Access::kRead);
        if (!one || !two) return 0;
        const memory::Size size = memory::plane_size(
            memory::PixelFormat::kI420, one->view().size, static_cast<int>(plane));
        double sum = 0;
        for (int y = 0; y < size.height; ++y) {
            for (int x = 0; x < size.width; ++x) {
                const double difference =
                    one->view().data[plane][y * one->view().stride[plane] + x] -
                    two->view().data[plane][y * two->view().stride[plane] + x];
                sum += difference * difference;
            }
        }
        const double mean = sum / (size.width * size.height);
        return mean == 0 ? 99 : 10 * std::log10(255 * 255 / mean);
    }
};

GstVideoInfo info_of(const Harness& harness) {
    CapsRef caps(gst_pad_get_current_caps(harness->sinkpad));
    GstVideoInfo info;
    gst_video_info_init(&info);
    if (caps) gst_video_info_from_caps(&info, caps.get());
    return info;
}

/// Pictures of a test pattern, each a JPEG.
std::vector<BufferRef> make_jpegs(const char* format, int width, int height, int count = 1) {
    const std::string line = fmt::format(
        "videotestsrc pattern=ball num-buffers={} ! video/x-raw,width={},height={} ! videoconvert "
        "! video/x-raw,format={} ! jpegenc quality=90",
        count,
        width,
        height,
        format);
    Harness h(gst_harness_new_parse(line.c_str()));
    gst_harness_play(h.get());
    std::vector<BufferRef> jpegs;
    for (int i = 0; i < count; ++i)
        jpegs.push_back(pull(h));
    return jpegs;
}

Frame decode_on_host(const BufferRef& jpeg) {
    Harness h(gst_harness_new_parse(
        "jpegdec idct-method=islow ! videoconvert ! capsfilter caps=video/x-raw,format=I420"));
    gst_harness_set_src_caps_str(h.get(), kJpegCaps);
    push(h, jpeg);
    Frame frame{pull(h), {}};
    frame.info = info_of(h);
    return frame;
}

class JpegDecOnDevice : public testing::Test {
protected:
    void SetUp() override {
        if (cuda_device_count() == 0) GTEST_SKIP() << "no CUDA device here, or built without";
        auto stream = JpegStream::create(0);
        if (!stream) GTEST_SKIP() << stream.error().text();
        for (const char* needed : {"jpegenc", "jpegdec", "videotestsrc", "videoconvert"}) {
            ObjectPtr<GstElementFactory> factory(gst_element_factory_find(needed));
            if (!factory) GTEST_SKIP() << "no " << needed << " here";
        }
        stream_ = *std::move(stream);
    }

    /// A running decoder, which is done with a picture when that was pushed.
    struct Running {
        Element element{"sluicejpegdec"};
        Harness h = harness(element);
        Running() { gst_harness_set_src_caps_str(h.get(), kJpegCaps); }
        Frame decode(const BufferRef& jpeg) {
            EXPECT_EQ(push(h, jpeg), GST_FLOW_OK);
            Frame frame{BufferRef(gst_harness_try_pull(h.get())), {}};
            frame.info = info_of(h);
            return frame;
        }
    };

    static void expect_alike(const BufferRef& jpeg, double chroma_db, const std::string& what) {
        Running device;
        const Frame seen = device.decode(jpeg);
        ASSERT_TRUE(seen.buffer) << what << ": " << device.element.warning();
        EXPECT_EQ(device_of(seen.buffer.get()), 0) << what;
        EXPECT_EQ(GST_VIDEO_INFO_COLORIMETRY(&seen.info).range, GST_VIDEO_COLOR_RANGE_0_255);
        const Frame wanted = decode_on_host(jpeg);
        EXPECT_GT(seen.psnr(wanted, 0), 40) << what;
        EXPECT_GT(seen.psnr(wanted, 1), chroma_db) << what;
        EXPECT_GT(seen.psnr(wanted, 2), chroma_db) << what;
    }

    std::unique_ptr<JpegStream> stream_;  ///< so that the device's decoder is made once
};

TEST_F(JpegDecOnDevice, GivesWhatTheHostsDecoderGivesForSizesOddAndEven) {
    for (auto [width, height] : {std::pair{1920, 1080}, {640, 480}, {321, 241}, {99, 67}, {17, 9}})
        expect_alike(make_jpegs("I420", width, height)[0], 40, fmt::format("{}x{}", width, height));
}

TEST_F(JpegDecOnDevice, HalvesTheColoursOfOtherKinds) {
    // GStreamer's decoder leaves rows and columns out, ours takes means.
    for (const char* format : {"Y42B", "Y444", "GRAY8"})
        expect_alike(make_jpegs(format, 320, 240)[0], 30, format);
}

TEST_F(JpegDecOnDevice, DecodesWhatTheEngineDoesNot) {
    const std::string bytes =
        read_file(std::string(SLUICE_SOURCE_DIR) + "/tests/elements/progressive.jpg");
    ASSERT_FALSE(bytes.empty());
    const BufferRef jpeg(gst_buffer_new_memdup(bytes.data(), bytes.size()));
    expect_alike(jpeg, 40, "progressive");
}

TEST_F(JpegDecOnDevice, KnowsTheTablesThatCamerasLeaveOut) {
    const BufferRef whole = make_jpegs("I420", 320, 240)[0];
    GstMapInfo map;
    gst_buffer_map(whole.get(), &map, GST_MAP_READ);
    std::vector<std::uint8_t> bytes(map.data, map.data + map.size);
    gst_buffer_unmap(whole.get(), &map);
    for (std::size_t at = 2; bytes[at + 1] != 0xDA;) {
        const auto length = static_cast<std::ptrdiff_t>(2 + (bytes[at + 2] << 8 | bytes[at + 3]));
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        if (bytes[at + 1] == 0xC4) {
            bytes.erase(begin, begin + length);
        } else {
            at += static_cast<std::size_t>(length);
        }
    }
    Running device;
    const Frame seen = device.decode(BufferRef(gst_buffer_new_memdup(bytes.data(), bytes.size())));
    ASSERT_TRUE(seen.buffer);
    EXPECT_GT(seen.psnr(decode_on_host(whole), 0), 40);
}

TEST_F(JpegDecOnDevice, FollowsAChangeOfSize) {
    Running device;
    for (int width : {320, 64}) {
        const Frame seen = device.decode(make_jpegs("I420", width, 48)[0]);
        EXPECT_EQ(GST_VIDEO_INFO_WIDTH(&seen.info), width);
    }
}

/// The same picture, its coded part overwritten or cut.
BufferRef damaged(const BufferRef& jpeg, bool cut) {
    BufferRef copy(gst_buffer_copy_deep(jpeg.get()));
    const gsize size = gst_buffer_get_size(copy.get());
    if (cut) {
        gst_buffer_set_size(copy.get(), static_cast<gssize>(size / 2));
    } else {
        gst_buffer_memset(copy.get(), size / 2, 0xA5, size / 4);
    }
    return copy;
}

TEST_F(JpegDecOnDevice, LeavesOutWhatIsNoJpegAndWarnsOnce) {
    const auto jpegs = make_jpegs("I420", 320, 240, 2);
    Running device;
    const BufferRef none(gst_buffer_new_memdup("no picture", 10));
    EXPECT_TRUE(device.decode(jpegs[0]).buffer);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(push(device.h, none), GST_FLOW_OK);
    EXPECT_TRUE(device.decode(jpegs[1]).buffer);
    EXPECT_THAT(device.element.warning(), HasSubstr("picture 1 is left out"));
    EXPECT_EQ(device.element.warning(), "");
    EXPECT_EQ(device.element.error(), "");
}

TEST_F(JpegDecOnDevice, LetsNoDamagedStreamHarmAnother) {
    const auto jpegs = make_jpegs("I420", 320, 240, 10);
    std::thread other([&] {
        Running damaging;
        for (int i = 0; i < 40; ++i)
            EXPECT_EQ(push(damaging.h, damaged(jpegs[0], i % 2 == 0)), GST_FLOW_OK);
        EXPECT_EQ(damaging.element.error(), "");
    });
    Running device;
    const Frame first = device.decode(jpegs[0]);
    for (int i = 0; i < 40; ++i) {
        const Frame seen = device.decode(jpegs[0]);
        EXPECT_TRUE(seen.buffer && seen.psnr(first, 0) > 60);
    }
    other.join();
}

TEST_F(JpegDecOnDevice, GivesSixteenStreamsTheirOwnPicturesInOrder) {
    constexpr int kStreams = 16;
    constexpr int kPictures = 30;
    auto value = [](int stream, int picture) { return 16 + (stream * 13 + picture * 29) % 220; };
    std::vector<std::thread> streams;
    for (int stream = 0; stream < kStreams; ++stream) {
        streams.emplace_back([&, stream] {
            const GstVideoInfo info = video(GST_VIDEO_FORMAT_I420, 160 + 16 * stream, 120);
            Harness encoder(gst_harness_new("jpegenc"));
            set_caps(encoder, info);
            Running device;
            for (int picture = 0; picture < kPictures; ++picture) {
                push(encoder, gray_frame(info, value(stream, picture), picture));
                const Frame seen = device.decode(pull(encoder));
                ASSERT_TRUE(seen.buffer);
                EXPECT_EQ(GST_VIDEO_INFO_WIDTH(&seen.info), 160 + 16 * stream);
                EXPECT_NEAR(
                    byte_at(seen.buffer.get(), seen.info, 50, 50), value(stream, picture), 3);
            }
        });
    }
    for (std::thread& stream : streams)
        stream.join();
}

}  // namespace
}  // namespace sluice::gst
