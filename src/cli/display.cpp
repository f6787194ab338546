#include "sluice/cli/display.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

constexpr Duration kRedraw = std::chrono::milliseconds(250);
constexpr Duration kPlainLine = std::chrono::seconds(5);
constexpr Duration kRateWindow = std::chrono::seconds(1);

struct Screen {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

Screen screen_size() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
    return {size.ws_col, std::max<std::size_t>(size.ws_row, 8)};
}

/// At most so many characters (not bytes).
std::string cut(const std::string& text, std::size_t width) {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((text[i] & 0xC0) != 0x80 && seen++ == width) return text.substr(0, i);
    }
    return text;
}

std::string bar(double part, std::size_t width) {
    auto full = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(width));
    return fmt::format("[{:#<{}}{:.<{}}]", "", full, "", width - full);
}

std::string clock_text(double seconds) {
    auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

double part_done(const app::SourceReport& source) {
    if (source.state != app::SourceState::kRunning) return 1;
    double whole = to_seconds(source.duration);
    return whole > 0 ? to_seconds(source.position) / whole : 0;
}

/// How far a recording is, and how long it will take at this rate.
std::string progress(const app::SourceReport& source) {
    if (source.state != app::SourceState::kRunning) return std::string(to_string(source.state));
    if (source.duration <= Duration{}) return source.live ? "live" : "";
    double part = part_done(source);
    std::string left;
    if (source.fps > 0 && source.frames > 10 && part > 0 && part < 1) {
        double elapsed = static_cast<double>(source.frames) / source.fps;
        left = fmt::format("{} left", clock_text(elapsed * (1 - part) / part));
    }
    return fmt::format("{} {:3.0f} %  {}", bar(part, 16), part * 100, left);
}

std::uint64_t dropped(const app::SourceReport& source) {
    return std::accumulate(source.dropped.begin(),
                           source.dropped.end(),
                           std::uint64_t{0},
                           [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

std::size_t name_width(const app::RunReport& report) {
    std::size_t width = 6;
    for (const app::SourceReport& source : report.sources)
        width = std::max(width, source.name.size());
    return std::min<std::size_t>(width, 24);
}

}  // namespace

Display::Mode Display::mode_for_stderr() {
    return isatty(STDERR_FILENO) ? Mode::kBlock : Mode::kLines;
}

void Display::measure(const app::RunReport& report, TimePoint now) {
    frames_.resize(report.sources.size());
    rates_.resize(report.sources.size());
    if (measured_ != TimePoint() && now - measured_ < kRateWindow) return;
    double seconds = measured_ == TimePoint() ? 0 : to_seconds(now - measured_);
    rate_ = 0;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        std::uint64_t frames = report.sources[i].frames;
        if (seconds > 0) rates_[i] = static_cast<double>(frames - frames_[i]) / seconds;
        frames_[i] = frames;
        rate_ += rates_[i];
    }
    measured_ = now;
}

std::vector<std::string> Display::block(const app::RunReport& report) const {
    std::size_t width = name_width(report);
    Screen screen = screen_size();
    std::vector<std::string> lines;
    lines.push_back(fmt::format("  {:<{}}  {:>7}  {:>8}  {:>5}  {:>7}  {:>8}  {:>6}",
                                "stream",
                                width,
                                "fps",
                                "frames",
                                "queue",
                                "dropped",
                                "objects",
                                "tracks"));
    std::size_t shown = std::min(report.sources.size(), screen.rows - 5);
    for (std::size_t i = 0; i < shown; ++i) {
        const app::SourceReport& source = report.sources[i];
        lines.push_back(fmt::format("  {:<{}}  {:7.1f}  {:8}  {:5}  {:7}  {:8}  {:6}  {}",
                                    cut(source.name, width),
                                    width,
                                    rates_[i],
                                    source.frames,
                                    source.queued,
                                    dropped(source),
                                    source.objects,
                                    source.tracks,
                                    progress(source)));
    }
    if (shown < report.sources.size()) {
        lines.push_back(fmt::format("  and {} more", report.sources.size() - shown));
    }
    lines.push_back(fmt::format("  {:<{}}  {:7.1f}  {:8}  latency p50 {:.0f} ms, p95 {:.0f} ms",
                                "all",
                                width,
                                rate_,
                                report.frames,
                                to_ms(report.latency.p50),
                                to_ms(report.latency.p95)));
    for (std::string& line : lines)
        line = cut(line, screen.columns - 1);
    return lines;
}

void Display::show(const app::RunReport& report, TimePoint now) {
    bool first = measured_ == TimePoint();
    measure(report, now);
    next_ = now + (mode_ == Mode::kBlock ? kRedraw : kPlainLine);
    if (mode_ == Mode::kLines) {
        if (first) return;
        double done = 0;
        for (const app::SourceReport& source : report.sources)
            done += part_done(source) / static_cast<double>(report.sources.size());
        std::string percent = done > 0 ? fmt::format(", {:.0f} %", done * 100) : "";
        fmt::print(stderr,
                   "{} frames, {:.1f} fps, latency p50 {:.0f} ms, p95 {:.0f} ms{}\n",
                   report.frames,
                   rate_,
                   to_ms(report.latency.p50),
                   to_ms(report.latency.p95),
                   percent);
        return;
    }
    std::string out;
    auto lines = block(report);
    if (drawn_ > 0) out += fmt::format("\x1b[{}A", drawn_);
    for (const std::string& line : lines)
        out += fmt::format("\r\x1b[2K{}\n", line);
    out += "\x1b[J";
    drawn_ = static_cast<int>(lines.size());
    std::fputs(out.c_str(), stderr);
}

void Display::say(const std::string& text) {
    clear();
    fmt::print(stderr, "{}\n", text);
}

void Display::clear() {
    if (drawn_ > 0) fmt::print(stderr, "\x1b[{}A\r\x1b[J", drawn_);
    drawn_ = 0;
}

}  // namespace sluice::cli
