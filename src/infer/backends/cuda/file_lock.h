#pragma once

#include <functional>
#include <string>
#include <utility>

#include "sluice/base/result.h"

namespace sluice::infer::cuda {

/// A lock file held by one thread of one process at a time (flock). The kernel frees it when its
/// process dies, however it dies. The destructor frees it and removes the file.
class FileLock {
public:
    /// Called while another holds it: at once, then every few seconds.
    using Waiting = std::function<void(const std::string& holder, double seconds)>;

    /// Waits as long as it takes; `waiting` may be empty. kIo where the file cannot be made,
    /// kUnsupported where its file system knows no locks.
    static Result<FileLock> take(const std::string& path, const Waiting& waiting);
    /// kUnavailable where another holds it; else as take().
    static Result<FileLock> try_take(const std::string& path);

    FileLock() = default;  ///< holds nothing
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

    bool held() const { return file_ >= 0; }

private:
    FileLock(int file, std::string path) : file_(file), path_(std::move(path)) {}

    int file_ = -1;
    std::string path_;
};

}  // namespace sluice::infer::cuda
