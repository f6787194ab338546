#include "sluice/base/replace_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {
namespace {

bool write_and_sync(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    // So that no crash leaves the new name with the old disk blocks.
    return fchmod(file, 0644) == 0 && fsync(file) == 0;
}

/// Opens a file beside `path`, whose name `part` becomes; -1 and errno where it cannot.
int open_part(const std::string& path, std::string& part) {
    part = path + kPartEnding + "XXXXXX";
    return mkostemp(part.data(), O_CLOEXEC);
}

Error cannot_write(const std::string& path, std::string_view what, int failure) {
    return io_error(fmt::format("{} cannot be written ({})", what, std::strerror(failure)), path);
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text, std::string_view what) {
    std::string part;
    const int file = open_part(path, part);
    bool done = file >= 0 && write_and_sync(file, text);
    int failure = errno;
    if (file >= 0) close(file);
    if (done && rename(part.c_str(), path.c_str()) != 0) {
        done = false;
        failure = errno;
    }
    if (done) return {};
    if (file >= 0) unlink(part.c_str());
    return cannot_write(path, what, failure);
}

Result<void> check_replaceable(const std::string& path, std::string_view what) {
    std::string part;
    const int file = open_part(path, part);
    if (file < 0) return cannot_write(path, what, errno);
    close(file);
    unlink(part.c_str());
    struct stat there {};
    const bool is_folder = stat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
    if (is_folder) return cannot_write(path, what, EISDIR);
    return {};
}

}  // namespace sluice
