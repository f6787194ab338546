#include "sluice/infer/backends/cuda/file_lock.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/text.h"

namespace sluice::infer::cuda {
namespace {

/// flock can wait by itself, but not say so meanwhile.
constexpr std::chrono::milliseconds kBetweenTries{100};
constexpr std::chrono::seconds kBetweenReports{10};

/// Is that file still the one at the path, or did its holder remove it?
bool is_at(int file, const std::string& path) {
    struct stat open_one {};
    struct stat there {};
    return fstat(file, &open_one) == 0 && stat(path.c_str(), &there) == 0 &&
           open_one.st_dev == there.st_dev && open_one.st_ino == there.st_ino;
}

/// What the holder wrote into the file.
std::string holder_of(const std::string& path) {
    std::array<char, 64> text{};
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return "another process";
    const ssize_t length = read(file, text.data(), text.size());
    close(file);
    const auto word = trim({text.data(), static_cast<std::size_t>(length > 0 ? length : 0)});
    return word.empty() ? "another process" : fmt::format("process {}", word);
}

void name_holder(int file) {
    const std::string text = fmt::format("{}\n", getpid());
    // For messages only: a lock without a name is held as well.
    [[maybe_unused]] const bool named =
        ftruncate(file, 0) == 0 && pwrite(file, text.data(), text.size(), 0) > 0;
}

}  // namespace

Result<FileLock> FileLock::try_take(const std::string& path) {
    while (true) {
        const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (file < 0) return io_error(std::strerror(errno), path);
        if (flock(file, LOCK_EX | LOCK_NB) == 0) {
            FileLock lock(file, path);
            if (is_at(file, path)) {
                name_holder(file);
                return lock;
            }
            lock.path_.clear();  // removed after we opened it: the next holder's is another file
            continue;
        }
        const int failure = errno;
        close(file);
        if (failure == EWOULDBLOCK)
            return Error{ErrorCode::kUnavailable, holder_of(path) + " holds it", path};
        if (failure != EINTR)
            return unsupported(fmt::format("it cannot be locked ({})", std::strerror(failure)),
                               path);
    }
}

Result<FileLock> FileLock::take(const std::string& path, const Waiting& waiting) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    auto report = begin;
    while (true) {
        auto lock = try_take(path);
        if (lock || lock.error().code != ErrorCode::kUnavailable) return lock;
        const auto now = Clock::now();
        if (waiting && now >= report) {
            waiting(holder_of(path), std::chrono::duration<double>(now - begin).count());
            report = now + kBetweenReports;
        }
        std::this_thread::sleep_for(kBetweenTries);
    }
}

FileLock::FileLock(FileLock&& other) noexcept
    : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(path_, other.path_);
    return *this;
}

FileLock::~FileLock() {
    if (file_ < 0) return;
    if (!path_.empty()) unlink(path_.c_str());  // while it is held
    close(file_);
}

}  // namespace sluice::infer::cuda
