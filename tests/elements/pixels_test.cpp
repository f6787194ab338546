#include "support.h"

#include <dlpack/dlpack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gst/sluice_pixels.h"

namespace sluice::gst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const GstVideoInfo kVideo = video(GST_VIDEO_FORMAT_NV12, 66, 34);

struct DeleteTensor {
    void operator()(DLManagedTensor* tensor) const { tensor->deleter(tensor); }
};
using TensorPtr = std::unique_ptr<DLManagedTensor, DeleteTensor>;

/// A batch of two frames in this format; the second one's bytes are all 2.
BufferRef two_frames(const GstVideoInfo& info) {
    return batch({{0, info, gray_frame(info, 1), {}}, {1, info, gray_frame(info, 2), {}}});
}

/// The text of the error, which is freed.
std::string text_of(GError* error) {
    std::string text = error ? error->message : "";
    g_clear_error(&error);
    return text;
}

std::vector<std::int64_t> shape(const TensorPtr& tensor) {
    return {tensor->dl_tensor.shape, tensor->dl_tensor.shape + tensor->dl_tensor.ndim};
}
std::vector<std::int64_t> strides(const TensorPtr& tensor) {
    return {tensor->dl_tensor.strides, tensor->dl_tensor.strides + tensor->dl_tensor.ndim};
}

TEST(SluicePixelsH, MapsTheFrameOfThisIndex) {
    BufferRef buffer = two_frames(kVideo);
    SluicePixels pixels;
    ASSERT_TRUE(sluice_buffer_map_pixels(buffer.get(), 1, GST_MAP_READ, &pixels, nullptr));
    EXPECT_STREQ(pixels.format, "NV12");
    EXPECT_EQ(pixels.width, 66);
    EXPECT_EQ(pixels.height, 34);
    ASSERT_EQ(pixels.plane_count, 2u);
    EXPECT_EQ(pixels.stride[1], 68);
    EXPECT_EQ(pixels.data[0][33 * pixels.stride[0] + 65], 2);
    EXPECT_EQ(pixels.data[1][16 * pixels.stride[1] + 65], 2);
    sluice_pixels_unmap(&pixels);
}

TEST(SluicePixelsH, CountsNoFramesOfTheHost) {
    BufferRef buffer = two_frames(kVideo);
    SluicePixels pixels;
    ASSERT_TRUE(sluice_buffer_map_pixels(buffer.get(), 0, GST_MAP_READ, &pixels, nullptr));
    sluice_pixels_unmap(&pixels);
    guint64 frames = 1;
    guint64 bytes = 1;
    sluice_pixels_get_copied(&frames, &bytes);
    EXPECT_EQ(frames, 0u);
    EXPECT_EQ(bytes, 0u);
}

TEST(SluicePixelsH, WritesOnlyWhatNobodyElseHolds) {
    BufferRef buffer = two_frames(kVideo);
    SluicePixels pixels;
    ASSERT_TRUE(sluice_buffer_map_pixels(buffer.get(), 0, GST_MAP_READWRITE, &pixels, nullptr));
    pixels.data[0][0] = 9;
    sluice_pixels_unmap(&pixels);
    EXPECT_EQ(byte_at(sluice_buffer_get_pixels(buffer.get(), 0), kVideo, 0, 0), 9);

    GError* error = nullptr;
    BufferRef pixels_held = BufferRef::share(sluice_buffer_get_pixels(buffer.get(), 0));
    EXPECT_FALSE(sluice_buffer_map_pixels(buffer.get(), 0, GST_MAP_READWRITE, &pixels, &error));
    EXPECT_THAT(text_of(error), HasSubstr("others hold this frame"));
    BufferRef batch_held = BufferRef::share(buffer.get());
    EXPECT_FALSE(sluice_buffer_map_pixels(buffer.get(), 1, GST_MAP_READWRITE, &pixels, nullptr));
}

