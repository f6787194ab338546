#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "sluice/base/fields.h"
#include "sluice/meta/writers.h"

namespace sluice::gst {

enum class MetaFormat { kJsonLines, kMot, kKitti };
enum class MetaRows { kTracks, kDetections };

struct MetaSinkSettings {
    MetaFormat format = MetaFormat::kJsonLines;
    std::string location;
    MetaRows rows = MetaRows::kTracks;
    meta::BoxSpace box_space = meta::BoxSpace::kSource;
    std::string source_names;
};

/// A source's own path: %s is its name, %u or %03u its number. Anything else with % is an error.
Result<std::string> expand_location(const std::string& pattern,
                                    std::size_t number,
                                    const std::string& name);

/// Metadata of many sources in files. `location` is a file for all sources (JSON Lines only), a
/// pattern with %u or %03u for the source's number or %s for its name, or a folder (an existing
/// one, or with '/' at the end), which gets one file per source; KITTI always wants a folder.
class MetaFiles {
public:
    static Result<MetaFiles> create(const MetaSinkSettings& settings);

    Result<void> write(const meta::Frame& frame);
    /// Ends one source's file, or all of them. An error here means that the file is not whole.
    Result<void> close(meta::SourceId source);
    Result<void> close_all();

private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    using File = std::unique_ptr<std::FILE, CloseFile>;
    struct Open {
        std::string path;
        File file;           ///< none once closed
        bool begun = false;  ///< a source that comes back goes on with its file
    };

    explicit MetaFiles(MetaSinkSettings settings) : settings_(std::move(settings)) {}
    std::string name_of(meta::SourceId source) const;
    std::string path_for(meta::SourceId source) const;
    Result<Open*> file_for(meta::SourceId source);
    static Result<void> close(Open& open);
    void format(const meta::Frame& frame);
    Result<void> write_kitti(const meta::Frame& frame);

    MetaSinkSettings settings_;
    bool shared_ = false;  ///< one file for all sources
    std::map<meta::SourceId, Open> files_;
    std::string text_;  ///< scratch
};

}  // namespace sluice::gst

namespace sluice {

template <>
inline constexpr auto enum_words<gst::MetaFormat> =
    std::to_array<std::pair<std::string_view, gst::MetaFormat>>(
        {{"jsonl", gst::MetaFormat::kJsonLines},
         {"mot", gst::MetaFormat::kMot},
         {"kitti", gst::MetaFormat::kKitti}});
template <>
inline constexpr auto enum_words<gst::MetaRows> =
    std::to_array<std::pair<std::string_view, gst::MetaRows>>(
        {{"tracks", gst::MetaRows::kTracks}, {"detections", gst::MetaRows::kDetections}});
template <>
inline constexpr auto enum_words<meta::BoxSpace> =
    std::to_array<std::pair<std::string_view, meta::BoxSpace>>(
        {{"source", meta::BoxSpace::kSource}, {"processing", meta::BoxSpace::kProcessing}});

template <>
inline constexpr auto fields<gst::MetaSinkSettings> = field_table(
    field("format", &gst::MetaSinkSettings::format, "jsonl, mot (MOT Challenge) or kitti"),
    field("location",
          &gst::MetaSinkSettings::location,
          "a file, a folder (one file per source), or a pattern with %u or %s for the source; "
          "empty: nothing is written"),
    field("rows",
          &gst::MetaSinkSettings::rows,
          "what mot and kitti files hold: tracks or detections"),
    field("box-space",
          &gst::MetaSinkSettings::box_space,
          "boxes in pixels of the source, or of the processing resolution"),
    field("source-names",
          &gst::MetaSinkSettings::source_names,
          "names of the sources, by number, with ';' between; empty: their numbers"));

}  // namespace sluice
