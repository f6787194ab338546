#include "sluice/tuner/journal.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sluice::tuner {
namespace {

class JournalTest : public testing::Test {
protected:
    JournalTest() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        path_ = testing::TempDir() + "sluice_journal_" + test->name();
        std::filesystem::remove(path_);
    }
    ~JournalTest() override { std::filesystem::remove(path_); }

    Journal open(const std::string& key) {
        auto journal = Journal::open(path_, key);
        EXPECT_TRUE(journal);
        return std::move(*journal);
    }
    std::string path_;
};

TEST_F(JournalTest, GoesOnWithTheSameWork) {
    Journal first = open("work");
    EXPECT_EQ(first.resumed(), 0u);
    ASSERT_TRUE(first.keep("a", "one two"));
    ASSERT_TRUE(first.keep("b", 0.1));
    Journal second = open("work");
    EXPECT_EQ(second.resumed(), 2u);
    ASSERT_NE(second.find("a"), nullptr);
    EXPECT_EQ(*second.find("a"), "one two");
    EXPECT_EQ(second.number("b"), 0.1);
    EXPECT_EQ(second.find("c"), nullptr);
    EXPECT_EQ(open("other work").resumed(), 0u);
}
TEST_F(JournalTest, ForgetsALineThatWasCutOff) {
    Journal journal = open("work");
    ASSERT_TRUE(journal.keep("a", "one"));
    std::ofstream(path_, std::ios::app) << "b\ttw";
    Journal again = open("work");
    EXPECT_EQ(again.resumed(), 1u);
    ASSERT_TRUE(again.keep("c", "three"));
    EXPECT_EQ(open("work").resumed(), 2u);
}
TEST_F(JournalTest, IsTakenAwayAtTheEnd) {
    open("work").remove();
    EXPECT_FALSE(std::filesystem::exists(path_));
}
TEST_F(JournalTest, AFolderThatIsNotThereIsNamed) {
    auto journal = Journal::open("/no/such/folder/x", "work");
    ASSERT_FALSE(journal);
    EXPECT_EQ(journal.error().where, "/no/such/folder/x");
}

}  // namespace
}  // namespace sluice::tuner
