#include "sluice/app/pipeline.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

#include <glib.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

std::atomic<int> ended{0};

struct CountsItsEnd {
    bool seen = false;
    ~CountsItsEnd() { ++ended; }
};
thread_local CountsItsEnd of_thread;

// GStreamer's tasks run in such a pool, many more than GLib keeps by itself.
TEST(Initialise, ThreadsOfStreamsDoNotEnd) {
    ASSERT_TRUE(initialise());
    constexpr int kThreads = 40;
    std::latch all_run(kThreads);
    auto work = [](gpointer, gpointer latch) {
        of_thread.seen = true;
        static_cast<std::latch*>(latch)->arrive_and_wait();
    };
    GThreadPool* pool = g_thread_pool_new(work, &all_run, -1, FALSE, nullptr);
    for (int i = 0; i < kThreads; ++i)
        g_thread_pool_push(pool, GINT_TO_POINTER(1), nullptr);
    g_thread_pool_free(pool, FALSE, TRUE);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_EQ(ended, 0);
}

}  // namespace
}  // namespace sluice::app
