#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "sluice/base/clock.h"

namespace sluice::infer::cuda {

/// Speaks up, in a thread of its own, where something does not end that nothing can interrupt.
class Watchdog {
public:
    /// `late` gets what has taken longer than `patience`, once for each watch().
    Watchdog(Duration patience, std::function<void(const std::string&)> late);

    /// What begins now, in place of what was before; "": nothing.
    void watch(std::string what);

private:
    void look(const std::stop_token& stop);

    const Duration patience_;
    const std::function<void(const std::string&)> late_;
    std::mutex mutex_;  ///< of the next two
    std::string what_;
    int count_ = 0;
    std::condition_variable_any changed_;
    std::jthread thread_;  ///< uses all of the above
};

}  // namespace sluice::infer::cuda
