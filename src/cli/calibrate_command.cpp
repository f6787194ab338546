#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/app/pipeline.h"
#include "sluice/base/clock.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/exit_codes.h"
#include "sluice/tuner/calibrate.h"

namespace sluice::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  sluice calibrate yolox_nano.onnx --images frames/\n"
    "  sluice calibrate yolox_nano.onnx --source day.mp4 --source night.mp4 --report int8.html\n"
    "  sluice calibrate yolox_nano.onnx --images val/images --labels val/labels --floor 0.003\n"
    "  sluice calibrate yolox_nano.onnx --check yolox_nano.onnx.calibration --images other/\n"
    "The calibration, MODEL.calibration unless --output says otherwise, is what `--precision "
    "int8`\n"
    "and `auto` then use by themselves. Ctrl-C keeps what was measured: the same command goes on.\n"
    "Exit codes: 0 int8 passes (or --force); 2 wrong command line or input; 4 refused: int8 loses\n"
    "more than the floor, and nothing was written; 130 interrupted.";

struct CalibrateArguments {
    tuner::CalibrateOptions options;
    std::vector<std::string> images;
    std::vector<std::string> sources;
    double seconds = 1;
    std::string check;
    std::string report;
    bool json = false;
    bool quiet = false;
};

std::atomic<int> interrupts{0};

void on_signal(int) {
    if (interrupts.fetch_add(1) > 0) std::_Exit(kExitInterrupted);
}

/// One line on a terminal, drawn anew; elsewhere a line for each kind of work.
class ProgressLine final : public tuner::Progress {
public:
    explicit ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}
    ~ProgressLine() override { clear(); }

    Result<void> step(const std::string& what, int done, int total) override {
        if (interrupts > 0) return Error{ErrorCode::kUnavailable, "interrupted", {}};
        if (quiet_) return {};
        const TimePoint time = now();
        const bool other = what != what_;
        if (other) begun_ = time;
        what_ = what;
        if (!terminal_) {
            if (other) fmt::print(stderr, "sluice calibrate: {}\n", what);
            return {};
        }
        if (!other && time - drawn_ < std::chrono::milliseconds(100)) return {};
        drawn_ = time;
        std::string line = what;
        if (total > 1) line += fmt::format(" {}/{}", done, total);
        if (total > 1 && done > 1) {
            const double left = to_seconds(time - begun_) / done * (total - done);
            if (left >= 1) line += fmt::format(", {:.0f} s left", left);
        }
        fmt::print(stderr, "\r\x1b[2K{}", line);
        shown_ = true;
        return {};
    }
    void clear() {
        if (shown_) fmt::print(stderr, "\r\x1b[2K");
        shown_ = false;
    }

private:
    bool quiet_;
    bool terminal_;
    bool shown_ = false;
    std::string what_;
    TimePoint begun_{};
    TimePoint drawn_{};
};

/// Before work that takes minutes, for a file that is written at its end.
Result<void> check_writable(const std::string& path) {
    namespace fs = std::filesystem;
    const fs::path folder = fs::path(path).parent_path();
    std::error_code ignored;
    const bool there = fs::is_directory(folder.empty() ? "." : folder, ignored);
    const bool may = access(folder.empty() ? "." : folder.c_str(), W_OK) == 0;
    if (there && may && !fs::is_directory(path, ignored)) return {};
    return io_error(there ? "no file can be written there" : "there is no such folder", path);
}

Result<void> write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) return io_error("cannot write this report", path);
    return {};
}

/// `notes`: those that the table would have had.
void print_verdict(const tuner::CalibrationReport& report, bool notes) {
    for (std::size_t i = 0; notes && i < report.warnings.size(); ++i)
        print_error("calibrate", report.warnings[i]);
    if (report.verdict == tuner::Verdict::kRefused)
        print_error("calibrate",
                    report.check ? "int8 does not pass here"
                                 : "refused: nothing was written (--force would)");
    if (report.verdict == tuner::Verdict::kForced)
        print_error("calibrate", "below the floor, and written all the same (--force)");
    for (const std::string& reason : report.reasons)
        fmt::print(stderr, "  {}\n", reason);
}

