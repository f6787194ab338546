#include "sluice/osd/cuda/cuda_renderer.h"

#include <memory>

#include <gtest/gtest.h>

#include "sluice/memory/cuda/device.h"
#include "sluice/osd/cuda/scenes_testing.h"

namespace sluice::osd::cuda {
namespace {

using memory::cuda::Buffer;

/// A picture's copy on the device.
class DevicePicture {
public:
    explicit DevicePicture(Picture& picture)
        : picture_(picture),
          buffer_(Buffer::create(Buffer::Kind::kDevice, picture.bytes().size()).value()) {
        copy(buffer_.data(), picture.bytes().data(), cudaMemcpyHostToDevice);
    }

    memory::MutableImageView view() const {
        return picture_.view_at(reinterpret_cast<std::uint8_t*>(buffer_.data()), 0);
    }
    std::vector<std::uint8_t> bytes() const {
        std::vector<std::uint8_t> out(buffer_.bytes());
        copy(out.data(), buffer_.data(), cudaMemcpyDeviceToHost);
        return out;
    }

private:
    void copy(void* to, const void* from, cudaMemcpyKind kind) const {
        EXPECT_EQ(cudaMemcpy(to, from, buffer_.bytes(), kind), cudaSuccess);
        // The renderer's stream does not wait for what may still be on its way.
        EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    }

    Picture& picture_;
    Buffer buffer_;
};

class CudaRendererTest : public testing::Test {
protected:
    void SetUp() override {
        auto available = check_available();
        if (!available) GTEST_SKIP() << available.error().message;
        renderer_ = create_renderer({}, 0).value();
    }
    void draw(const DevicePicture& picture, const std::vector<meta::Primitive>& list) {
        auto drawn = renderer_->draw(picture.view(), list);
        ASSERT_TRUE(drawn) << drawn.error().text();
    }
    void flush() {
        auto flushed = renderer_->flush();
        ASSERT_TRUE(flushed) << flushed.error().text();
    }

    std::unique_ptr<Renderer> renderer_;
};

class EveryFormatOnCuda : public CudaRendererTest,
                          public testing::WithParamInterface<memory::PixelFormat> {};

TEST_P(EveryFormatOnCuda, EveryShapeEqualsTheCpuRenderers) {
    for (memory::Size size : kSizes) {
        for (const TestScene& scene : test_scenes(size)) {
            Picture want(GetParam(), size, 1);
            DevicePicture have(want);
            draw(have, scene.list);
            flush();
            draw_reference(want, scene.list);
            EXPECT_LE(worst_difference(have.bytes(), want.bytes()), scene.tolerance)
                << scene.name << " " << size.width << "x" << size.height;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(CudaRenderer,
                         EveryFormatOnCuda,
                         testing::ValuesIn(kFormats),
                         [](const auto& one) { return std::string(memory::to_string(one.param)); });

TEST_F(CudaRendererTest, ABatchIsDrawnInOneFlush) {
    std::vector<std::unique_ptr<Picture>> want;
    std::vector<DevicePicture> have;
    for (unsigned i = 0; i < 16; ++i) {
        auto format = i % 4 == 3 ? memory::PixelFormat::kBgr : memory::PixelFormat::kNv12;
        want.push_back(std::make_unique<Picture>(format, kSizes[i % 3], i));
        have.emplace_back(*want.back());
    }
    for (const DevicePicture& picture : have)
        draw(picture, test_scenes(picture.view().size).back().list);
    flush();
    for (std::size_t i = 0; i < have.size(); ++i) {
        draw_reference(*want[i], test_scenes(have[i].view().size).back().list);
        EXPECT_LE(worst_difference(have[i].bytes(), want[i]->bytes()), 2) << i;
    }
}

TEST_F(CudaRendererTest, TwoListsOfOnePictureAreDrawnInOrder) {
    Picture want(memory::PixelFormat::kNv12, {320, 192}, 3);
    DevicePicture have(want);
    Shaker shaker(want.view().size, 5);
    for (int i = 0; i < 3; ++i) {
        std::vector<meta::Primitive> list{shaker.fill(), shaker.text(), shaker.border()};
        draw(have, list);
        draw_reference(want, list);
    }
    flush();
    EXPECT_EQ(have.bytes(), want.bytes());
}

TEST_F(CudaRendererTest, MoreShapesThanASheetHoldsAreDrawnInOrder) {
    Picture want(memory::PixelFormat::kNv12, {256, 256}, 3);
    DevicePicture have(want);
    std::vector<meta::Primitive> list;
    std::mt19937 random(1);
    auto place = [&] { return static_cast<float>(random() % 256); };
    for (int i = 0; i < 300'000; ++i) {
        auto byte = static_cast<std::uint8_t>(random());
        list.emplace_back(meta::Rectangle{{place(), place(), 9, 9}, {byte, 9, byte, 99}, 0});
    }
    draw(have, list);
    flush();
    draw_reference(want, list);
    EXPECT_EQ(have.bytes(), want.bytes());
}

TEST_F(CudaRendererTest, AFlushOfNothingIsFine) {
    flush();
    Picture picture(memory::PixelFormat::kNv12, {32, 32}, 1);
    DevicePicture on_device(picture);
    draw(on_device, {});
    flush();
    EXPECT_EQ(on_device.bytes(), picture.bytes());
}

}  // namespace
}  // namespace sluice::osd::cuda
