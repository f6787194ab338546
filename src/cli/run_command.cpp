#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/app/explain.h"
#include "sluice/app/pipeline.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/display.h"
#include "sluice/cli/exit_codes.h"

namespace sluice::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  sluice run --model yolox_nano.onnx --source a.mp4 --tracker bytetrack --output out.mp4\n"
    "  sluice run --model m.onnx --source 'clips/*.mp4' --output 'out/%s.mp4' --tracks out/\n"
    "  sluice run --model m.onnx --source images/ --tracker none --detections out.jsonl\n"
    "  sluice run --model m.onnx --source camera:0 --window\n"
    "  sluice run --model m.onnx --source 'test:ball?fps=25&frames=100' --json\n"
    "  sluice run pipeline.yaml --set mux.batch-size=4 --set models.interval=2\n"
    "Sources: a file, a pattern in quotes, a folder (its videos; its images are one stream), a "
    "URI\n"
    "(rtsp://, http://, file://), camera:0 or /dev/video0, test:PATTERN?width=..&height=..&fps=..\n"
    "Ctrl-C ends the streams and finishes the files; a second one leaves at once.\n"
    "Exit codes: 0 all well; 1 partial; 2 wrong options; 3 nothing could be run; 130 interrupted.";

struct RunArguments {
    std::string config;
    std::vector<std::string> models;
    std::vector<std::string> sources;
    std::string tracker;
    std::vector<std::string> videos;
    std::string tracks;
    std::string detections;
    bool window = false;
    std::vector<std::string> settings;
    std::string interval;
    std::string batch_size;
    std::string precision;
    std::uint64_t frames = 0;
    double seconds = 0;
    bool json = false;
    bool quiet = false;
    bool explain = false;
};

std::atomic<int> interrupts{0};

void on_signal(int) {
    // The second one does not wait for anything.
    if (interrupts.fetch_add(1) > 0) std::_Exit(kExitInterrupted);
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

app::OutputOptions output(app::OutputKind kind, const std::string& path) {
    app::OutputOptions options;
    options.kind = kind;
    options.path = path;
    return options;
}

/// What the flags say, over what the file says.
Result<app::PipelineDescription> describe(const RunArguments& arguments) {
    app::PipelineDescription description;
    if (!arguments.config.empty()) {
        description = SLUICE_TRY(app::read_description(arguments.config));
    }
    if (!arguments.sources.empty()) description.sources.clear();
    for (const std::string& source : arguments.sources) {
        description.sources.push_back({});
        description.sources.back().source.uri = source;
    }
    if (!arguments.models.empty()) description.models.clear();
    for (const std::string& model : arguments.models) {
        description.models.push_back({});
        description.models.back().model = model;
        description.models.back().unique_id = static_cast<int>(description.models.size());
    }
    if (!arguments.tracker.empty()) description.tracker.tracker = arguments.tracker;
    for (const std::string& path : arguments.videos)
        description.outputs.push_back(output(app::OutputKind::kVideo, path));
    if (!arguments.tracks.empty())
        description.outputs.push_back(output(app::OutputKind::kTracks, arguments.tracks));
    if (!arguments.detections.empty())
        description.outputs.push_back(output(app::OutputKind::kDetections, arguments.detections));
    if (arguments.window) description.outputs.push_back(output(app::OutputKind::kWindow, ""));
    auto set = [&](const char* option, const std::string& value) -> Result<void> {
        if (value.empty()) return {};
        return app::apply_setting(description, fmt::format("models.{}={}", option, value));
    };
    SLUICE_TRY(set("interval", arguments.interval));
    SLUICE_TRY(set("precision", arguments.precision));
    SLUICE_TRY(set("batch-size", arguments.batch_size));
    if (!arguments.batch_size.empty())
        SLUICE_TRY(app::apply_setting(description, "mux.batch-size=" + arguments.batch_size));
    for (const std::string& setting : arguments.settings)
        SLUICE_TRY(app::apply_setting(description, setting));
    return description;
}

/// GStreamer's last resort without a display, DirectFB, crashes.
Result<void> check_display(const app::PipelineDescription& description) {
    bool display = std::getenv("DISPLAY") || std::getenv("WAYLAND_DISPLAY");
    for (const app::OutputOptions& options : description.outputs) {
        if (options.kind != app::OutputKind::kWindow || display) continue;
        return invalid_argument("no window: neither DISPLAY nor WAYLAND_DISPLAY is set");
    }
    return {};
}

void print_comment(const std::string& lines) {
    for (std::size_t begin = 0; begin < lines.size();) {
        std::size_t end = lines.find('\n', begin);
        fmt::print("# {}\n", lines.substr(begin, end - begin));
        begin = end + 1;
    }
}

/// As of a run that ends after a frame of each source.
int exit_code_of(const std::vector<app::PixelPath>& paths) {
    const auto failed = std::count_if(paths.begin(), paths.end(), [](const app::PixelPath& path) {
        return !path.decoding.error.empty();
    });
    if (failed == 0) return kExitDone;
    return failed == std::ssize(paths) ? kExitNothing : kExitPartial;
}

Result<int> explain(const app::PipelineDescription& description,
                    const std::vector<app::Source>& sources,
                    const app::Pipeline& pipeline,
                    bool json) {
    std::vector<app::PixelPath> paths = SLUICE_TRY(app::explain_pixels(description, sources));
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const std::string& error = paths[i].decoding.error;
        if (!error.empty()) print_error("run", fmt::format("{}: {}", sources[i].shown, error));
    }
    if (json) {
        std::fputs(to_json(paths).c_str(), stdout);
        return exit_code_of(paths);
    }
    fmt::print("# {} source{}\n", sources.size(), sources.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < sources.size(); ++i) {
        std::string images =
            sources[i].images.empty() ? "" : fmt::format(" ({} images)", sources[i].images.size());
        fmt::print("#   {} {}: {}{}\n", i, sources[i].name, sources[i].shown, images);
    }
    print_comment(pipeline.outline());
    print_comment(to_text(paths));
    std::fputs(to_yaml(description).c_str(), stdout);
    return exit_code_of(paths);
}

