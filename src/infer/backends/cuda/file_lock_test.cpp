#include "sluice/infer/backends/cuda/file_lock.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/folder_testing.h"

namespace sluice::infer::cuda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FileLockTest : public InFolder {
protected:
    void SetUp() override { ASSERT_EQ(pipe(pipe_), 0); }
    void TearDown() override {
        close(pipe_[0]);
        close(pipe_[1]);
    }
    /// What the child tells this process, and how this process waits for it.
    void say() const { ASSERT_EQ(::write(pipe_[1], "x", 1), 1); }
    void hear() const {
        char letter = 0;
        ASSERT_EQ(::read(pipe_[0], &letter, 1), 1);
    }

private:
    int pipe_[2] = {-1, -1};
};

TEST_F(FileLockTest, IsHeldByOneOfOurOwnThreads) {
    const auto first = FileLock::try_take(file("lock"));
    ASSERT_TRUE(first);
    EXPECT_EQ(FileLock::try_take(file("lock")).error().code, ErrorCode::kUnavailable);
}

TEST_F(FileLockTest, LeavesNoFile) {
    FileLock::try_take(file("lock")).value();
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FileLockTest, IsFreedByTheEndOfItsHolder) {
    {
        const Child holder([&] {
            const auto lock = FileLock::try_take(file("lock"));
            say();
            pause();
        });
        hear();
        const auto refused = FileLock::try_take(file("lock"));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
        EXPECT_THAT(refused.error().text(), HasSubstr("process "));
    }
    EXPECT_THAT(files(), ElementsAre("lock"));  // killed: it could not clear up
    EXPECT_TRUE(FileLock::try_take(file("lock")));
}

TEST_F(FileLockTest, IsWaitedForAloud) {
    auto holder = std::make_unique<Child>([&] {
        const auto lock = FileLock::try_take(file("lock"));
        say();
        pause();
    });
    hear();
    std::vector<std::string> heard;
    auto lock = FileLock::take(file("lock"), [&](const std::string& who, double) {
        heard.push_back(who);
        holder.reset();
    });
    EXPECT_TRUE(lock);
    EXPECT_THAT(heard, ElementsAre(HasSubstr("process ")));
}

TEST_F(FileLockTest, NeedsAFolder) {
    EXPECT_EQ(FileLock::try_take(file("none/lock")).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace sluice::infer::cuda