TEST(SluicePixelsH, SaysWhyThereAreNoPixels) {
    BufferRef buffer = two_frames(video(GST_VIDEO_FORMAT_Y444, 64, 32));
    BufferRef unknown = gray_frame(kVideo, 1);
    SluicePixels pixels;
    GError* error = nullptr;
    EXPECT_FALSE(sluice_buffer_map_pixels(buffer.get(), 2, GST_MAP_READ, &pixels, &error));
    EXPECT_THAT(text_of(std::exchange(error, nullptr)), HasSubstr("no frame 2"));
    EXPECT_FALSE(sluice_buffer_map_pixels(unknown.get(), 0, GST_MAP_READ, &pixels, &error));
    EXPECT_THAT(text_of(std::exchange(error, nullptr)), HasSubstr("no frame 0"));
    EXPECT_FALSE(sluice_buffer_map_pixels(buffer.get(), 0, GST_MAP_READ, &pixels, &error));
    EXPECT_THAT(text_of(std::exchange(error, nullptr)), HasSubstr("Y444"));
    EXPECT_FALSE(sluice_buffer_get_dlpack(buffer.get(), 0, 0, &error));
    EXPECT_THAT(text_of(std::exchange(error, nullptr)), HasSubstr("Y444"));
    EXPECT_FALSE(sluice_buffer_get_dlpack(two_frames(kVideo).get(), 0, 2, &error));
    EXPECT_THAT(text_of(error), HasSubstr("NV12 has no plane 2"));
}

TEST(SluicePixelsH, ViewsPlanesWithoutACopy) {
    BufferRef buffer = two_frames(kVideo);
    TensorPtr luma(sluice_buffer_get_dlpack(buffer.get(), 1, 0, nullptr));
    TensorPtr chroma(sluice_buffer_get_dlpack(buffer.get(), 1, 1, nullptr));
    ASSERT_TRUE(luma && chroma);
    EXPECT_EQ(luma->dl_tensor.data, address(sluice_buffer_get_pixels(buffer.get(), 1)));
    EXPECT_EQ(luma->dl_tensor.device.device_type, kDLCPU);
    EXPECT_EQ(luma->dl_tensor.dtype.code, kDLUInt);
    EXPECT_EQ(luma->dl_tensor.dtype.bits, 8);
    EXPECT_THAT(shape(luma), ElementsAre(34, 66));
    EXPECT_THAT(strides(luma), ElementsAre(68, 1));
    EXPECT_THAT(shape(chroma), ElementsAre(17, 33, 2));
    EXPECT_THAT(strides(chroma), ElementsAre(68, 2, 1));
}

TEST(SluicePixelsH, ViewsEveryKindOfFormat) {
    struct Case {
        GstVideoFormat format;
        guint plane;
        std::vector<std::int64_t> shape;
        std::vector<std::int64_t> strides;
        int bits;
    };
    const Case cases[] = {
        {GST_VIDEO_FORMAT_P010_10LE, 0, {32, 64}, {64, 1}, 16},
        {GST_VIDEO_FORMAT_P010_10LE, 1, {16, 32, 2}, {64, 2, 1}, 16},
        {GST_VIDEO_FORMAT_I420, 2, {16, 32}, {32, 1}, 8},
        {GST_VIDEO_FORMAT_RGB, 0, {32, 64, 3}, {192, 3, 1}, 8},
        {GST_VIDEO_FORMAT_BGRx, 0, {32, 64, 4}, {256, 4, 1}, 8},
        {GST_VIDEO_FORMAT_GRAY8, 0, {32, 64}, {64, 1}, 8},
    };
    for (const Case& c : cases) {
        BufferRef buffer = two_frames(video(c.format, 64, 32));
        TensorPtr tensor(sluice_buffer_get_dlpack(buffer.get(), 0, c.plane, nullptr));
        ASSERT_TRUE(tensor) << gst_video_format_to_string(c.format);
        EXPECT_EQ(shape(tensor), c.shape) << gst_video_format_to_string(c.format);
        EXPECT_EQ(strides(tensor), c.strides) << gst_video_format_to_string(c.format);
        EXPECT_EQ(tensor->dl_tensor.dtype.bits, c.bits) << gst_video_format_to_string(c.format);
    }
}

TEST(SluicePixelsH, ATensorKeepsItsFrameUntilItsDeleterRuns) {
    BufferRef pixels = gray_frame(kVideo, 7);
    TensorPtr tensor;
    {
        BufferRef buffer = batch({{0, kVideo, pixels, {}}});
        tensor.reset(sluice_buffer_get_dlpack(buffer.get(), 0, 0, nullptr));
    }
    ASSERT_TRUE(tensor);
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels.get()), 2);
    EXPECT_EQ(static_cast<const guint8*>(tensor->dl_tensor.data)[0], 7);
    tensor.reset();
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels.get()), 1);
}

}  // namespace
}  // namespace sluice::gst
