// GLib deprecates the arrays that decodebin's signals are made of.
#define GLIB_DISABLE_DEPRECATION_WARNINGS  // NOLINT(readability-identifier-naming)
#include "sluice/app/detail/decoders.h"

#include <gtest/gtest.h>

#include "sluice/app/pipeline.h"
#include "sluice/gst/handles.h"

namespace sluice::app::detail {
namespace {

class Decoders : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(initialise());
        software_.reset(gst_element_factory_find("pngdec"));
        jpeg_.reset(gst_element_factory_find("jpegdec"));
        if (!software_ || !jpeg_) GTEST_SKIP() << "no pngdec or no jpegdec here";
        hardware_.reset(gst_element_factory_find("nvh264dec"));
    }

    gst::ObjectPtr<GstElementFactory> software_;
    gst::ObjectPtr<GstElementFactory> jpeg_;
    gst::ObjectPtr<GstElementFactory> hardware_;
};

TEST_F(Decoders, SoftwareIsLastForADevicesFramesAndRuledOutByHardware) {
    GstElementFactory* factory = software_.get();
    EXPECT_FALSE(is_cuda_decoder(factory));
    EXPECT_EQ(place_of(factory, {DecoderKind::kAuto, memory::kHostMemory}), Place::kFirst);
    EXPECT_EQ(place_of(factory, {DecoderKind::kAuto, 0}), Place::kLast);
    EXPECT_EQ(place_of(factory, {DecoderKind::kSoftware, 0}), Place::kFirst);
    EXPECT_EQ(place_of(factory, {DecoderKind::kHardware, memory::kHostMemory}), Place::kNever);
}

TEST_F(Decoders, WhatIsNoDecoderIsLeftAlone) {
    gst::ObjectPtr<GstElementFactory> demuxer(gst_element_factory_find("qtdemux"));
    if (!demuxer) GTEST_SKIP() << "no qtdemux here";
    EXPECT_EQ(place_of(demuxer.get(), {DecoderKind::kHardware, 0}), Place::kFirst);
}

TEST_F(Decoders, HardwareIsTakenOnItsOwnDeviceOnly) {
    if (!hardware_) GTEST_SKIP() << "no nvh264dec here";
    GstElementFactory* factory = hardware_.get();
    EXPECT_TRUE(is_cuda_decoder(factory));
    EXPECT_EQ(cuda_device_of(factory), 0);
    EXPECT_EQ(place_of(factory, {DecoderKind::kAuto, 0}), Place::kFirst);
    EXPECT_EQ(place_of(factory, {DecoderKind::kAuto, 1}), Place::kNever);
    EXPECT_EQ(place_of(factory, {DecoderKind::kAuto, memory::kHostMemory}), Place::kLast);
    EXPECT_EQ(place_of(factory, {DecoderKind::kSoftware, 0}), Place::kNever);
}

struct ArrayFree {
    void operator()(GValueArray* array) const { g_value_array_free(array); }
};
using Factories = std::unique_ptr<GValueArray, ArrayFree>;

Factories array_of(std::initializer_list<GstElementFactory*> factories) {
    Factories array(g_value_array_new(0));
    for (GstElementFactory* factory : factories) {
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_ELEMENT_FACTORY);
        g_value_set_object(&value, factory);
        g_value_array_append(array.get(), &value);
        g_value_unset(&value);
    }
    return array;
}
std::vector<std::string> names_of(const GValueArray* factories) {
    std::vector<std::string> names;
    for (guint i = 0; i < factories->n_values; ++i)
        names.emplace_back(GST_OBJECT_NAME(g_value_get_object(&factories->values[i])));
    return names;
}

TEST_F(Decoders, OfADevicesJpegsOursIsFirstBehindParsers) {
    const gst::ObjectPtr<GstElementFactory> ours(gst_element_factory_find("sluicejpegdec"));
    ASSERT_TRUE(ours);
    EXPECT_TRUE(is_cuda_decoder(ours.get()));
    const gst::ObjectPtr<GstElementFactory> parser(gst_element_factory_find("identity"));
    const Factories found = array_of({parser.get(), jpeg_.get()});
    const Factories sorted(sort_decoders(found.get(), {DecoderKind::kAuto, 0}, ours.get()));
    EXPECT_EQ(names_of(sorted.get()),
              (std::vector<std::string>{"identity", "sluicejpegdec", "jpegdec"}));
    const Factories hardware(sort_decoders(found.get(), {DecoderKind::kHardware, 0}, ours.get()));
    EXPECT_EQ(names_of(hardware.get()), (std::vector<std::string>{"identity", "sluicejpegdec"}));
}

TEST_F(Decoders, OfJpegTheCpusComesBeforeNvdecs) {
    // As NVDEC's, ours is one that runs on a device; that it is the best one is not said here.
    const gst::ObjectPtr<GstElementFactory> device(gst_element_factory_find("sluicejpegdec"));
    ASSERT_TRUE(device);
    const Factories found = array_of({device.get(), jpeg_.get()});
    const Factories sorted(sort_decoders(found.get(), {DecoderKind::kAuto, 0}));
    EXPECT_EQ(names_of(sorted.get()), (std::vector<std::string>{"jpegdec", "sluicejpegdec"}));
    const Factories hardware(sort_decoders(found.get(), {DecoderKind::kHardware, 0}));
    EXPECT_EQ(names_of(hardware.get()), (std::vector<std::string>{"sluicejpegdec"}));
}

TEST_F(Decoders, WithoutAnyThatMayBeTakenThereIsNoOrder) {
    const Factories found = array_of({jpeg_.get()});
    EXPECT_FALSE(Factories(sort_decoders(found.get(), {DecoderKind::kHardware, 0})));
    // Nothing was to be decoded in the first place.
    const gst::ObjectPtr<GstElementFactory> parser(gst_element_factory_find("identity"));
    const Factories parsers = array_of({parser.get()});
    EXPECT_TRUE(Factories(sort_decoders(parsers.get(), {DecoderKind::kHardware, 0})));
}

TEST_F(Decoders, TheEngineForJpegIsWantedForADevicesFramesAlone) {
    const gst::CapsRef jpeg(gst_caps_from_string("image/jpeg,width=64,height=48"));
    const gst::CapsRef h264(gst_caps_from_string("video/x-h264"));
    EXPECT_TRUE(wants_jpeg_engine(jpeg.get(), {DecoderKind::kAuto, 0}));
    EXPECT_TRUE(wants_jpeg_engine(jpeg.get(), {DecoderKind::kHardware, 1}));
    EXPECT_FALSE(wants_jpeg_engine(jpeg.get(), {DecoderKind::kSoftware, 0}));
    EXPECT_FALSE(wants_jpeg_engine(jpeg.get(), {DecoderKind::kAuto, memory::kHostMemory}));
    EXPECT_FALSE(wants_jpeg_engine(h264.get(), {DecoderKind::kAuto, 0}));
}

}  // namespace
}  // namespace sluice::app::detail
