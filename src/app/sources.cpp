#include "sluice/app/sources.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <glib.h>
#include <glob.h>

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImageEndings[] = {".jpg", ".jpeg", ".png"};
constexpr std::string_view kVideoEndings[] = {
    ".mp4", ".avi", ".mkv",  ".mov", ".webm", ".m4v", ".ts",  ".mts", ".mpg", ".mpeg",
    ".flv", ".wmv", ".h264", ".264", ".h265", ".265", ".y4m", ".3gp", ".ogv", ".mjpeg"};

bool ends_as(const std::string& path, std::span<const std::string_view> endings) {
    std::string ending = to_lower(fs::path(path).extension().string());
    return std::find(endings.begin(), endings.end(), ending) != endings.end();
}
bool is_image(const std::string& path) {
    return ends_as(path, kImageEndings);
}
bool is_video(const std::string& path) {
    return ends_as(path, kVideoEndings);
}

/// What a file may be called after: no separators, nothing that a shell or a path would mind.
std::string as_file_name(std::string text) {
    for (char& c : text) {
        bool plain = g_ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || (c & 0x80) != 0;
        if (!plain) c = '_';
    }
    return text.empty() ? "source" : text;
}

Result<Source> video_file(const std::string& path, const SourceDescription& options) {
    std::error_code failed;
    fs::path whole = fs::absolute(path, failed);
    gchar* uri = g_filename_to_uri(whole.c_str(), nullptr, nullptr);
    if (!uri) return invalid_argument("this path cannot be made a URI", path);
    Source source;
    source.uri = uri;
    g_free(uri);
    source.shown = path;
    source.name = fs::path(path).stem().string();
    source.options = options;
    return source;
}

Source image_files(std::vector<std::string> images,
                   const std::string& shown,
                   const SourceDescription& options) {
    Source source;
    source.kind = SourceKind::kImages;
    source.shown = shown;
    // Of "images" alone nobody learns what they are of.
    fs::path folder = fs::path(images.front()).parent_path();
    source.name =
        images.size() == 1 ? fs::path(images.front()).stem().string() : folder.filename().string();
    source.images = std::move(images);
    source.options = options;
    return source;
}

/// Files that one word of the user's stands for: every video a source, all images another.
Result<void> add_files(std::vector<std::string> files,
                       const SourceDescription& options,
                       std::vector<Source>& out) {
    std::sort(files.begin(), files.end());
    std::vector<std::string> images;
    for (std::string& file : files) {
        if (is_image(file)) {
            images.push_back(std::move(file));
        } else {
            out.push_back(SLUICE_TRY(video_file(file, options)));
        }
    }
    if (images.empty()) return {};
    out.push_back(image_files(std::move(images), options.source.uri, options));
    return {};
}

Result<void> add_folder(const SourceDescription& options, std::vector<Source>& out) {
    const std::string& folder = options.source.uri;
    std::vector<std::string> files;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
        std::string path = entry.path().string();
        if (is_image(path) || is_video(path)) files.push_back(path);
    }
    if (failed) return io_error("cannot read this folder: " + failed.message(), folder);
    if (files.empty()) return not_found("no video and no image is in this folder", folder);
    return add_files(std::move(files), options, out);
}

Result<void> add_pattern(const SourceDescription& options, std::vector<Source>& out) {
    glob_t found{};
    std::vector<std::string> files;
    std::error_code ignored;
    if (::glob(options.source.uri.c_str(), 0, nullptr, &found) == 0) {
        for (std::size_t i = 0; i < found.gl_pathc; ++i) {
            if (!fs::is_directory(found.gl_pathv[i], ignored)) files.push_back(found.gl_pathv[i]);
        }
    }
    globfree(&found);
    if (files.empty()) return not_found("no file matches this pattern", options.source.uri);
    return add_files(std::move(files), options, out);
}

Result<void> set_pattern_option(Source& source, std::string_view setting) {
    std::size_t equals = setting.find('=');
    std::string_view name = setting.substr(0, equals);
    static constexpr std::string_view kKnown[] = {"width", "height", "fps", "frames"};
    int* targets[] = {&source.width, &source.height, &source.fps, &source.frames};
    auto known = std::find(std::begin(kKnown), std::end(kKnown), name);
    if (known == std::end(kKnown)) {
        return invalid_argument(unknown_name("option of a test pattern", name, kKnown));
    }
    if (equals == std::string_view::npos) {
        return invalid_argument(fmt::format("'{}' needs a value", name));
    }
    long long value = SLUICE_TRY(parse_integer(setting.substr(equals + 1)));
    bool may_be_zero = name == "frames";
    if (value < (may_be_zero ? 0 : 1) || value > 1'000'000'000) {
        return invalid_argument(fmt::format("'{}' is out of range", setting));
    }
    *targets[known - std::begin(kKnown)] = static_cast<int>(value);
    return {};
}

