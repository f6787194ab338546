#pragma once

namespace sluice::cli {

// docs/use/run.md lists them for users.
inline constexpr int kExitDone = 0;
inline constexpr int kExitPartial = 1;  ///< finished, but a source or an output failed
inline constexpr int kExitUsage = 2;    ///< the command line or the configuration is wrong
inline constexpr int kExitNothing = 3;  ///< nothing could be run
inline constexpr int kExitRefused = 4;  ///< `sluice calibrate`: int8 loses more than it may
inline constexpr int kExitInterrupted = 130;

}  // namespace sluice::cli
