#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace sluice::cli {

/// Adds `sluice run` to the program; running it sets the exit code.
void add_run(CLI::App& program, int& exit_code);
/// The same for `sluice model`, `sluice build` and `sluice calibrate`.
void add_model(CLI::App& program, int& exit_code);
void add_build(CLI::App& program, int& exit_code);
void add_calibrate(CLI::App& program, int& exit_code);

/// Prints an error with the command's name before it.
void print_error(const std::string& command, const std::string& text);

}  // namespace sluice::cli
