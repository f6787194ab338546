#pragma once

#include <condition_variable>
#include <mutex>

// clang's thread-safety analysis; the words are empty for other compilers.
#if defined(__clang__)
#define SLUICE_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define SLUICE_THREAD_ANNOTATION(x)
#endif
#define SLUICE_CAPABILITY(x) SLUICE_THREAD_ANNOTATION(capability(x))
#define SLUICE_SCOPED_CAPABILITY SLUICE_THREAD_ANNOTATION(scoped_lockable)
#define SLUICE_GUARDED_BY(x) SLUICE_THREAD_ANNOTATION(guarded_by(x))
#define SLUICE_REQUIRES(...) SLUICE_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define SLUICE_ACQUIRE(...) SLUICE_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define SLUICE_RELEASE(...) SLUICE_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define SLUICE_NO_THREAD_SAFETY SLUICE_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace sluice {

/// std::mutex that clang's analysis understands.
class SLUICE_CAPABILITY("mutex") Mutex {
public:
    void lock() SLUICE_ACQUIRE() { mutex_.lock(); }
    void unlock() SLUICE_RELEASE() { mutex_.unlock(); }

private:
    std::mutex mutex_;
};

class SLUICE_SCOPED_CAPABILITY MutexLock {
public:
    explicit MutexLock(Mutex& mutex) SLUICE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    ~MutexLock() SLUICE_RELEASE() { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

private:
    Mutex& mutex_;
};

/// Waits on a Mutex that the caller holds.
using Condition = std::condition_variable_any;

}  // namespace sluice
