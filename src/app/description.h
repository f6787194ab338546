#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/fields.h"
#include "sluice/config/value.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/mux/options.h"
#include "sluice/osd/options.h"

namespace sluice::app {

enum class Skip { kNone, kNonReference, kNonKey };
enum class Pace { kFast, kRealTime };
enum class DecoderKind { kAuto, kSoftware, kHardware };

/// What a user says of one source, or of all that one pattern names.
struct SourceOptions {
    std::string uri;
    std::string name;
    Skip skip = Skip::kNone;
    Pace pace = Pace::kFast;
    bool loop = false;
    Duration start_timeout = std::chrono::seconds(30);
    double image_fps = 25;
    DecoderKind decoder = DecoderKind::kAuto;
    std::string device;
};

struct SourceDescription {
    SourceOptions source;
    mux::SourceOptions mux;
};

/// Names of sluicetracker's properties; further parameters stand in `options`.
struct TrackerOptions {
    std::string tracker = "bytetrack";
    std::string ll_config_file;
    std::string options;
    std::vector<int> operate_on_class_ids;
};

enum class OutputKind { kVideo, kTracks, kDetections, kWindow };
enum class Layout { kAuto, kTiled, kPerSource };
enum class Encoder { kAuto, kX264, kOpenH264, kNvenc };
enum class MetaFileFormat { kAuto, kJsonLines, kMot, kKitti };
enum class WhenFull { kWait, kDropOldest };

struct OutputOptions {
    OutputKind kind = OutputKind::kVideo;
    std::string path;
    Layout layout = Layout::kAuto;
    int rows = 0;
    int columns = 0;
    int width = 1280;
    int height = 720;
    Encoder encoder = Encoder::kAuto;
    int bitrate = 0;
    MetaFileFormat format = MetaFileFormat::kAuto;
    int queue_size = 8;
    WhenFull when_full = WhenFull::kWait;
};

/// Everything that a run consists of.
struct PipelineDescription {
    std::vector<SourceDescription> sources;
    mux::MuxOptions mux;
    std::vector<gst::InferSettings> models;
    TrackerOptions tracker;
    osd::OsdOptions osd;
    std::vector<OutputOptions> outputs;
};

/// Reads a YAML file with the groups sources, mux, models, tracker, osd and outputs. What it reads
/// (sources, models) is relative to the file's folder, what it writes to the working folder.
Result<PipelineDescription> read_description(const std::string& path);
/// The same from memory; `name` stands for the file in errors, `folder` for its folder.
Result<PipelineDescription> parse_description(std::string_view text,
                                              const std::string& name,
                                              const std::string& folder);

/// "mux.batch-size=4": one option of a group over what is there. models and outputs mean all of
/// them; models.1 and outputs.0 mean one, counted from 0.
Result<void> apply_setting(PipelineDescription& description, std::string_view setting);

/// All of it as YAML that read_description() takes.
std::string to_yaml(const PipelineDescription& description);

inline bool has_tracker(const PipelineDescription& description) {
    return description.tracker.tracker != "none";
}

}  // namespace sluice::app

