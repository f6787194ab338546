#include "sluice/cli/eval_inputs.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/eval/readers.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrackEndings[] = {".txt", ".txt.gz", ".jsonl", ".jsonl.gz"};

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}
bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool is_json_lines(std::string_view path) {
    return path.ends_with(".jsonl") || path.ends_with(".jsonl.gz");
}

Result<eval::Tracks> load_tracks(const std::string& path) {
    return is_json_lines(path) ? eval::read_json_lines_tracks(path) : eval::read_mot(path);
}

/// Name of the sequence to the file that holds it.
Result<std::map<std::string, std::string>> list_results(const std::string& folder) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) return not_found("this folder may not be read", folder);
    std::map<std::string, std::string> found;
    for (const auto& entry : entries) {
        std::string name = entry.path().filename().string();
        for (std::string_view ending : kTrackEndings) {
            if (name.size() <= ending.size() || !name.ends_with(ending)) continue;
            std::string sequence = name.substr(0, name.size() - ending.size());
            auto [place, is_new] = found.emplace(sequence, entry.path().string());
            if (!is_new) {
                return invalid_argument(fmt::format("two files for sequence '{}'", sequence),
                                        folder);
            }
        }
    }
    return found;
}

std::string find_truth(const std::string& folder, const std::string& sequence) {
    for (const char* inner :
         {"{}.txt", "{}.txt.gz", "{}/gt.txt", "{}/gt.txt.gz", "{}/gt/gt.txt", "{}/gt/gt.txt.gz"}) {
        fs::path path = fs::path(folder) / fmt::format(fmt::runtime(inner), sequence);
        if (is_file(path)) return path.string();
    }
    return {};
}

Result<std::vector<std::string>> choose(const std::map<std::string, std::string>& found,
                                        const std::string& truth,
                                        const std::string& results,
                                        const std::vector<std::string>& wanted) {
    std::vector<std::string> names;
    std::vector<std::string_view> known;
    for (const auto& [name, path] : found) {
        if (find_truth(truth, name).empty()) continue;
        names.push_back(name);
        known.push_back(name);
    }
    if (names.empty()) {
        return not_found(fmt::format("no file here has ground truth in {}", truth), results);
    }
    if (wanted.empty()) return names;
    for (const std::string& name : wanted) {
        bool present = std::find(names.begin(), names.end(), name) != names.end();
        if (!present) return not_found(unknown_name("sequence", name, known), results);
    }
    return wanted;
}

}  // namespace

Result<std::vector<SequencePair>> load_sequences(const std::string& truth,
                                                 const std::string& results,
                                                 const std::vector<std::string>& names) {
    if (is_folder(truth) != is_folder(results)) {
        return invalid_argument("GT and RESULTS should be two files or two folders");
    }
    std::vector<SequencePair> out;
    if (!is_folder(truth)) {
        if (!names.empty()) return invalid_argument("--sequences is for folders");
        std::string name = fs::path(results).filename().string();
        eval::Tracks truth_rows = SLUICE_TRY(load_tracks(truth));
        eval::Tracks result_rows = SLUICE_TRY(load_tracks(results));
        out.push_back({name, std::move(truth_rows), std::move(result_rows)});
        return out;
    }
    auto found = SLUICE_TRY(list_results(results));
    std::vector<std::string> chosen = SLUICE_TRY(choose(found, truth, results, names));
    for (const std::string& name : chosen) {
        eval::Tracks truth_rows = SLUICE_TRY(load_tracks(find_truth(truth, name)));
        eval::Tracks result_rows = SLUICE_TRY(load_tracks(found[name]));
        out.push_back({name, std::move(truth_rows), std::move(result_rows)});
    }
    return out;
}

Result<eval::DetectionTruth> load_truth(const std::string& path, const std::string& names_path) {
    if (is_folder(path)) return eval::read_yolo_truth(path, names_path);
    if (!names_path.empty()) return invalid_argument("--names is for a YOLO folder");
    return eval::read_coco_truth(path);
}

Result<std::vector<eval::DetectedBox>> load_detections(const std::string& path,
                                                       const eval::DetectionTruth& truth) {
    if (is_folder(path)) return eval::read_yolo_results(path, truth);
    if (is_json_lines(path)) return eval::read_json_lines_detections(path, truth);
    return eval::read_coco_results(path);
}

}  // namespace sluice::cli