/// test:ball?width=640&height=480&fps=25&frames=100
Result<Source> test_pattern(const SourceDescription& options) {
    std::string_view text = std::string_view(options.source.uri).substr(5);
    std::size_t question = text.find('?');
    Source source;
    source.kind = SourceKind::kTest;
    source.uri = text.substr(0, question);
    if (source.uri.empty()) source.uri = "smpte";
    source.shown = options.source.uri;
    source.name = "test-" + source.uri;
    source.options = options;
    source.live = options.source.pace == Pace::kRealTime;
    if (question == std::string_view::npos) return source;
    for (std::string_view setting : split(text.substr(question + 1), '&')) {
        auto set = set_pattern_option(source, setting);
        if (!set) return std::move(set).error().context(options.source.uri);
    }
    return source;
}

Result<Source> camera(const SourceDescription& options) {
    std::string device = options.source.uri;
    if (device.starts_with("camera:")) device = "/dev/video" + device.substr(7);
    std::error_code ignored;
    if (!fs::exists(device, ignored)) return not_found("no such camera: " + device);
    Source source;
    source.kind = SourceKind::kCamera;
    source.uri = device;
    source.shown = options.source.uri;
    source.name = fs::path(device).filename().string();
    source.options = options;
    source.live = true;
    return source;
}

Source address(const SourceDescription& options) {
    const std::string& uri = options.source.uri;
    Source source;
    source.uri = uri;
    source.shown = uri;
    source.live = uri.starts_with("rtsp") || uri.starts_with("udp:") || uri.starts_with("rtmp");
    source.options = options;
    std::string_view path = std::string_view(uri).substr(uri.find("://") + 3);
    path = path.substr(0, path.find('?'));
    if (path.find('@') != std::string_view::npos) path = path.substr(path.find('@') + 1);
    source.name = source.live ? std::string(path) : fs::path(path).stem().string();
    return source;
}

Result<void> add_one(const SourceDescription& options, std::vector<Source>& out) {
    const std::string& uri = options.source.uri;
    std::error_code ignored;
    if (uri.starts_with("test:")) {
        out.push_back(SLUICE_TRY(test_pattern(options)));
    } else if (uri.starts_with("camera:") || uri.starts_with("/dev/video")) {
        out.push_back(SLUICE_TRY(camera(options)));
    } else if (uri.find("://") != std::string::npos) {
        out.push_back(address(options));
    } else if (fs::is_directory(uri, ignored)) {
        return add_folder(options, out);
    } else if (fs::exists(uri, ignored)) {
        return add_files({uri}, options, out);
    } else if (uri.find_first_of("*?[") != std::string::npos) {
        return add_pattern(options, out);
    } else {
        return not_found("no such file or folder", uri);
    }
    return {};
}

void name_all(std::vector<Source>& sources) {
    std::set<std::string> wanted;
    std::set<std::string> twice;
    for (Source& source : sources) {
        if (!source.options.source.name.empty()) source.name = source.options.source.name;
        source.name = as_file_name(source.name);
        if (!wanted.insert(source.name).second) twice.insert(source.name);
    }
    std::set<std::string> taken;
    for (Source& source : sources) {
        std::string base = source.name;
        for (int i = 0; twice.count(base) || taken.count(source.name); ++i) {
            source.name = fmt::format("{}-{}", base, i);
            if (!taken.count(source.name) && !wanted.count(source.name)) break;
        }
        taken.insert(source.name);
    }
}

}  // namespace

Result<std::vector<Source>> expand_sources(std::span<const SourceDescription> descriptions) {
    std::vector<Source> sources;
    for (const SourceDescription& description : descriptions)
        SLUICE_TRY(add_one(description, sources));
    if (sources.empty()) {
        return invalid_argument("no source: give at least one, e.g. --source video.mp4");
    }
    name_all(sources);
    return sources;
}

}  // namespace sluice::app