namespace sluice {

template <>
inline constexpr auto enum_words<app::Skip> =
    std::to_array<std::pair<std::string_view, app::Skip>>({
        {"none", app::Skip::kNone},
        {"non-reference", app::Skip::kNonReference},
        {"non-key", app::Skip::kNonKey},
    });
template <>
inline constexpr auto enum_words<app::Pace> =
    std::to_array<std::pair<std::string_view, app::Pace>>({
        {"fast", app::Pace::kFast},
        {"real-time", app::Pace::kRealTime},
    });
template <>
inline constexpr auto enum_words<app::DecoderKind> =
    std::to_array<std::pair<std::string_view, app::DecoderKind>>({
        {"auto", app::DecoderKind::kAuto},
        {"software", app::DecoderKind::kSoftware},
        {"hardware", app::DecoderKind::kHardware},
    });
template <>
inline constexpr auto enum_words<app::OutputKind> =
    std::to_array<std::pair<std::string_view, app::OutputKind>>({
        {"video", app::OutputKind::kVideo},
        {"tracks", app::OutputKind::kTracks},
        {"detections", app::OutputKind::kDetections},
        {"window", app::OutputKind::kWindow},
    });
template <>
inline constexpr auto enum_words<app::Layout> =
    std::to_array<std::pair<std::string_view, app::Layout>>({
        {"auto", app::Layout::kAuto},
        {"tiled", app::Layout::kTiled},
        {"per-source", app::Layout::kPerSource},
    });
template <>
inline constexpr auto enum_words<app::Encoder> =
    std::to_array<std::pair<std::string_view, app::Encoder>>({
        {"auto", app::Encoder::kAuto},
        {"x264", app::Encoder::kX264},
        {"openh264", app::Encoder::kOpenH264},
        {"nvenc", app::Encoder::kNvenc},
    });
template <>
inline constexpr auto enum_words<app::MetaFileFormat> =
    std::to_array<std::pair<std::string_view, app::MetaFileFormat>>({
        {"auto", app::MetaFileFormat::kAuto},
        {"jsonl", app::MetaFileFormat::kJsonLines},
        {"mot", app::MetaFileFormat::kMot},
        {"kitti", app::MetaFileFormat::kKitti},
    });
template <>
inline constexpr auto enum_words<app::WhenFull> =
    std::to_array<std::pair<std::string_view, app::WhenFull>>({
        {"wait", app::WhenFull::kWait},
        {"drop-oldest", app::WhenFull::kDropOldest},
    });

template <>
inline constexpr auto fields<app::SourceOptions> = field_table(
    field(
        "uri",
        &app::SourceOptions::uri,
        "a file, a pattern (*.mp4), a folder, a URI, camera:0, /dev/video0, or test:ball?frames=9"),
    field("name", &app::SourceOptions::name, "how outputs call it; empty: by its file"),
    field("skip",
          &app::SourceOptions::skip,
          "frames that are not even decoded: none, non-reference or non-key"),
    field("pace",
          &app::SourceOptions::pace,
          "a recording is read as fast as it goes, or in real-time"),
    field("loop", &app::SourceOptions::loop, "a file begins anew at its end"),
    field("start-timeout",
          &app::SourceOptions::start_timeout,
          range(0.1, 86'400.0),
          "seconds within which its video has to begin; else it has failed"),
    field("image-fps",
          &app::SourceOptions::image_fps,
          range(0.001, 1000.0),
          "frames a second that the images of a folder stand for"),
    field("decoder",
          &app::SourceOptions::decoder,
          "auto (the device's where the first model runs on one), software or hardware"),
    field(
        "device",
        &app::SourceOptions::device,
        "which of the first model's devices it goes to, where there are several; empty: they take "
        "turns"));

template <>
inline constexpr auto fields<app::TrackerOptions> = field_table(
    field("tracker", &app::TrackerOptions::tracker, "iou, sort, bytetrack, ocsort or none"),
    field("ll-config-file",
          &app::TrackerOptions::ll_config_file,
          "YAML with the tracker's parameters: ours, or DeepStream's groups"),
    field("options",
          &app::TrackerOptions::options,
          "the tracker's parameters as key=value;key=value; they override the file"),
    field("operate-on-class-ids",
          &app::TrackerOptions::operate_on_class_ids,
          "classes that are followed, e.g. 0;2; empty: all"));

template <>
inline constexpr auto fields<app::OutputOptions> = field_table(
    field("kind", &app::OutputOptions::kind, "video, tracks, detections or window"),
    field("path",
          &app::OutputOptions::path,
          "a file or folder; %s (name) or %u (number) makes one file per source"),
    field("layout",
          &app::OutputOptions::layout,
          "a picture of all sources (tiled), one each (per-source), or auto: by path and number"),
    field("rows", &app::OutputOptions::rows, range(0, 64), "rows of tiles; 0: chosen"),
    field("columns", &app::OutputOptions::columns, range(0, 64), "columns of tiles; 0: chosen"),
    field("width", &app::OutputOptions::width, range(16, 16'384), "of a tiled picture, pixels"),
    field("height", &app::OutputOptions::height, range(16, 16'384), "of a tiled picture, pixels"),
    field("encoder",
          &app::OutputOptions::encoder,
          "auto (nvenc for frames of a device, else x264, where present), x264, openh264 or nvenc"),
    field("bitrate",
          &app::OutputOptions::bitrate,
          range(0, 1'000'000),
          "of a video in kbit/s; 0: as much as good quality takes"),
    field("format",
          &app::OutputOptions::format,
          "of metadata files: jsonl, mot, kitti; auto: by the path's ending"),
    field("queue-size",
          &app::OutputOptions::queue_size,
          range(1, 1000),
          "frames or batches that may wait for a slow output"),
    field("when-full",
          &app::OutputOptions::when_full,
          "what a full queue does: wait (slows the run down) or drop-oldest"));

}  // namespace sluice
