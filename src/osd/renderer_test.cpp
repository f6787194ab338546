#include "sluice/osd/renderer.h"

#include <gtest/gtest.h>

#include "sluice/osd/cuda/cuda_renderer.h"

namespace sluice::osd {
namespace {

OsdOptions options(ProcessMode mode) {
    OsdOptions out;
    out.process_mode = mode;
    return out;
}

TEST(Renderer, IsRefusedWhereAGpuIsAskedForThatIsNotThere) {
    if (cuda::check_available()) GTEST_SKIP() << "there is a CUDA device here";
    auto made = Renderer::create(options(ProcessMode::kGpu));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(made.error().message.find("process-mode"), std::string::npos);
}

TEST(Renderer, OfAGpuRefusesPixelsOfTheHost) {
    if (!cuda::check_available()) GTEST_SKIP() << "there is no CUDA device here";
    auto renderer = Renderer::create(options(ProcessMode::kGpu)).value();
    memory::Image image(memory::PixelFormat::kNv12, {16, 16});
    EXPECT_EQ(renderer->draw(image.view(), {}).error().code, ErrorCode::kUnsupported);
}

TEST(Renderer, SaysThatADeviceIsNotThere) {
    auto renderer = Renderer::create(options(ProcessMode::kAuto)).value();
    memory::Image image(memory::PixelFormat::kNv12, {16, 16});
    memory::MutableImageView view = image.view();
    view.device = 1000;
    EXPECT_FALSE(renderer->draw(view, {}));
    EXPECT_TRUE(renderer->draw(image.view(), {})) << "the host's are drawn on all the same";
    EXPECT_TRUE(renderer->flush());
}

}  // namespace
}  // namespace sluice::osd