int exit_code_of(const app::RunReport& report) {
    if (report.interrupted) return kExitInterrupted;
    if (report.outcome == app::Outcome::kNothing) return kExitNothing;
    return report.outcome == app::Outcome::kWhole ? kExitDone : kExitPartial;
}

void follow(app::Pipeline& pipeline, Display& display, double seconds) {
    TimePoint begin = now();
    bool stopped = false;
    while (pipeline.poll(std::chrono::milliseconds(50))) {
        for (const std::string& notice : pipeline.take_notices())
            display.say("sluice run: " + notice);
        TimePoint time = now();
        if (display.due(time)) display.show(pipeline.report(), time);
        bool interrupted = interrupts > 0;
        bool late = seconds > 0 && to_seconds(time - begin) > seconds;
        if (!stopped && (interrupted || late)) {
            if (interrupted) display.say("sluice run: ending the streams; Ctrl-C again to abort");
            pipeline.stop(interrupted);
            stopped = true;
        }
    }
    for (const std::string& notice : pipeline.take_notices())
        display.say("sluice run: " + notice);
    display.clear();
}

Result<int> run(const RunArguments& arguments) {
    app::PipelineDescription description = SLUICE_TRY(describe(arguments));
    std::vector<app::Source> sources = SLUICE_TRY(app::expand_sources(description.sources));
    SLUICE_TRY(app::initialise());
    auto pipeline = SLUICE_TRY(app::Pipeline::create(description, sources, {arguments.frames}));
    SLUICE_TRY(check_display(description));
    if (arguments.explain) return explain(description, sources, *pipeline, arguments.json);
    catch_signals();
    Display display(arguments.quiet ? Display::Mode::kQuiet : Display::mode_for_stderr());
    if (!arguments.quiet) display.say("loading and compiling the model ...");
    SLUICE_TRY(pipeline->start());
    follow(*pipeline, display, arguments.seconds);
    app::RunReport report = pipeline->report();
    if (!report.error.empty()) print_error("run", report.error);
    if (arguments.json) {
        std::fputs(to_json(report).c_str(), stdout);
    } else if (!arguments.quiet) {
        std::fputs(to_table(report).c_str(), stdout);
    }
    return exit_code_of(report);
}

void add_options(CLI::App& command, RunArguments& arguments) {
    command.add_option("CONFIG", arguments.config, "a YAML file; options below override it");
    command.add_option("--model", arguments.models, "the network (ONNX, ...); may be repeated");
    command.add_option("--source", arguments.sources, "a stream, see below; may be repeated");
    command.add_option(
        "--tracker", arguments.tracker, "bytetrack (default), sort, ocsort, iou, none");
    command.add_option("--output",
                       arguments.videos,
                       "annotated video (.mp4, .mkv): tiled, or one per stream with %s or %u");
    command.add_option("--tracks",
                       arguments.tracks,
                       "tracks as MOT Challenge files in a folder, or a .jsonl file");
    command.add_option("--detections", arguments.detections, "all metadata as JSON Lines");
    command.add_flag("--window", arguments.window, "show the annotated video");
    command.add_option("--interval", arguments.interval, "batches to skip between two inferences");
    command.add_option("--batch-size", arguments.batch_size, "frames in a batch and in a request");
    command.add_option("--precision", arguments.precision, "auto, fp32, bf16, fp16, int8");
    command.add_option(
        "--set", arguments.settings, "GROUP.OPTION=VALUE over the configuration; may be repeated");
    command.add_option("--frames", arguments.frames, "end each stream after so many frames");
    command.add_option("--seconds", arguments.seconds, "end after so many seconds");
    command.add_flag("--json", arguments.json, "the summary (or --explain's paths) as JSON");
    command.add_flag("--quiet", arguments.quiet, "no progress, no tables");
    command.add_flag(
        "--explain",
        arguments.explain,
        "print the pipeline, where each source's pixels go, and the whole configuration, and stop");
    // An option takes the one word after it, however often it may be repeated.
    for (CLI::Option* option : command.get_options())
        option->allow_extra_args(false);
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
    CLI::App* command = program.add_subcommand("run", "Run streams through detect, track and draw");
    auto arguments = std::make_shared<RunArguments>();
    add_options(*command, *arguments);
    command->footer(kExamples);
    command->callback([arguments, &exit_code] {
        auto code = run(*arguments);
        if (!code) print_error("run", code.error().text());
        exit_code = code ? *code : kExitUsage;
    });
}

}  // namespace sluice::cli
