#include "sluice/tuner/journal.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "sluice/base/text.h"

namespace sluice::tuner {
namespace {

constexpr std::string_view kFirstLine = "sluice-journal 1 ";

/// Lines hold an entry each: name, tab, text, with a full stop at the end that a line which was cut
/// off does not have.
constexpr std::string_view kEnd = "\t.";

}  // namespace

Result<Journal> Journal::open(const std::string& path, const std::string& key) {
    Journal journal;
    journal.path_ = path;
    const std::string first = fmt::format("{}{}", kFirstLine, key);
    std::ifstream in(path, std::ios::binary);
    std::string line;
    if (std::getline(in, line) && line == first) {
        while (std::getline(in, line) && line.ends_with(kEnd)) {
            const std::size_t tab = line.find('\t');
            journal.entries_.push_back(
                {line.substr(0, tab), line.substr(tab + 1, line.size() - kEnd.size() - tab - 1)});
        }
    }
    in.close();
    journal.resumed_ = journal.entries_.size();
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << first << '\n';
    for (const Entry& entry : journal.entries_)
        out << entry.name << '\t' << entry.text << kEnd << '\n';
    out.flush();
    if (!out) return io_error("cannot write this work file", path);
    return journal;
}

const std::string* Journal::find(std::string_view name) const {
    for (const Entry& entry : entries_) {
        if (entry.name == name) return &entry.text;
    }
    return nullptr;
}

std::optional<double> Journal::number(std::string_view name) const {
    const std::string* text = find(name);
    if (!text) return std::nullopt;
    auto value = parse_number(*text);
    if (!value) return std::nullopt;
    return *value;
}

Result<void> Journal::keep(const std::string& name, const std::string& text) {
    entries_.push_back({name, text});
    if (path_.empty()) return {};
    std::ofstream out(path_, std::ios::binary | std::ios::app);
    out << name << '\t' << text << kEnd << '\n';
    out.flush();
    if (!out) return io_error("cannot write this work file", path_);
    return {};
}

Result<void> Journal::keep(const std::string& name, double number) {
    return keep(name, fmt::format("{}", number));
}

void Journal::remove() {
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

}  // namespace sluice::tuner
