#include "sluice/infer/backends/cuda/kept.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "sluice/base/log.h"
#include "sluice/base/replace_file.h"
#include "sluice/infer/backends/cuda/engine_cache.h"
#include "sluice/infer/model_hash.h"

namespace sluice::infer::cuda {
namespace {

namespace fs = std::filesystem;

/// Hashes of models, each read once.
class ModelHashes {
public:
    const Result<std::string>& of(const std::string& model) {
        auto found = hashes_.find(model);
        if (found == hashes_.end()) found = hashes_.emplace(model, model_hash(model)).first;
        return found->second;
    }

private:
    std::map<std::string, Result<std::string>> hashes_;
};

std::pair<EngineState, std::string> judgement(const EngineFile& file,
                                              const EngineHost& host,
                                              ModelHashes& hashes) {
    std::error_code ignored;
    const std::string& model = file.source;
    if (!model.empty() && !fs::exists(model, ignored))
        return {EngineState::kStale, "its model is gone"};
    if (host.gpus.empty()) return {EngineState::kForeign, "there is no GPU here to judge it by"};
    if (std::find(host.gpus.begin(), host.gpus.end(), file.made.gpu) == host.gpus.end())
        return {EngineState::kForeign, fmt::format("the GPU here is {}", host.gpus.front())};
    EngineMaking wanted = file.made;
    if (!model.empty()) {
        const auto& hash = hashes.of(model);
        if (!hash) return {EngineState::kStale, hash.error().message};
        wanted.model = hash.value();
    }
    if (!host.cudnn.empty()) wanted.cudnn = host.cudnn;
    wanted.sluice = sluice_version();
    std::string why = file.stale(wanted);
    return {why.empty() ? EngineState::kFits : EngineState::kStale, why};
}

KeptEngine judged(const std::string& path,
                  const Result<EngineFile>& read,
                  const EngineHost& host,
                  ModelHashes& hashes) {
    KeptEngine kept;
    kept.file = path;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) {
        kept.bytes = static_cast<std::uintmax_t>(status.st_size);
        kept.written = std::chrono::system_clock::from_time_t(status.st_mtime);
    }
    if (!read) {
        kept.state = EngineState::kStale;
        kept.why = read.error().message;
        return kept;
    }
    const EngineFile& file = read.value();
    kept.model = file.source;
    kept.precision = file.made.precision;
    kept.batches = file.made.batches;
    kept.gpu = file.made.gpu;
    kept.cudnn = file.made.cudnn;
    kept.sluice = file.made.sluice;
    std::tie(kept.state, kept.why) = judgement(file, host, hashes);
    return kept;
}

/// Files of the folder whose names hold the text; in order. None where there is no folder.
std::vector<std::string> files_with(const std::string& folder, std::string_view text) {
    std::vector<std::string> files;
    std::error_code failure;
    for (fs::directory_iterator at(folder, failure), end; !failure && at != end;
         at.increment(failure)) {
        const std::string name = at->path().filename();
        if (name.find(text) != std::string::npos) files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

Result<void> remove_file(const std::string& path) {
    std::error_code failure;
    fs::remove(path, failure);
    if (failure) return io_error(fmt::format("cannot be removed: {}", failure.message()), path);
    return {};
}

bool to_remove(const KeptEngine& engine, Prune which) {
    return which == Prune::kAll || engine.state == EngineState::kStale;
}

/// What dead processes left in the folder: locks, and writes without an end.
Result<void> remove_leftovers(const std::string& folder) {
    for (const std::string& file : files_with(folder, ".engine.")) {
        const std::string engine = file.substr(0, file.rfind(".engine.")) + ".engine";
        const auto lock = FileLock::try_take(engine + kLockEnding);  // gone again with this
        if (lock && file.starts_with(engine + kPartEnding)) SLUICE_TRY(remove_file(file));
    }
    return {};
}

}  // namespace

std::vector<KeptEngine> engines_in(const std::string& folder,
                                   const std::string& model,
                                   const EngineHost& host) {
    ModelHashes hashes;
    std::vector<KeptEngine> engines;
    const std::string whole = whole_path(model);
    for (const std::string& file : files_with(folder, ".engine")) {
        if (!file.ends_with(".engine")) continue;
        const auto read = EngineFile::read(file);
        // Those of other models go before their models are read for a hash.
        if (model.empty() || (read && read.value().source == whole))
            engines.push_back(judged(file, read, host, hashes));
    }
    if (model.empty()) return engines;
    std::error_code ignored;
    const fs::path beside = fs::absolute(model, ignored).parent_path();
    const std::string name = fs::path(model).filename().string() + ".";
    for (const std::string& file : files_with(beside, name)) {
        if (file.ends_with(".cuda.engine") && fs::path(file).filename().string().starts_with(name))
            engines.push_back(judged(file, EngineFile::read(file), host, hashes));
    }
    return engines;
}

Result<std::vector<KeptEngine>> prune_in(const std::string& folder,
                                         const std::string& model,
                                         const EngineHost& host,
                                         Prune which) {
    ModelHashes hashes;
    std::vector<KeptEngine> removed;
    for (KeptEngine& engine : engines_in(folder, model, host)) {
        if (!to_remove(engine, which)) continue;
        FileLock lock;
        if (engine.file.starts_with(folder + "/")) {
            auto taken = FileLock::try_take(engine.file + kLockEnding);
            if (!taken) {
                log_warning("infer", "{}: stays: {}", engine.file, taken.error().message);
                continue;
            }
            lock = std::move(*taken);
            // It may have been made anew meanwhile.
            engine = judged(engine.file, EngineFile::read(engine.file), host, hashes);
            if (!to_remove(engine, which)) continue;
        }
        SLUICE_TRY(remove_file(engine.file));
        removed.push_back(std::move(engine));
    }
    SLUICE_TRY(remove_leftovers(folder));
    return removed;
}

}  // namespace sluice::infer::cuda

namespace sluice::infer {

Result<std::vector<KeptEngine>> kept_engines(const std::string& model) {
    return cuda::engines_in(cuda::default_engine_cache(), model, cuda::this_host());
}

Result<std::vector<KeptEngine>> prune_engines(const std::string& model, Prune which) {
    return cuda::prune_in(cuda::default_engine_cache(), model, cuda::this_host(), which);
}

}  // namespace sluice::infer
