#pragma once

namespace sluice::cli {

// Exit codes of `sluice eval`.
inline constexpr int kEvalDone = 0;
inline constexpr int kEvalBadInput = 2;  ///< usage, or a file that cannot be used

/// `sluice eval mot|detections ..`; argv[0] is the word "eval". Writes to standard output, errors
/// to standard error. Gives the exit code.
int run_eval(int argc, char** argv);

}  // namespace sluice::cli
