#include "sluice/app/detail/start_gate.h"

#include <thread>

#include <gtest/gtest.h>

namespace sluice::app::detail {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);

TimePoint at(int ms) {
    return TimePoint(std::chrono::milliseconds(1000 + ms));
}

TEST(Starters, AreAsManyAsThereArePlaces) {
    Starters starters(2, kPatience);
    EXPECT_TRUE(starters.enter(0, at(0)));
    EXPECT_TRUE(starters.enter(1, at(0)));
    EXPECT_FALSE(starters.enter(2, at(0)));
}
TEST(Starters, KeepTheirPlaceWhenTheyAskAgain) {
    Starters starters(1, kPatience);
    EXPECT_TRUE(starters.enter(0, at(0)));
    EXPECT_TRUE(starters.enter(0, at(1)));
    starters.leave(0);
    EXPECT_TRUE(starters.enter(1, at(2)));
}
TEST(Starters, MakeRoomWhenTheyLeave) {
    Starters starters(2, kPatience);
    starters.enter(0, at(0));
    starters.enter(1, at(0));
    starters.leave(0);
    EXPECT_TRUE(starters.enter(2, at(0)));
    EXPECT_FALSE(starters.enter(3, at(0)));
}
TEST(Starters, ThatNeverLeaveHoldNobodyUpForLongerThanTheirPatience) {
    Starters starters(2, kPatience);
    starters.enter(0, at(0));
    starters.enter(1, at(400));
    EXPECT_EQ(starters.next_free(), at(1000));
    EXPECT_FALSE(starters.enter(2, at(999)));
    EXPECT_TRUE(starters.enter(2, at(1000)));
    EXPECT_FALSE(starters.enter(3, at(1000)));
    EXPECT_EQ(starters.next_free(), at(1400));
}
TEST(Starters, ThatWereLateLeaveNobodyElsesPlace) {
    Starters starters(1, kPatience);
    starters.enter(0, at(0));
    starters.enter(1, at(1000));
    starters.leave(0);
    EXPECT_FALSE(starters.enter(2, at(1001)));
}
TEST(Starters, WaitForNothingWhereAllPlacesAreFree) {
    Starters starters(1, kPatience);
    EXPECT_EQ(starters.next_free(), TimePoint::max());
}

class Gate : public testing::Test {
protected:
    /// Asks in a thread of its own, as sources do.
    std::thread ask(std::size_t source, bool& entered) {
        return std::thread([this, source, &entered] { entered = gate_.enter(source, given_up_); });
    }

    // Nothing here waits so long.
    StartGate gate_{1, std::chrono::hours(1)};
    std::atomic<bool> given_up_{false};
};

TEST_F(Gate, LetsTheNextInWhenOneLeaves) {
    ASSERT_TRUE(gate_.enter(0, given_up_));
    bool entered = false;
    std::thread next = ask(1, entered);
    gate_.leave(0);
    next.join();
    EXPECT_TRUE(entered);
}
TEST_F(Gate, SendsAwayWhoGaveUp) {
    ASSERT_TRUE(gate_.enter(0, given_up_));
    bool entered = true;
    std::thread next = ask(1, entered);
    given_up_ = true;
    gate_.leave(1);
    next.join();
    EXPECT_FALSE(entered);
}
TEST_F(Gate, SendsAllAwayWhenClosed) {
    ASSERT_TRUE(gate_.enter(0, given_up_));
    bool entered = true;
    std::thread next = ask(1, entered);
    gate_.close();
    next.join();
    EXPECT_FALSE(entered);
}
TEST(StartGate, LetsTheNextInWhenPatienceIsOver) {
    StartGate gate(1, std::chrono::milliseconds(1));
    const std::atomic<bool> given_up{false};
    ASSERT_TRUE(gate.enter(0, given_up));
    EXPECT_TRUE(gate.enter(1, given_up));
}

}  // namespace
}  // namespace sluice::app::detail
