#include "sluice/infer/backends/cuda/watchdog.h"

#include <utility>

namespace sluice::infer::cuda {

Watchdog::Watchdog(Duration patience, std::function<void(const std::string&)> late)
    : patience_(patience),
      late_(std::move(late)),
      thread_([this](const std::stop_token& stop) { look(stop); }) {}

void Watchdog::watch(std::string what) {
    const std::lock_guard lock(mutex_);
    what_ = std::move(what);
    ++count_;
    changed_.notify_one();
}

void Watchdog::look(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        changed_.wait(lock, stop, [&] { return !what_.empty(); });
        const int begun = count_;
        const bool went_on =
            changed_.wait_for(lock, stop, patience_, [&] { return count_ != begun; });
        if (went_on || stop.stop_requested()) continue;
        const std::string late = std::exchange(what_, {});
        lock.unlock();
        late_(late);
        lock.lock();
    }
}

}  // namespace sluice::infer::cuda
