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
        software_.reset(gst_element_factory_find("jpegdec"));
        if (!software_) GTEST_SKIP() << "no jpegdec here";
        hardware_.reset(gst_element_factory_find("nvh264dec"));
    }

    gst::ObjectPtr<GstElementFactory> software_;
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

}  // namespace
}  // namespace sluice::app::detail
