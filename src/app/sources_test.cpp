#include "sluice/app/sources.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace sluice::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Sources : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) / "sources_test";
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string make(const std::string& name) {
        fs::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name) << "x";
        return (folder_ / name).string();
    }
    static Result<std::vector<Source>> expand(std::initializer_list<std::string> uris) {
        std::vector<SourceDescription> descriptions;
        for (const std::string& uri : uris) {
            descriptions.push_back({});
            descriptions.back().source.uri = uri;
        }
        return expand_sources(descriptions);
    }
    static std::string error_of(const std::string& uri) {
        auto found = expand({uri});
        return found ? "no error" : found.error().text();
    }
    static std::vector<std::string> names(const std::vector<Source>& sources) {
        std::vector<std::string> out;
        for (const Source& source : sources)
            out.push_back(source.name);
        return out;
    }

    fs::path folder_;
};

TEST_F(Sources, MakesAUriOfAFile) {
    auto found = expand({make("my clip.mp4")});
    ASSERT_TRUE(found);
    EXPECT_THAT((*found)[0].uri, HasSubstr("file:///"));
    EXPECT_THAT((*found)[0].uri, HasSubstr("my%20clip.mp4"));
    EXPECT_EQ((*found)[0].name, "my_clip");
}
TEST_F(Sources, FindsTheVideosOfAPatternInOrder) {
    make("b.mp4");
    make("a.mp4");
    auto found = expand({(folder_ / "*.mp4").string()});
    ASSERT_TRUE(found);
    EXPECT_EQ(names(*found), (std::vector<std::string>{"a", "b"}));
}
TEST_F(Sources, TakesTheImagesOfAFolderAsOneSource) {
    make("shots/2.jpg");
    make("shots/1.jpg");
    make("shots/notes.txt");
    auto found = expand({(folder_ / "shots").string()});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ((*found)[0].kind, SourceKind::kImages);
    EXPECT_EQ((*found)[0].name, "shots");
    ASSERT_EQ((*found)[0].images.size(), 2u);
    EXPECT_THAT((*found)[0].images[0], HasSubstr("1.jpg"));
}
TEST_F(Sources, TakesImagesOfTwoKindsInOneFolder) {
    make("1.jpg");
    make("2.png");
    auto found = expand({folder_.string()});
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].images.size(), 2u);
}
TEST_F(Sources, NamesTheSameFileApart) {
    std::string file = make("a.mp4");
    make("a-0.avi");
    auto found = expand({file, file, (folder_ / "a-0.avi").string()});
    ASSERT_TRUE(found);
    EXPECT_EQ(names(*found), (std::vector<std::string>{"a-1", "a-2", "a-0"}));
}
TEST_F(Sources, NamesStreamsByTheirAddressWithoutThePassword) {
    auto found = expand({"rtsp://user:secret@camera/live?x=1"});
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].name, "camera_live");
    EXPECT_TRUE((*found)[0].live);
}
TEST_F(Sources, ReadsTestPatterns) {
    auto found = expand({"test:ball?width=320&height=240&fps=10&frames=7"});
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].kind, SourceKind::kTest);
    EXPECT_EQ((*found)[0].width, 320);
    EXPECT_EQ((*found)[0].frames, 7);
}
TEST_F(Sources, RefusesWrongOptionsOfTestPatterns) {
    EXPECT_THAT(error_of("test:ball?widht=3"), HasSubstr("'width'"));
    EXPECT_THAT(error_of("test:ball?fps=0"), HasSubstr("out of range"));
    EXPECT_THAT(error_of("test:ball?fps=x"), HasSubstr("test:ball"));
    EXPECT_THAT(error_of("test:ball?fps"), HasSubstr("needs a value"));
}
TEST_F(Sources, NamesWhatIsNotThere) {
    EXPECT_THAT(error_of("/no/such.mp4"), HasSubstr("/no/such.mp4"));
    EXPECT_THAT(error_of("/no/such*.mp4"), HasSubstr("no file matches"));
    EXPECT_THAT(error_of("camera:99"), HasSubstr("/dev/video99"));
    EXPECT_THAT(error_of(folder_.string()), HasSubstr("no video and no image"));
}
TEST_F(Sources, AsksForASource) {
    EXPECT_THAT(expand({}).error().text(), HasSubstr("--source"));
}

}  // namespace
}  // namespace sluice::app
