#include "sluice/app/pictures.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/app/pipeline.h"

namespace sluice::app {
namespace {

using testing::HasSubstr;

class Pictures : public testing::Test {
protected:
    static void SetUpTestSuite() { ASSERT_TRUE(initialise()); }
    Pictures() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("sluice_pictures_" + std::string(test->name()));
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
    }
    ~Pictures() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& bytes) {
        std::string path = (folder_ / name).string();
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }
    Result<std::vector<std::string>> names(const std::string& uri, int most, PicturesRead* read) {
        SourceDescription description;
        description.source.uri = uri;
        std::vector<Source> sources = SLUICE_TRY(expand_sources(std::span(&description, 1)));
        std::vector<std::string> out;
        auto take = [&](const Picture& picture) -> Result<void> {
            out.push_back(picture.name);
            return {};
        };
        *read = SLUICE_TRY(read_pictures(sources[0], most, take));
        return out;
    }

    std::filesystem::path folder_;
};

TEST_F(Pictures, AJpegComesBackAsItWas) {
    memory::Image image(memory::PixelFormat::kRgb, {40, 30});
    memory::MutableImageView view = image.view();
    for (int y = 0; y < 30; ++y)
        for (int x = 0; x < 120; ++x)
            view.data[0][y * view.stride[0] + x] = static_cast<std::uint8_t>(100 + x / 3 % 40);
    auto bytes = to_jpeg(memory::as_const(view));
    ASSERT_TRUE(bytes) << bytes.error().text();
    auto picture = load_picture(write("a.jpg", *bytes));
    ASSERT_TRUE(picture) << picture.error().text();
    ASSERT_EQ(picture->view().size, (memory::Size{40, 30}));
    EXPECT_NEAR(picture->view().data[0][5 * picture->view().stride[0] + 60], 120, 6);
}

TEST_F(Pictures, AreSpreadOverARecording) {
    PicturesRead read;
    auto found = names("test:ball?frames=100&fps=25", 4, &read);
    ASSERT_TRUE(found) << found.error().text();
    ASSERT_EQ(found->size(), 4u);
    EXPECT_THAT((*found)[0], HasSubstr("at 0."));
    EXPECT_THAT((*found)[3], HasSubstr("at 3."));
}

TEST_F(Pictures, FewerFramesThanWantedAreAllThereIs) {
    PicturesRead read;
    auto found = names("test:ball?frames=3", 10, &read);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(found->size(), 3u);
}

TEST_F(Pictures, ImagesThatCannotBeReadAreCounted) {
    memory::Image image(memory::PixelFormat::kRgb, {16, 16});
    auto bytes = to_jpeg(static_cast<const memory::Image&>(image).view());
    ASSERT_TRUE(bytes) << bytes.error().text();
    write("a.jpg", *bytes);
    write("b.jpg", "no picture");
    PicturesRead read;
    auto found = names(folder_.string(), 10, &read);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(read.taken, 1);
    EXPECT_EQ(read.unreadable, 1);
    EXPECT_THAT(read.first_reason, HasSubstr("b.jpg"));
}

TEST_F(Pictures, AVideoThatIsNoneIsAnError) {
    PicturesRead read;
    auto found = names(write("a.mp4", "no video at all, not even nearly"), 10, &read);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().text(), HasSubstr("a.mp4"));
}

}  // namespace
}  // namespace sluice::app
