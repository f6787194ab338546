#include "sluice/infer/backends/cuda/engine_cache.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "sluice/base/log.h"

namespace sluice::infer::cuda {
namespace {

namespace fs = std::filesystem;

/// Of a model's name in a file's: the most that leaves room for the rest.
constexpr std::size_t kLongestName = 100;

}  // namespace

std::string default_engine_cache() {
    const std::string folder = user_cache();
    return folder.empty() ? "" : folder + "/engines";
}

std::string cached_engine(const std::string& folder,
                          const std::string& model,
                          const EngineMaking& made) {
    const std::string belongs_to =
        fmt::format("{}\n{}\n{}", whole_path(model), made.gpu, made.input);
    return fmt::format("{}/{}.{}.{}.engine",
                       folder,
                       fs::path(model).filename().string().substr(0, kLongestName),
                       made.precision,
                       text_hash(belongs_to));
}

FileLock lock_engine(const std::string& folder,
                     const std::string& model,
                     const EngineMaking& made) {
    if (folder.empty()) return {};
    std::error_code ignored;  // what fails here fails below
    fs::create_directories(folder, ignored);
    auto waiting = [&](const std::string& holder, double seconds) {
        log_warning("infer",
                    "{}: {} builds its {} engine; waiting{}",
                    model,
                    holder,
                    made.precision,
                    seconds < 1 ? "" : fmt::format(", {:.0f} s so far", seconds));
    };
    auto lock = FileLock::take(cached_engine(folder, model, made) + kLockEnding, waiting);
    if (lock) return std::move(*lock);
    log_warning("infer",
                "{}. Engines are neither kept there nor locked while they are built",
                lock.error().text());
    return {};
}

EngineClaim EngineClaim::take(EngineWanted wanted) {
    EngineClaim claim;
    claim.wanted_ = std::move(wanted);
    const EngineWanted& want = claim.wanted_;
    if (!want.folder.empty()) claim.cached_ = cached_engine(want.folder, want.model, want.making);
    bool found = claim.find();
    if (!found && !want.folder.empty()) {
        claim.lock_ = lock_engine(want.folder, want.model, want.making);
        found = claim.find();  // another may have made it meanwhile
        if (found) claim.lock_ = {};
    }
    claim.warn(found);
    return claim;
}

void EngineClaim::keep(const PlanNames& plans) {
    if (!lock_.held()) return;
    std::set<int> batches(file_.made.batches.begin(), file_.made.batches.end());
    batches.insert(wanted_.making.batches.begin(), wanted_.making.batches.end());
    file_.made = wanted_.making;
    file_.made.batches.assign(batches.begin(), batches.end());
    file_.source = whole_path(wanted_.model);
    file_.plans.insert(plans.begin(), plans.end());
    if (auto written = file_.write(cached_); !written)
        log_warning("infer", "{}", written.error().text());
    lock_ = {};
}

bool EngineClaim::find() {
    file_ = {};
    misfit_.clear();
    const EngineMaking& making = wanted_.making;
    const std::string first = engine_file_of(wanted_.model, wanted_.named, making.precision);
    if (!first.empty()) {
        auto read = EngineFile::read(first);
        if (fits(read, first)) {
            file_ = std::move(*read);
            return true;
        }
    }
    if (cached_.empty()) return false;
    auto read = EngineFile::read(cached_);
    if (!read && read.error().code == ErrorCode::kNotFound) return false;
    const bool found = fits(read, cached_);
    if (found || (read && read->stale(making).empty())) file_ = std::move(*read);
    return found;
}

bool EngineClaim::fits(const Result<EngineFile>& read, const std::string& path) {
    const std::string why = read ? read.value().misfit(wanted_.making) : read.error().message;
    if (!why.empty()) misfit_ = fmt::format("{}: not used: {}", path, why);
    return why.empty();
}

void EngineClaim::warn(bool found) const {
    if (misfit_.empty()) return;
    const std::string instead =
        found              ? fmt::format("{} is used", cached_)
        : !cached_.empty() ? std::string("The engine is built anew")
                           : "Plans are chosen anew; `sluice build` makes a file that fits";
    log_warning("infer", "{}. {}", misfit_, instead);
}

}  // namespace sluice::infer::cuda
