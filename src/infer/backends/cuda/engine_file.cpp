#include "sluice/infer/backends/cuda/engine_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/replace_file.h"
#include "sluice/base/text.h"

namespace sluice::infer::cuda {
namespace {

constexpr std::string_view kMagic = "sluice engine";
constexpr int kVersion = 2;

Result<std::vector<int>> read_batches(std::string_view text) {
    std::vector<int> batches;
    for (std::string_view word : split(text, ','))
        batches.push_back(static_cast<int>(SLUICE_TRY(parse_integer(word))));
    return batches;
}

/// What stands in a line each, by its first word.
std::array<std::pair<std::string_view, std::string*>, 8> texts_of(EngineFile& file) {
    return {{{"model", &file.made.model},
             {"source", &file.source},
             {"input", &file.made.input},
             {"calibration", &file.made.calibration},
             {"gpu", &file.made.gpu},
             {"cudnn", &file.made.cudnn},
             {"sluice", &file.made.sluice},
             {"precision", &file.made.precision}}};
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
    for (const auto& [name, text] : texts_of(file)) {
        if (word == name) {
            *text = rest;
            return {};
        }
    }
    return corrupt(fmt::format("what is '{}' here?", word));
}

/// The last line: of a file that is whole.
std::string end_of(std::string_view text) {
    return fmt::format("end {}\n", text_hash(text));
}

/// Its lines without the last.
Result<std::string> whole_text(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return not_found("there is no such engine file", path);
    std::string text(std::istreambuf_iterator<char>(stream), {});
    const std::string first = text.substr(0, text.find('\n'));
    if (!first.starts_with(kMagic))
        return corrupt("this is no engine file of `sluice build` (TensorRT's are not read)", path);
    if (first != fmt::format("{} {}", kMagic, kVersion)) {
        return corrupt(fmt::format("the engine file is of another version ('{}'; this program "
                                   "reads {})",
                                   first,
                                   kVersion),
                       path);
    }
    const std::size_t end = text.rfind("end ");
    if (end == std::string::npos || text.substr(end) != end_of(text.substr(0, end)))
        return corrupt("the engine file was cut off or damaged", path);
    text.resize(end);
    return text;
}

std::string differing(const char* what, const std::string& made, const std::string& wanted) {
    if (made == wanted) return {};
    auto word = [](const std::string& text) { return text.empty() ? "none" : text; };
    return fmt::format("it was made for {} {}, this is {}", what, word(made), word(wanted));
}

}  // namespace

Result<EngineFile> EngineFile::read(const std::string& path) {
    std::istringstream lines(SLUICE_TRY(whole_text(path)));
    EngineFile file;
    std::string line;
    std::getline(lines, line);  // the version
    while (std::getline(lines, line)) {
        if (auto read = read_line(line, file); !read) return corrupt(read.error().message, path);
    }
    return file;
}

Result<void> EngineFile::write(const std::string& path) const {
    EngineFile copy = *this;
    std::string text = fmt::format("{} {}\n", kMagic, kVersion);
    for (const auto& [name, value] : texts_of(copy))
        text += fmt::format("{} {}\n", name, *value);
    text += fmt::format("batches {}\n", fmt::join(made.batches, ","));
    for (const auto& [key, name] : plans)
        text += fmt::format("plan {}\t{}\n", key, name);
    return replace_file(path, text + end_of(text), "the engine file");
}

std::string EngineFile::stale(const EngineMaking& wanted) const {
    for (const std::string& reason :
         {differing("model", made.model, wanted.model),
          differing("calibration", made.calibration, wanted.calibration),
          differing("input", made.input, wanted.input),
          differing("the GPU", made.gpu, wanted.gpu),
          differing("cuDNN", made.cudnn, wanted.cudnn),
          differing("sluice", made.sluice, wanted.sluice),
          differing("precision", made.precision, wanted.precision)}) {
        if (!reason.empty()) return reason;
    }
    return {};
}

std::string EngineFile::misfit(const EngineMaking& wanted) const {
    if (std::string reason = stale(wanted); !reason.empty()) return reason;
    for (int batch : wanted.batches) {
        if (std::find(made.batches.begin(), made.batches.end(), batch) == made.batches.end())
            return fmt::format(
                "it was made for batches of {}, not of {}", fmt::join(made.batches, ", "), batch);
    }
    return {};
}

std::string whole_path(const std::string& path) {
    std::error_code failure;
    const auto whole = std::filesystem::weakly_canonical(path, failure);
    return failure ? path : whole.string();
}

std::string text_hash(std::string_view text) {
    // FNV-1a.
    std::uint64_t hash = 14695981039346656037u;
    for (const char letter : text)
        hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211u;
    return fmt::format("{:016x}", hash);
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

}  // namespace sluice::infer::cuda
