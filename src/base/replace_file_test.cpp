#include "sluice/base/replace_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice {
namespace {

class ReplaceFile : public testing::Test {
protected:
    ReplaceFile() { std::filesystem::create_directories(folder_); }
    ~ReplaceFile() override { std::filesystem::remove_all(folder_); }

    std::string text() const {
        std::stringstream text;
        text << std::ifstream(folder_ + "/a").rdbuf();
        return text.str();
    }
    std::ptrdiff_t files() const {
        using Entries = std::filesystem::directory_iterator;
        return std::distance(Entries(folder_), Entries());
    }

    const std::string folder_ =
        testing::TempDir() + "/sluice_replace_file_" + std::to_string(getpid());
};

TEST_F(ReplaceFile, LeavesTheNewTextAndNothingElse) {
    ASSERT_TRUE(replace_file(folder_ + "/a", "a long old text", "the file"));
    ASSERT_TRUE(replace_file(folder_ + "/a", "new", "the file"));
    EXPECT_EQ(text(), "new");
    EXPECT_EQ(files(), 1);
}

TEST_F(ReplaceFile, SaysWhatItCouldNotWriteAndWhy) {
    const auto nowhere = replace_file(folder_ + "/none/a", "text", "the list");
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, ErrorCode::kIo);
    EXPECT_NE(nowhere.error().text().find("the list cannot be written (No such file"),
              std::string::npos)
        << nowhere.error().text();
}

TEST_F(ReplaceFile, LeavesNoPartWhereItFails) {
    std::filesystem::create_directories(folder_ + "/a/full");
    EXPECT_FALSE(replace_file(folder_ + "/a", "text", "the file"));
    EXPECT_EQ(files(), 1);
}

TEST_F(ReplaceFile, IsForeseenWhereItWorksAndLeavesNothing) {
    EXPECT_TRUE(check_replaceable(folder_ + "/a", "the file"));
    EXPECT_EQ(files(), 0);
    ASSERT_TRUE(replace_file(folder_ + "/a", "old", "the file"));
    EXPECT_TRUE(check_replaceable(folder_ + "/a", "the file"));
    EXPECT_EQ(text(), "old");
    EXPECT_EQ(files(), 1);
}

TEST_F(ReplaceFile, IsForeseenToFailWhereThereIsNoFolderOrAFolderOfThatName) {
    for (const std::string& path : {folder_ + "/none/a", folder_}) {
        const auto checked = check_replaceable(path, "the list");
        ASSERT_FALSE(checked) << path;
        EXPECT_EQ(checked.error().code, ErrorCode::kIo);
        EXPECT_EQ(checked.error().text(), replace_file(path, "text", "the list").error().text());
    }
}

}  // namespace
}  // namespace sluice
