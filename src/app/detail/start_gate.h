#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/base/mutex.h"

/// Few hardware decoders are made at a time. A driver makes them one after the other anyway, and
/// whoever runs already waits in its queue with every call: of 128 that start at once none gets to
/// its first frame before nearly all are made.
namespace sluice::app::detail {

/// Enough that the driver is never idle, few enough that the first do not wait for all. Beside
/// streams that keep the decoders busy, a new one takes about a second to its first frame.
constexpr std::size_t kStartingAtOnce = 16;
/// A source without a first frame by then, such as a camera with a broken picture, has others start
/// beside it.
constexpr Duration kStartingPatience = std::chrono::seconds(1);

/// Who may start now: at most `places` at a time, each until it leaves or its patience is over.
/// Pure: no clock, no lock; `now` must not run backwards. Reentrant.
class Starters {
public:
    Starters(std::size_t places, Duration patience) : places_(places), patience_(patience) {}

    /// True when the source has a place, or gets one now.
    bool enter(std::size_t source, TimePoint now);
    /// Its place is free; nothing happens where it has none.
    void leave(std::size_t source);
    /// When the next place becomes free by itself; TimePoint::max() when all are.
    TimePoint next_free() const;

private:
    struct Place {
        std::size_t source;
        TimePoint until;
    };
    const std::size_t places_;
    const Duration patience_;
    std::vector<Place> taken_;  ///< oldest first
};

/// Starters for the threads of the sources. Thread-safe.
class StartGate {
public:
    explicit StartGate(std::size_t places = kStartingAtOnce, Duration patience = kStartingPatience)
        : starters_(places, patience) {}

    /// Waits for a place. False, without one, as soon as `given_up` is set and leave() was called
    /// after that, or when the gate is closed.
    bool enter(std::size_t source, const std::atomic<bool>& given_up);
    /// The source runs, or has ended.
    void leave(std::size_t source);
    /// Nobody waits here any more: before the sources' threads are stopped.
    void close();

private:
    Mutex mutex_;
    Condition changed_;
    Starters starters_ SLUICE_GUARDED_BY(mutex_);
    bool closed_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::app::detail
