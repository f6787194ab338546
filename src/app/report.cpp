#include "sluice/app/report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using nlohmann::ordered_json;

std::string thousands(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return digits;
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 10'000) return fmt::format("{} bytes", thousands(bytes));
    if (bytes < 10'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// Characters, not bytes.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// Columns as wide as they need; the first and those without a head to the left.
std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::string space(widths[i] - width_of(row[i]), ' ');
            bool left = i == 0 || i >= rows.front().size();
            line += fmt::format("  {}{}", left ? row[i] : space, left ? space : row[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string ms(Duration duration) {
    return fmt::format(
        "{:.{}f}", to_ms(duration), duration < std::chrono::milliseconds(10) ? 2 : 0);
}

std::uint64_t dropped(const SourceReport& source) {
    std::uint64_t all = 0;
    for (const auto& [why, count] : source.dropped)
        all += count;
    return all;
}

/// What is to say of a stream that was not read from one end to the other without a fault.
std::string remark(const SourceReport& source) {
    std::string out;
    bool short_of = source.duration > source.position + std::chrono::seconds(1);
    if (source.state == SourceState::kPartial && !short_of) {
        out = "PARTIAL: cut off";
    } else if (source.state == SourceState::kPartial) {
        out = fmt::format("PARTIAL: ended at {:.1f} of {:.1f} s",
                          to_seconds(source.position),
                          to_seconds(source.duration));
    } else if (source.state == SourceState::kFailed) {
        out = "FAILED";
    } else if (source.state != SourceState::kWhole) {
        out = to_string(source.state);
    }
    if (source.corrupt == 0) return out;
    return fmt::format(
        "{}{}{} frames damaged", out, out.empty() ? "" : ", ", thousands(source.corrupt));
}

std::vector<std::string> row(const std::string& name, const SourceReport& source) {
    return {name,
            thousands(source.frames),
            fmt::format("{:.1f}", source.fps),
            thousands(source.objects),
            thousands(source.tracks),
            thousands(dropped(source)),
            ms(source.latency.p50),
            ms(source.latency.p95),
            ms(source.latency.p99)};
}

std::string stream_table(const RunReport& report) {
    std::vector<std::vector<std::string>> rows{{"stream",
                                                "frames",
                                                "fps",
                                                "objects",
                                                "tracks",
                                                "dropped",
                                                "p50 ms",
                                                "p95 ms",
                                                "p99 ms",
                                                ""}};
    SourceReport all;
    all.state = SourceState::kWhole;
    std::uint64_t all_dropped = 0;
    for (const SourceReport& source : report.sources) {
        rows.push_back(row(source.name, source));
        rows.back().push_back(remark(source));
        all_dropped += dropped(source);
    }
    all.frames = report.frames;
    all.fps = report.fps;
    all.objects = report.objects;
    all.tracks = report.tracks;
    all.latency = report.latency;
    rows.push_back(row("all", all));
    rows.back()[5] = thousands(all_dropped);
    return table(rows);
}

std::string start_line(const RunReport& report) {
    if (report.frames == 0) return {};
    double last = 0;
    for (const SourceReport& source : report.sources)
        last = std::max(last, source.first_result_seconds);
    std::string out = fmt::format("  first result after {:.1f} s", report.first_result_seconds);
    if (report.sources.size() > 1) out += fmt::format(", the last stream's after {:.1f} s", last);
    return out + "\n";
}

std::string stage_table(const RunReport& report) {
    std::vector<std::vector<std::string>> rows{{"stage", "mean ms", "p50 ms", "p95 ms", "p99 ms"}};
    auto add = [&](const std::string& name, const LatencyFigures& latency) {
        rows.push_back({name, ms(latency.mean), ms(latency.p50), ms(latency.p95), ms(latency.p99)});
    };
    for (const NamedLatency& stage : report.stages)
        add(stage.name, stage.latency);
    for (const ModelReport& model : report.models) {
        for (const NamedLatency& stage : model.stages) {
            add(fmt::format("  {}", stage.name), stage.latency);
        }
    }
    return table(rows);
}

ordered_json to_json_value(const LatencyFigures& latency) {
    return {{"count", latency.count},
            {"mean_ms", to_ms(latency.mean)},
            {"p50_ms", to_ms(latency.p50)},
            {"p95_ms", to_ms(latency.p95)},
            {"p99_ms", to_ms(latency.p99)},
            {"max_ms", to_ms(latency.max)}};
}

ordered_json to_json_value(const std::vector<NamedLatency>& stages) {
    ordered_json out = ordered_json::object();
    for (const NamedLatency& stage : stages)
        out[stage.name] = to_json_value(stage.latency);
    return out;
}

ordered_json seconds_or_null(double seconds) {
    return seconds > 0 ? ordered_json(seconds) : ordered_json();
}

ordered_json to_json_value(const SourceReport& source) {
    ordered_json drops = ordered_json::object();
    for (const auto& [why, count] : source.dropped)
        drops[why] = count;
    ordered_json out{{"name", source.name},
                     {"uri", source.shown},
                     {"state", to_string(source.state)},
                     {"frames", source.frames},
                     {"inferred", source.inferred},
                     {"corrupt", source.corrupt},
                     {"first_result_seconds", seconds_or_null(source.first_result_seconds)},
                     {"fps", source.fps},
                     {"objects", source.objects},
                     {"tracks", source.tracks},
                     {"dropped", drops},
                     {"position_s", to_seconds(source.position)},
                     {"duration_s", to_seconds(source.duration)},
                     {"latency", to_json_value(source.latency)}};
    if (!source.error.empty()) out["error"] = source.error;
    return out;
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::kRunning:
            return "running";
        case Outcome::kWhole:
            return "whole";
        case Outcome::kPartial:
            return "partial";
        case Outcome::kNothing:
            break;
    }
    return "nothing";
}

std::string crossing_line(const char* way,
                          const std::string& where,
                          std::uint64_t frames,
                          std::uint64_t bytes) {
    if (frames == 0) return {};
    return fmt::format("  pixels copied: {}, {} in {} ({} frames)\n",
                       way,
                       size_text(bytes),
                       where,
                       thousands(frames));
}

}  // namespace

LatencyFigures figures(const metrics::HistogramSnapshot& latency) {
    return {latency.count,
            latency.mean(),
            latency.percentile(50),
            latency.percentile(95),
            latency.percentile(99),
            latency.max};
}

std::string_view to_string(SourceState state) {
    switch (state) {
        case SourceState::kRunning:
            return "running";
        case SourceState::kWhole:
            return "whole";
        case SourceState::kStopped:
            return "stopped";
        case SourceState::kPartial:
            return "partial";
        case SourceState::kFailed:
            break;
    }
    return "failed";
}

std::string to_table(const RunReport& report) {
    std::string out = fmt::format("{}\n{}\n", stream_table(report), stage_table(report));
    for (const ModelReport& model : report.models) {
        out += fmt::format("  model {}\n", model.file);
        if (!model.summary.empty()) out += fmt::format("    {}\n", model.summary);
        if (!model.engine.empty()) out += fmt::format("    {}\n", model.engine);
    }
    out += fmt::format("  {} batches in {:.1f} s, {:.0f} % full\n",
                       thousands(report.batches),
                       report.seconds,
                       report.batch_fill * 100);
    out += start_line(report);
    for (const CrossingReport& crossing : report.crossings) {
        out += crossing_line(
            "device to host", crossing.where, crossing.frames_to_host, crossing.bytes_to_host);
        out += crossing_line(
            "host to device", crossing.where, crossing.frames_to_device, crossing.bytes_to_device);
    }
    for (const OutputReport& output : report.outputs) {
        std::string files = output.files > 1 ? fmt::format("{} files, ", output.files) : "";
        std::string state;
        if (!output.error.empty()) state = fmt::format("  PARTIAL: {}", output.error);
        if (output.dropped > 0) state += fmt::format("  ({} dropped)", thousands(output.dropped));
        out += fmt::format(
            "  wrote {} ({}{}){}\n", output.path, files, size_text(output.bytes), state);
    }
    if (report.outcome == Outcome::kPartial) out += "  The results are partial.\n";
    return out;
}

std::string to_json(const RunReport& report) {
    ordered_json out{{"schema", "sluice.run/1"},
                     {"outcome", to_string(report.outcome)},
                     {"interrupted", report.interrupted},
                     {"frames", report.frames},
                     {"first_result_seconds", seconds_or_null(report.first_result_seconds)},
                     {"seconds", report.seconds},
                     {"fps", report.fps},
                     {"objects", report.objects},
                     {"tracks", report.tracks},
                     {"batches", report.batches},
                     {"batch_fill", report.batch_fill},
                     {"latency", to_json_value(report.latency)},
                     {"stages", to_json_value(report.stages)}};
    if (!report.error.empty()) out["error"] = report.error;
    out["sources"] = ordered_json::array();
    for (const SourceReport& source : report.sources)
        out["sources"].push_back(to_json_value(source));
    out["models"] = ordered_json::array();
    for (const ModelReport& model : report.models) {
        out["models"].push_back({{"file", model.file},
                                 {"summary", model.summary},
                                 {"engine", model.engine},
                                 {"stages", to_json_value(model.stages)}});
    }
    out["outputs"] = ordered_json::array();
    for (const OutputReport& output : report.outputs) {
        ordered_json one{{"kind", output.kind},
                         {"path", output.path},
                         {"files", output.files},
                         {"bytes", output.bytes},
                         {"dropped", output.dropped}};
        if (!output.error.empty()) one["error"] = output.error;
        out["outputs"].push_back(std::move(one));
    }
    out["crossings"] = ordered_json::array();
    for (const CrossingReport& crossing : report.crossings) {
        out["crossings"].push_back({{"where", crossing.where},
                                    {"frames_to_host", crossing.frames_to_host},
                                    {"bytes_to_host", crossing.bytes_to_host},
                                    {"frames_to_device", crossing.frames_to_device},
                                    {"bytes_to_device", crossing.bytes_to_device}});
    }
    return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::app
