#include "sluice/gst/meta_files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace sluice::gst {
namespace {

namespace fs = std::filesystem;

Error file_error(const char* what, const std::string& path) {
    return io_error(fmt::format("{}: {}", what, std::strerror(errno)), path);
}

bool is_folder(const std::string& location) {
    std::error_code ignored;
    return location.ends_with('/') || fs::is_directory(location, ignored);
}

bool has_pattern(const std::string& location) {
    return location.find('%') != std::string::npos;
}

/// Where the frame itself came from, e.g. an image's file; attached as "sluice.uri".
std::string_view uri_of(const meta::Frame& frame) {
    for (const meta::UserData& data : frame.user_data) {
        if (data.kind == "sluice.uri") return *static_cast<const std::string*>(data.data.get());
    }
    return {};
}

Result<void> make_folder(const fs::path& folder) {
    if (folder.empty()) return {};
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) return io_error("cannot make this folder: " + failed.message(), folder.string());
    return {};
}

}  // namespace

Result<std::string> expand_location(const std::string& pattern,
                                    std::size_t number,
                                    const std::string& name) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%') {
            out += pattern[i];
            continue;
        }
        std::size_t end = i + 1;
        std::size_t width = 0;
        while (end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '9') {
            width = std::min<std::size_t>(
                width * 10 + static_cast<std::size_t>(pattern[end++] - '0'), 20);
        }
        char kind = end < pattern.size() ? pattern[end] : '\0';
        if (kind == 'u' || kind == 'd') {
            out += fmt::format("{:0{}}", number, width);
        } else if (kind == 's') {
            out += name;
        } else {
            return invalid_argument("only %u, %03u and %s may stand in a location", pattern);
        }
        i = end;
    }
    return out;
}

Result<MetaFiles> MetaFiles::create(const MetaSinkSettings& settings) {
    MetaFiles files(settings);
    std::string& location = files.settings_.location;
    if (location.empty()) return files;
    if (settings.format == MetaFormat::kKitti && has_pattern(location)) {
        return invalid_argument("kitti makes a file per frame: give a folder", location);
    }
    if (settings.format == MetaFormat::kKitti || (!has_pattern(location) && is_folder(location))) {
        SLUICE_TRY(make_folder(location));
        const char* name = settings.format == MetaFormat::kMot ? "%s.txt" : "%s.jsonl";
        if (settings.format != MetaFormat::kKitti) location = (fs::path(location) / name).string();
        return files;
    }
    SLUICE_TRY(expand_location(location, 0, "0"));
    files.shared_ = !has_pattern(location);
    if (files.shared_ && settings.format == MetaFormat::kMot) {
        // Fine for one source; a second one finds the file taken.
        files.shared_ = false;
    }
    SLUICE_TRY(make_folder(fs::path(location).parent_path()));
    return files;
}

std::string MetaFiles::name_of(meta::SourceId source) const {
    auto names = split(settings_.source_names, ';');
    if (source.value < names.size() && !names[source.value].empty()) {
        return std::string(names[source.value]);
    }
    return fmt::format("{:03}", source.value);
}

std::string MetaFiles::path_for(meta::SourceId source) const {
    return *expand_location(settings_.location, source.value, name_of(source));
}

Result<MetaFiles::Open*> MetaFiles::file_for(meta::SourceId source) {
    meta::SourceId key = shared_ ? meta::SourceId(0) : source;
    Open& open = files_[key];
    if (open.file) return &open;
    open.path = shared_ ? settings_.location : path_for(source);
    for (const auto& [other, taken] : files_) {
        if (other != key && taken.begun && taken.path == open.path) {
            return invalid_argument(
                "two sources in one file: put %u or %s into the location, or give a folder",
                open.path);
        }
    }
    open.file.reset(std::fopen(open.path.c_str(), open.begun ? "ab" : "wb"));
    if (!open.file) return file_error("cannot write this file", open.path);
    open.begun = true;
    return &open;
}

void MetaFiles::format(const meta::Frame& frame) {
    text_.clear();
    bool tracks = settings_.rows == MetaRows::kTracks;
    switch (settings_.format) {
        case MetaFormat::kJsonLines: {
            std::string name = name_of(frame.source);
            meta::append_json_line(text_, frame, {name, uri_of(frame)}, settings_.box_space);
            break;
        }
        case MetaFormat::kMot:
            meta::append_mot_lines(text_,
                                   frame,
                                   tracks ? meta::MotRows::kTracks : meta::MotRows::kDetections,
                                   settings_.box_space);
            break;
        case MetaFormat::kKitti:
            if (tracks) {
                meta::append_kitti_tracks(text_, frame, settings_.box_space);
            } else {
                meta::append_kitti_detections(text_, frame, settings_.box_space);
            }
            break;
    }
}

Result<void> MetaFiles::write(const meta::Frame& frame) {
    if (settings_.location.empty()) return {};
    format(frame);
    if (settings_.format == MetaFormat::kKitti) return write_kitti(frame);
    Open* open = SLUICE_TRY(file_for(frame.source));
    if (std::fwrite(text_.data(), 1, text_.size(), open->file.get()) != text_.size()) {
        return file_error("cannot write", open->path);
    }
    return {};
}

Result<void> MetaFiles::write_kitti(const meta::Frame& frame) {
    std::string path = (fs::path(settings_.location) /
                        fmt::format("00_{:03}_{:06}.txt", frame.source.value, frame.sequence))
                           .string();
    File file(std::fopen(path.c_str(), "wb"));
    if (!file) return file_error("cannot write this file", path);
    bool whole = std::fwrite(text_.data(), 1, text_.size(), file.get()) == text_.size();
    if (std::fclose(file.release()) != 0 || !whole) return file_error("cannot write", path);
    return {};
}

Result<void> MetaFiles::close(meta::SourceId source) {
    if (shared_) return {};
    auto found = files_.find(source);
    if (found == files_.end()) return {};
    return close(found->second);
}

Result<void> MetaFiles::close(Open& open) {
    if (open.file && std::fclose(open.file.release()) != 0) {
        return file_error("cannot write", open.path);
    }
    return {};
}

Result<void> MetaFiles::close_all() {
    Result<void> outcome;
    for (auto& [source, open] : files_) {
        auto closed = close(open);
        if (!closed) outcome = std::move(closed);
    }
    return outcome;
}

}  // namespace sluice::gst
