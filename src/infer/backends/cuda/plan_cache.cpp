#include "sluice/infer/backends/cuda/plan_cache.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/log.h"
#include "sluice/base/text.h"

namespace sluice::infer::cuda {
namespace {

/// Ends every line: one that was cut off, or grew into another, has it not or has too many fields.
constexpr std::string_view kEnd = "end";

}  // namespace

PlanCache::PlanCache(std::string path, std::string device)
    : path_(std::move(path)), device_(std::move(device)) {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
        const auto fields = split(line, '\t');
        if (fields.size() != 4 || fields[3] != kEnd || fields[0] != device_) continue;
        names_[std::string(fields[1])] = fields[2];
    }
}

void PlanCache::add(const std::string& key, const std::string& name) {
    names_[key] = name;
    if (path_.empty()) return;
    const std::string line = fmt::format("{}\t{}\t{}\t{}\n", device_, key, name, kEnd);
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    // One write at the end of the file, whoever else writes: std::ofstream does not promise that.
    const int file = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    const bool written =
        file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (file >= 0) close(file);
    if (!written && !warned_) {
        log_warning(
            "infer", "{}: timed plans cannot be kept here: {}", path_, std::strerror(errno));
        warned_ = true;
    }
}

std::string user_cache() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache != nullptr && *cache == '/') return std::string(cache) + "/sluice";
    const char* home = std::getenv("HOME");
    if (home != nullptr && *home == '/') return std::string(home) + "/.cache/sluice";
    return {};
}

std::string default_plan_cache() {
    const std::string folder = user_cache();
    return folder.empty() ? "" : folder + "/plans.txt";
}

std::string tuning_progress(std::size_t units_done, std::size_t layers, double seconds) {
    std::string text = fmt::format("tuning {} of {} layers", units_done / 2, layers);
    if (units_done == 0) return text;
    const double each = seconds / static_cast<double>(units_done);
    const double left = each * static_cast<double>(2 * layers - units_done);
    return text + fmt::format(", about {:.0f} s left", left);
}

}  // namespace sluice::infer::cuda
