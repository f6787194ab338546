#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/eval_command.h"
#include "sluice/cli/exit_codes.h"

namespace sluice::cli {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  sluice run --model yolox_nano.onnx --source a.mp4 --source 'rtsp://camera/1' \\\n"
    "      --tracker bytetrack --output out.mp4 --tracks out/\n"
    "  sluice run pipeline.yaml\n"
    "  sluice model yolox_nano.onnx\n"
    "  sluice build yolox_nano.onnx --batch 1,8,32\n"
    "  sluice calibrate yolox_nano.onnx --images frames/\n"
    "  sluice eval mot gt.txt out/a.txt\n"
    "`sluice COMMAND --help` tells more.\n"
    "Exit codes: 0 all well; 1 finished, but partial (a source or an output failed); 2 wrong\n"
    "command line or configuration; 3 nothing could be run; 4 refused (calibrate); 130 "
    "interrupted,\n"
    "files finished.";

/// The command that the words are for.
const CLI::App& command_of(const CLI::App& program) {
    for (const CLI::App* command : program.get_subcommands())
        return *command;
    return program;
}

std::vector<std::string> option_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames())
            names.push_back(fmt::format("--{}", name));
    }
    return names;
}

/// "no option '--modle'; did you mean '--model'?"
void explain_extras(const CLI::App& program) {
    const CLI::App& command = command_of(program);
    std::vector<std::string> names = option_names(command);
    std::vector<std::string_view> known(names.begin(), names.end());
    for (const std::string& word : command.remaining(true)) {
        if (word.starts_with("-")) {
            std::string name = word.substr(0, word.find('='));
            print_error(command.get_name(), unknown_name("option", name, known));
        } else {
            print_error(command.get_name(), fmt::format("what is '{}' here?", word));
        }
        return;
    }
}

int report_parse_error(CLI::App& program, const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
        explain_extras(program);
    } else {
        print_error(command_of(program).get_name(), error.what());
    }
    fmt::print(stderr, "`sluice --help` and `sluice COMMAND --help` show what there is.\n");
    return kExitUsage;
}

int run_program(int argc, char** argv) {
    CLI::App program("Video streams in; boxes, tracks and annotated video out", "sluice");
    program.set_version_flag("--version", "sluice " SLUICE_VERSION);
    program.require_subcommand(1);
    program.footer(kFooter);
    int exit_code = kExitDone;
    add_run(program, exit_code);
    add_model(program, exit_code);
    add_build(program, exit_code);
    add_calibrate(program, exit_code);
    program.add_subcommand("eval", "Score tracks or detections against ground truth");
    constexpr std::string_view kKnown[] = {"run", "model", "build", "calibrate", "eval"};
    bool command = argc > 1 && argv[1][0] != '-';
    if (command && std::find(std::begin(kKnown), std::end(kKnown), argv[1]) == std::end(kKnown)) {
        print_error("", unknown_name("command", argv[1], kKnown));
        return kExitUsage;
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return report_parse_error(program, error);
    }
    return exit_code;
}

}  // namespace

void print_error(const std::string& command, const std::string& text) {
    bool of_program = command == "sluice" || command.empty();
    fmt::print(stderr, "sluice{}{}: {}\n", of_program ? "" : " ", of_program ? "" : command, text);
}

}  // namespace sluice::cli

int main(int argc, char** argv) {
    using namespace sluice::cli;
    if (argc > 1 && std::string_view(argv[1]) == "eval") return run_eval(argc - 1, argv + 1);
    return run_program(argc, argv);
}
