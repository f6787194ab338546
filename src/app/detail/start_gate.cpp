#include "sluice/app/detail/start_gate.h"

#include <algorithm>

namespace sluice::app::detail {

bool Starters::enter(std::size_t source, TimePoint now) {
    std::erase_if(taken_, [now](const Place& place) { return place.until <= now; });
    for (const Place& place : taken_) {
        if (place.source == source) return true;
    }
    if (taken_.size() >= places_) return false;
    taken_.push_back({source, now + patience_});
    return true;
}

void Starters::leave(std::size_t source) {
    std::erase_if(taken_, [source](const Place& place) { return place.source == source; });
}

TimePoint Starters::next_free() const {
    return taken_.empty() ? TimePoint::max() : taken_.front().until;
}

bool StartGate::enter(std::size_t source, const std::atomic<bool>& given_up) {
    MutexLock lock(mutex_);
    while (!closed_ && !given_up) {
        if (starters_.enter(source, now())) return true;
        changed_.wait_until(mutex_, starters_.next_free());
    }
    return false;
}

void StartGate::leave(std::size_t source) {
    MutexLock lock(mutex_);
    starters_.leave(source);
    changed_.notify_all();
}

void StartGate::close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

}  // namespace sluice::app::detail
