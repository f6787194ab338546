#pragma once

#include <string>
#include <vector>

#include "sluice/app/report.h"
#include "sluice/base/clock.h"

namespace sluice::cli {

/// Shows on standard error how a run goes: on a terminal a block that is drawn anew, elsewhere a
/// line every few seconds. Needs no cleaning up but clear().
class Display {
public:
    enum class Mode { kQuiet, kLines, kBlock };
    static Mode mode_for_stderr();

    explicit Display(Mode mode) : mode_(mode) {}
    ~Display() { clear(); }
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;

    /// Is it time to show something?
    bool due(TimePoint now) const { return mode_ != Mode::kQuiet && now >= next_; }
    void show(const app::RunReport& report, TimePoint now);
    /// A text that stays, above the block.
    void say(const std::string& text);
    /// Takes the block away.
    void clear();

private:
    std::vector<std::string> block(const app::RunReport& report) const;
    void measure(const app::RunReport& report, TimePoint now);

    Mode mode_;
    TimePoint next_{};
    TimePoint measured_{};
    std::vector<std::uint64_t> frames_;  ///< at the measurement before
    std::vector<double> rates_;          ///< frames a second since then
    double rate_ = 0;
    int drawn_ = 0;  ///< lines of the block on the screen
};

}  // namespace sluice::cli
