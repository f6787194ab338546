#pragma once

#include <memory>

namespace sluice::memory {

/// Sole ownership of something foreign (a GstBuffer, a mapped file): the release function runs
/// exactly once, on the thread that drops the handle.
using Handle = std::unique_ptr<void, void (*)(void*)>;

inline Handle empty_handle() {
    return {nullptr, [](void*) {}};
}

}  // namespace sluice::memory
