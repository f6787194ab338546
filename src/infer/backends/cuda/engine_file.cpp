#include "sluice/infer/backends/cuda/engine_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/log.h"
#include "sluice/base/text.h"

namespace sluice::infer::cuda {
namespace {

constexpr std::string_view kMagic = "sluice engine";
constexpr int kVersion = 1;

/// "gpu NVIDIA H100" -> {"gpu", "NVIDIA H100"}
std::pair<std::string_view, std::string_view> first_word(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {line, {}};
    return {line.substr(0, space), line.substr(space + 1)};
}

Result<std::vector<int>> read_batches(std::string_view text) {
    std::vector<int> batches;
    for (std::string_view word : split(text, ','))
        batches.push_back(static_cast<int>(SLUICE_TRY(parse_integer(word))));
    return batches;
}

Result<void> read_line(std::string_view line, EngineFile& file) {
    const auto [word, rest] = first_word(line);
    if (word == "plan") {
        const auto fields = split(rest, '\t');
        if (fields.size() != 2) return corrupt("a plan without a name");
        file.plans[std::string(fields[0])] = fields[1];
        return {};
    }
    if (word == "batches") {
        file.made.batches = SLUICE_TRY(read_batches(rest));
        return {};
    }
    const std::array<std::pair<std::string_view, std::string*>, 5> texts{
        {{"model", &file.made.model},
         {"gpu", &file.made.gpu},
         {"cudnn", &file.made.cudnn},
         {"sluice", &file.made.sluice},
         {"precision", &file.made.precision}}};
    for (const auto& [name, text] : texts) {
        if (word == name) {
            *text = rest;
            return {};
        }
    }
    return corrupt(fmt::format("what is '{}' here?", word));
}

std::string differing(const char* what, const std::string& made, const std::string& wanted) {
    if (made == wanted) return {};
    return fmt::format("it was made for {} {}, this is {}", what, made, wanted);
}

}  // namespace

Result<EngineFile> EngineFile::read(const std::string& path) {
    std::ifstream stream(path);
    if (!stream) return not_found("there is no such engine file", path);
    std::string line;
    std::getline(stream, line);
    if (!line.starts_with(kMagic))
        return corrupt("this is no engine file of `sluice build` (TensorRT's are not read)", path);
    if (line != fmt::format("{} {}", kMagic, kVersion)) {
        return corrupt(fmt::format("the engine file is of another version ('{}'; this program "
                                   "reads {})",
                                   line,
                                   kVersion),
                       path);
    }
    EngineFile file;
    while (std::getline(stream, line)) {
        if (line == fmt::format("end {}", file.plans.size())) return file;
        if (auto read = read_line(line, file); !read) return corrupt(read.error().message, path);
    }
    return corrupt("the engine file was cut off", path);
}

Result<void> EngineFile::write(const std::string& path) const {
    std::string text =
        fmt::format("{} {}\nmodel {}\ngpu {}\ncudnn {}\nsluice {}\nprecision {}\nbatches {}\n",
                    kMagic,
                    kVersion,
                    made.model,
                    made.gpu,
                    made.cudnn,
                    made.sluice,
                    made.precision,
                    fmt::join(made.batches, ","));
    for (const auto& [key, name] : plans)
        text += fmt::format("plan {}\t{}\n", key, name);
    text += fmt::format("end {}\n", plans.size());
    const std::string part = path + ".part";
    if (!(std::ofstream(part) << text).flush())
        return io_error("the engine file cannot be written", path);
    std::error_code failure;
    std::filesystem::rename(part, path, failure);
    if (failure)
        return io_error(fmt::format("the engine file cannot be written ({})", failure.message()),
                        path);
    return {};
}

std::string EngineFile::misfit(const EngineMaking& wanted) const {
    for (const std::string& reason : {differing("model", made.model, wanted.model),
                                      differing("the GPU", made.gpu, wanted.gpu),
                                      differing("cuDNN", made.cudnn, wanted.cudnn),
                                      differing("sluice", made.sluice, wanted.sluice),
                                      differing("precision", made.precision, wanted.precision)}) {
        if (!reason.empty()) return reason;
    }
    for (int batch : wanted.batches) {
        if (std::find(made.batches.begin(), made.batches.end(), batch) == made.batches.end())
            return fmt::format(
                "it was made for batches of {}, not of {}", fmt::join(made.batches, ", "), batch);
    }
    return {};
}

std::string sluice_version() {
    return SLUICE_VERSION;
}

std::string engine_file_beside(const std::string& model, const std::string& precision) {
    return fmt::format("{}.{}.cuda.engine", model, precision);
}

std::string engine_file_of(const std::string& model,
                           const std::string& named,
                           const std::string& precision) {
    if (!named.empty()) return named;
    std::string beside = engine_file_beside(model, precision);
    std::error_code ignored;
    return std::filesystem::exists(beside, ignored) ? beside : "";
}

PlanNames plans_of_engine_file(const std::string& file, const EngineMaking& wanted) {
    auto read = EngineFile::read(file);
    const std::string reason = read ? read->misfit(wanted) : read.error().message;
    if (reason.empty()) return std::move(read->plans);
    log_warning("infer",
                "{}: not used: {}. Plans are chosen anew; `sluice build` makes a file that fits",
                file,
                reason);
    return {};
}

}  // namespace sluice::infer::cuda
