#include "sluice/infer/backends/cuda/watchdog.h"

#include <future>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::infer::cuda {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Watchdog, NamesEachThatDoesNotEnd) {
    std::vector<std::string> all;
    std::promise<void> first;
    std::promise<void> second;
    Watchdog watchdog(std::chrono::milliseconds(1), [&](const std::string& what) {
        all.push_back(what);
        (all.size() == 1 ? first : second).set_value();
    });
    watchdog.watch("plan 1");
    first.get_future().wait();
    watchdog.watch("plan 2");
    second.get_future().wait();
    EXPECT_THAT(all, ElementsAre("plan 1", "plan 2"));
}

TEST(Watchdog, KeepsQuietWhereAllEnds) {
    std::vector<std::string> late;
    {
        Watchdog watchdog(std::chrono::hours(1),
                          [&](const std::string& what) { late.push_back(what); });
        for (int i = 0; i < 1000; ++i)
            watchdog.watch("plan");
        watchdog.watch("");
    }
    {
        Watchdog watchdog(std::chrono::hours(1),
                          [&](const std::string& what) { late.push_back(what); });
        watchdog.watch("plan");  // and the watchdog itself ends at once
    }
    EXPECT_THAT(late, IsEmpty());
}

}  // namespace
}  // namespace sluice::infer::cuda
