#include "sluice/cli/engines.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "sluice/base/text.h"

namespace sluice::cli {
namespace {

using infer::EngineState;
using infer::KeptEngine;
using nlohmann::ordered_json;
using std::chrono::system_clock;

const char* word_of(EngineState state) {
    switch (state) {
        case EngineState::kFits:
            return "fits";
        case EngineState::kStale:
            return "stale";
        case EngineState::kForeign:
            return "other-gpu";
    }
    return "";
}

double age_of(const KeptEngine& engine) {
    return std::chrono::duration<double>(system_clock::now() - engine.written).count();
}

/// "3 hours"
std::string age_text(double seconds) {
    auto count = [](double number, const char* unit) {
        const auto whole = static_cast<long long>(number);
        return fmt::format("{} {}{}", whole, unit, whole == 1 ? "" : "s");
    };
    if (seconds < 60) return "now";
    if (seconds < 3600) return count(seconds / 60, "minute");
    if (seconds < 86400) return count(seconds / 3600, "hour");
    return count(seconds / 86400, "day");
}

/// 91900 -> "9.19.0"
std::string cudnn_text(const std::string& number) {
    auto parsed = parse_integer(number);
    if (!parsed) return number;
    return fmt::format("{}.{}.{}", *parsed / 10000, *parsed / 100 % 100, *parsed % 100);
}

/// Without the compute capability.
std::string gpu_text(const KeptEngine& engine) {
    return engine.gpu.substr(0, engine.gpu.find(','));
}

using Row = std::vector<std::string>;

Row row_of(const KeptEngine& engine) {
    const bool known = !engine.sluice.empty();
    return {word_of(engine.state),
            std::filesystem::path(engine.model).filename().string(),
            engine.precision,
            fmt::format("{}", fmt::join(engine.batches, ",")),
            gpu_text(engine),
            known ? fmt::format("sluice {}, cuDNN {}", engine.sluice, cudnn_text(engine.cudnn))
                  : std::string(),
            fmt::format("{:.1f} kB", static_cast<double>(engine.bytes) / 1000),
            age_text(age_of(engine)),
            engine.file};
}

void print_table(const std::vector<KeptEngine>& engines) {
    std::vector<Row> rows{
        {"state", "model", "precision", "batches", "GPU", "versions", "size", "age", "file"}};
    for (const KeptEngine& engine : engines)
        rows.push_back(row_of(engine));
    std::vector<std::size_t> widths(rows[0].size());
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    for (std::size_t at = 0; at < rows.size(); ++at) {
        for (std::size_t i = 0; i + 1 < widths.size(); ++i)
            fmt::print("{:<{}}  ", rows[at][i], widths[i]);
        fmt::print("{}\n", rows[at].back());
        if (at > 0 && !engines[at - 1].why.empty()) fmt::print("    {}\n", engines[at - 1].why);
    }
}

void print_json(const char* what, const std::vector<KeptEngine>& engines) {
    ordered_json out{{"schema", "sluice.engines/1"}, {what, ordered_json::array()}};
    for (const KeptEngine& engine : engines) {
        out[what].push_back({{"file", engine.file},
                             {"state", word_of(engine.state)},
                             {"why", engine.why},
                             {"model", engine.model},
                             {"precision", engine.precision},
                             {"batches", engine.batches},
                             {"gpu", engine.gpu},
                             {"cudnn", engine.cudnn},
                             {"sluice", engine.sluice},
                             {"bytes", engine.bytes},
                             {"age_s", age_of(engine)}});
    }
    fmt::print("{}\n", out.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

}  // namespace

Result<void> list_engines(const std::string& model, bool json) {
    const std::vector<KeptEngine> engines = SLUICE_TRY(infer::kept_engines(model));
    if (json) {
        print_json("engines", engines);
    } else if (engines.empty()) {
        fmt::print("no engine is kept{}\n", model.empty() ? "" : " of " + model);
    } else {
        print_table(engines);
    }
    return {};
}

Result<void> prune_engines(const std::string& model, infer::Prune which, bool json) {
    const std::vector<KeptEngine> removed = SLUICE_TRY(infer::prune_engines(model, which));
    if (json) {
        print_json("removed", removed);
        return {};
    }
    for (const KeptEngine& engine : removed) {
        const bool stale = engine.state == EngineState::kStale;
        fmt::print("removed {}{}\n", engine.file, stale ? ": " + engine.why : "");
    }
    if (removed.empty()) fmt::print("nothing to remove\n");
    return {};
}

}  // namespace sluice::cli
