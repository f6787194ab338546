#include "sluice/app/detail/file_length.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sluice::app::detail {
namespace {

class FileLength : public testing::Test {
protected:
    std::uint64_t missing_of(const std::string& bytes) {
        std::ofstream(path_, std::ios::binary) << bytes;
        return missing_bytes(path_);
    }
    void TearDown() override { std::filesystem::remove(path_); }

    std::string path_ = testing::TempDir() + "file_length_test.bin";
};

std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (int value : values)
        out += static_cast<char>(value);
    return out;
}

TEST_F(FileLength, IsNothingForAFileThatIsNotThere) {
    EXPECT_EQ(missing_bytes("/no/such/file"), 0u);
}
TEST_F(FileLength, IsNothingForOtherKindsOfFiles) {
    EXPECT_EQ(missing_of("no video at all, just text"), 0u);
}
TEST_F(FileLength, TellsWhatAnAviLacks) {
    std::string head = "RIFF" + bytes({100, 0, 0, 0}) + "AVI ";
    EXPECT_EQ(missing_of(head + std::string(96, 'x')), 0u);
    EXPECT_EQ(missing_of(head + std::string(36, 'x')), 60u);
}
TEST_F(FileLength, TellsWhatAnMp4Lacks) {
    std::string file = bytes({0, 0, 0, 16}) + "ftypisom1234" + bytes({0, 0, 0, 50}) + "mdat" +
                       std::string(42, 'x');
    EXPECT_EQ(missing_of(file.substr(0, 16)), 0u);
    EXPECT_EQ(missing_of(file), 0u);
    EXPECT_EQ(missing_of(file.substr(0, 46)), 20u);
}
TEST_F(FileLength, TellsWhatAMatroskaFileLacks) {
    std::string head = bytes({0x1A, 0x45, 0xDF, 0xA3, 0x84}) + "head" +
                       bytes({0x18, 0x53, 0x80, 0x67, 0x40, 0x20});
    EXPECT_EQ(missing_of(head + std::string(32, 'x')), 0u);
    EXPECT_EQ(missing_of(head + std::string(30, 'x')), 2u);
}
TEST_F(FileLength, IsNothingWhereTheLengthIsNotDeclared) {
    std::string head =
        bytes({0x1A, 0x45, 0xDF, 0xA3, 0x84}) + "head" + bytes({0x18, 0x53, 0x80, 0x67, 0xFF});
    EXPECT_EQ(missing_of(head + "xxxxxxxx"), 0u);
}

}  // namespace
}  // namespace sluice::app::detail