Result<int> calibrate(CalibrateArguments& arguments) {
    tuner::CalibrateOptions& options = arguments.options;
    options.pictures = arguments.images;
    options.pictures.insert(
        options.pictures.end(), arguments.sources.begin(), arguments.sources.end());
    if (options.pictures.empty())
        return invalid_argument(
            "no pictures: give --images DIR or --source URI of what the model "
            "is for");
    options.turn =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arguments.seconds));
    for (const std::string& path : {arguments.report, options.tensorrt_cache}) {
        if (!path.empty()) SLUICE_TRY(check_writable(path));
    }
    SLUICE_TRY(app::initialise());
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    ProgressLine progress(arguments.quiet);
    auto report = arguments.check.empty()
                      ? tuner::calibrate(options, progress)
                      : tuner::check_calibration(options, arguments.check, progress);
    progress.clear();
    if (!report && interrupts > 0) {
        print_error("calibrate", "interrupted; the same command goes on where this one was");
        return kExitInterrupted;
    }
    if (!report) return std::move(report).error();
    const std::string text = arguments.json    ? tuner::to_json(*report)
                             : arguments.quiet ? std::string()
                                               : tuner::to_table(*report);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    print_verdict(*report, arguments.quiet && !arguments.json);
    if (!report->written.empty() && !arguments.quiet)
        fmt::print(stderr, "sluice calibrate: wrote {}\n", report->written);
    if (!arguments.report.empty())
        SLUICE_TRY(write_file(arguments.report, tuner::to_html(*report)));
    return report->verdict == tuner::Verdict::kRefused ? kExitRefused : kExitDone;
}

void add_options(CLI::App& command, CalibrateArguments& arguments) {
    tuner::CalibrateOptions& options = arguments.options;
    command.add_option("MODEL", options.model.model, "ONNX, OpenVINO IR, TFLite, ...")->required();
    command.add_option("--config",
                       options.model.config_file_path,
                       "its description; default: the YAML file beside the model");
    command.add_option("--images", arguments.images, "a folder or pattern; may be repeated");
    command.add_option(
        "--source", arguments.sources, "a video or camera, as of `sluice run`; may be repeated");
    command.add_option("--frames", options.frames, "most pictures of each of them, evenly spread")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    command
        .add_option("--floor",
                    options.floor,
                    "most loss: of mAP 0.005 with labels; else against fp32 of F1 0.1, of top-1 or "
                    "cosine 0.01")
        ->check(CLI::Range(0.0, 1.0));
    command.add_option("--labels", options.labels, "a folder of YOLO label files of the images");
    command.add_option("--device", options.model.engine.device, "auto, cpu, cuda or cuda:N")
        ->capture_default_str();
    command.add_option("--output", options.output, "the calibration; default: MODEL.calibration");
    command.add_option("--tensorrt-cache", options.tensorrt_cache, "write TensorRT's form as well");
    command.add_option(
        "--check", arguments.check, "measure this calibration, or TensorRT cache; writes none");
    command.add_option("--report", arguments.report, "an HTML page of all that was found");
    command.add_option("--seconds", arguments.seconds, "of each of three measurements of speed")
        ->check(CLI::Range(0.01, 600.0))
        ->capture_default_str();
    command
        .add_option("--batch",
                    options.batch,
                    "images at once where speed is measured; default: 16 on a GPU, 1 on a CPU")
        ->check(CLI::Range(1, 1024));
    command.add_flag("--force", options.force, "write the calibration also below the floor");
    command.add_flag("--json", arguments.json, "JSON instead of text");
    command.add_flag("--quiet", arguments.quiet, "no progress, no table");
    for (CLI::Option* option : command.get_options())
        option->allow_extra_args(false);
}

}  // namespace

void add_calibrate(CLI::App& program, int& exit_code) {
    CLI::App* command = program.add_subcommand(
        "calibrate", "Learn INT8 ranges from pictures, and measure what INT8 loses and gains");
    auto arguments = std::make_shared<CalibrateArguments>();
    add_options(*command, *arguments);
    command->footer(kExamples);
    command->callback([arguments, &exit_code] {
        auto code = calibrate(*arguments);
        if (!code) print_error("calibrate", code.error().text());
        exit_code = code ? *code : kExitUsage;
    });
}

}  // namespace sluice::cli
