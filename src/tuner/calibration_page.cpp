#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/tuner/calibration_report.h"

// The page needs nothing but itself: plots are SVG, pictures are JPEG as base64. Colours are told
// apart without seeing red and green, and follow the reader's light or dark theme.

namespace sluice::tuner {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #666; --line: #d5d5d5; --back: #fff;
        --a: #0b62a8; --b: #d1690e; --ok: #0b62a8; --no: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --soft: #aaa; --line: #444;
        --back: #161616; --a: #6cb4f0; --b: #ffa657; --ok: #6cb4f0; --no: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { font-size: 1.1rem; border-left: 4px solid var(--ok); padding: .2rem .8rem; }
.verdict.refused { border-color: var(--no); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { overflow-wrap: anywhere; }
.soft { color: var(--soft); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
svg { max-width: 100%; height: auto; }
.pair { display: flex; flex-wrap: wrap; gap: 1rem; } .pair svg { flex: 1 1 20rem; }
details summary { cursor: pointer; }
)";

std::string escape(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t word = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k)
            word = word << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string verdict(const CalibrationReport& report) {
    std::string words = report.verdict == Verdict::kPassed   ? "INT8 passes"
                        : report.verdict == Verdict::kForced ? "INT8 does not pass, and was forced"
                                                             : "INT8 is refused";
    std::string out = fmt::format("<p class=\"verdict{}\"><b>{}</b>: it {}. {}</p>\n",
                                  report.verdict == Verdict::kPassed ? "" : " refused",
                                  words,
                                  escape(loss_sentence(report)),
                                  escape(speed_sentence(report)));
    if (report.domain) out += fmt::format("<p>{}</p>\n", escape(domain_sentence(*report.domain)));
    if (report.reasons.empty() && report.warnings.empty()) return out;
    out += "<ul>\n";
    for (const std::string& reason : report.reasons)
        out += fmt::format("<li>{}</li>\n", escape(reason));
    for (const std::string& warning : report.warnings)
        out += fmt::format("<li>{}</li>\n", escape(warning));
    return out + "</ul>\n";
}

std::string facts(const CalibrationReport& report) {
    std::string out = "<table>\n";
    auto row = [&](const char* name, const std::string& value) {
        out += fmt::format("<tr><th>{}</th><td class=\"name\">{}</td></tr>\n", name, escape(value));
    };
    row("model", report.model);
    row("taken for", report.head);
    row("device", report.device);
    row("pictures", fmt::format("{} of {}", report.image_count, report.images));
    if (report.check) row("calibrated on", report.calibrated_on);
    row("judged",
        report.check      ? "on these pictures"
        : report.held_out ? "halves of the pictures judge what the other half taught"
                          : "on the very pictures that taught it");
    row("ranges", report.method + (report.bias_corrected ? ", biases corrected" : ""));
    row("in int8", fmt::format("{:.0f} % of the multiply-adds", 100 * report.int8_share));
    return out + "</table>\n";
}

std::string precision_rows(const CalibrationReport& report) {
    std::string out = fmt::format(
        "<table>\n<tr><th>precision</th><th class=\"n\">images/s</th><th class=\"n\">{}</th>"
        "<th class=\"n\">loss</th><th class=\"n\">95 %</th><th></th></tr>\n",
        to_string(report.measure));
    for (const PrecisionReport& line : report.precisions) {
        const Accuracy& accuracy = line.accuracy;
        out += fmt::format(
            "<tr><td>{}</td><td class=\"n\">{:.0f}</td><td class=\"n\">{:.4f}</td>"
            "<td class=\"n\">{:.4f}</td><td class=\"n\">{:.4f} .. {:.4f}</td><td>{}</td></tr>\n",
            to_text(line.precision),
            line.images_per_second,
            accuracy.value,
            accuracy.loss,
            accuracy.interval.low,
            accuracy.interval.high,
            remark(report, line));
    }
    return out + "</table>\n";
}

/// A round number of which 2 to 5 make up `most`.
double step_of(double most) {
    const double power = std::pow(10.0, std::floor(std::log10(most)));
    const double first = most / power;
    return power * (first < 2 ? 0.5 : first < 5 ? 1 : 2);
}

/// A precision in the plot.
struct Point {
    double x, y;
    const PrecisionReport* of;
};

/// Each with its name on the right, or on the left where another one is on the right.
std::string circles(const std::vector<Point>& points) {
    std::string out;
    for (const Point& point : points) {
        const bool left = std::any_of(points.begin(), points.end(), [&](const Point& other) {
            return other.x > point.x && other.x < point.x + 60 && std::abs(other.y - point.y) < 30;
        });
        out += fmt::format(
            "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"6\" fill=\"var({2})\"/>\n"
            "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"{5}\">{6}</text>\n",
            point.x,
            point.y,
            point.of->passed ? "--a" : "--no",
            point.x + (left ? -9 : 9),
            point.y - 7,
            left ? "end" : "start",
            to_text(point.of->precision));
    }
    return out;
}

/// Speed to the right, loss upwards.
std::string speed_plot(const CalibrationReport& report) {
    constexpr double kWidth = 640, kHeight = 260, kLeft = 60, kBottom = 40, kTop = 16, kRight = 90;
    double fastest = 1;
    double most = report.floor;
    for (const PrecisionReport& line : report.precisions) {
        fastest = std::max(fastest, line.images_per_second);
        most = std::max(most, line.accuracy.loss);
    }
    fastest *= 1.1;
    most = std::max(most * 1.2, 1e-4);
    auto x = [&](double rate) { return kLeft + (kWidth - kLeft - kRight) * rate / fastest; };
    auto y = [&](double loss) {
        return kTop + (kHeight - kTop - kBottom) * (1 - std::max(loss, 0.0) / most);
    };
    std::string out = fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"speed "
        "against loss\">\n",
        kWidth,
        kHeight);
    out += fmt::format(
        "<line x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\" stroke=\"var(--line)\"/>\n"
        "<line x1=\"{0}\" y1=\"{3}\" x2=\"{0}\" y2=\"{1}\" stroke=\"var(--line)\"/>\n",
        kLeft,
        y(0),
        kWidth - kRight,
        kTop);
    out += fmt::format(
        "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" "
        "stroke=\"var(--no)\" stroke-dasharray=\"5 4\"/>\n"
        "<text x=\"{}\" y=\"{:.1f}\">the floor</text>\n",
        kLeft,
        y(report.floor),
        kWidth - kRight,
        y(report.floor),
        kWidth - kRight + 6,
        y(report.floor) + 4);
    for (double rate = 0; rate <= fastest; rate += step_of(fastest)) {
        out += fmt::format(
            "<text class=\"soft\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n",
            x(rate),
            kHeight - 22,
            rate);
    }
    for (double loss = 0; loss <= most; loss += step_of(most)) {
        out += fmt::format(
            "<text class=\"soft\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
            kLeft - 6,
            y(loss) + 4,
            loss);
    }
    out += fmt::format(
        "<text class=\"soft\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">images a "
        "second</text>\n"
        "<text class=\"soft\" x=\"{}\" y=\"{}\">loss of {}</text>\n",
        (kLeft + kWidth - kRight) / 2,
        kHeight - 6,
        kLeft + 6,
        kTop,
        to_string(report.measure));
    std::vector<Point> points;
    for (const PrecisionReport& line : report.precisions)
        points.push_back({x(line.images_per_second), y(line.accuracy.loss), &line});
    return out + circles(points) + "</svg>\n";
}

/// A bar for each layer in the order in which they run.
std::string layer_plot(const CalibrationReport& report) {
    constexpr double kHeight = 200, kBottom = 24, kLeft = 50, kWidth = 900;
    std::vector<const LayerReport*> lines;
    double low = 0;
    double high = -99;
    for (const LayerReport& line : report.layers) {
        if (!line.distance) continue;
        lines.push_back(&line);
        low = std::min(low, decibels(*line.distance));
        high = std::max(high, decibels(*line.distance));
    }
    if (lines.empty()) return "<p class=\"soft\">Not measured: int8 passes as it is.</p>\n";
    low = std::max(low, high - 60);
    const double step = (kWidth - kLeft) / static_cast<double>(lines.size());
    auto bar = [&](double db) {
        return std::max(2.0, (kHeight - kBottom) * (db - low + 3) / (high - low + 3));
    };
    std::string out =
        fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"error by layer\">\n",
                    kWidth,
                    kHeight);
    for (double db : {high, (high + low) / 2, low})
        out += fmt::format(
            "<text class=\"soft\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.0f} dB</text>\n",
            kLeft - 6,
            kHeight - kBottom - bar(db) + 10,
            db);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const LayerReport& line = *lines[i];
        const double tall = bar(decibels(*line.distance));
        out += fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"var({})\">"
            "<title>{} ({}): {:.1f} dB, {}</title></rect>\n",
            kLeft + static_cast<double>(i) * step,
            kHeight - kBottom - tall,
            std::max(step - 1, 1.0),
            tall,
            line.in_float.empty() ? "--a" : "--b",
            escape(line.layer.name),
            escape(line.layer.kind),
            decibels(*line.distance),
            line.in_float.empty() ? "int8" : "float: " + escape(line.in_float));
    }
    return out + fmt::format(
                     "<text class=\"soft\" x=\"{}\" y=\"{}\">first layer</text>"
                     "<text class=\"soft\" x=\"{}\" y=\"{}\" "
                     "text-anchor=\"end\">last layer</text>\n</svg>\n"
                     "<p class=\"soft\">Distance of the network's answers from fp32's with "
                     "one layer in int8 and all others in fp32. <b style=\"color:var(--a)\">"
                     "Blue</b>: computes in int8; <b style=\"color:var(--b)\">orange</b>: "
                     "stays in float.</p>\n",
                     kLeft,
                     kHeight - 6,
                     kWidth,
                     kHeight - 6);
}

std::string float_rows(const CalibrationReport& report) {
    std::string out =
        "<details><summary>every layer that stays in float, and why</summary><table>\n";
    bool any = false;
    for (const LayerReport& line : report.layers) {
        if (line.in_float.empty()) continue;
        any = true;
        out += fmt::format("<tr><td class=\"name\">{}</td><td>{}</td><td>{}</td></tr>\n",
                           escape(line.layer.name),
                           escape(line.layer.kind),
                           escape(line.in_float));
    }
    return any ? out + "</table></details>\n" : "<p>No layer stays in float.</p>\n";
}

std::string class_rows(const CalibrationReport& report) {
    if (report.int8.classes.empty()) return {};
    std::string out = fmt::format(
        "<h2>Boxes as fp32's</h2>\n<p>Matched F1 {:.3f} at IoU 0.5, mean IoU {:.3f}.</p>\n"
        "<table>\n<tr><th>class</th><th class=\"n\">fp32's boxes</th><th "
        "class=\"n\">F1</th><th class=\"n\">mean IoU</th></tr>\n",
        report.int8.f1,
        report.int8.mean_overlap);
    for (const ClassAccuracy& line : report.int8.classes)
        out += fmt::format(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.3f}</td>"
            "<td class=\"n\">{}</td></tr>\n",
            escape(line.name),
            line.boxes,
            line.f1,
            line.mean_overlap > 0 ? fmt::format("{:.3f}", line.mean_overlap) : "");
    return out + "</table>\n";
}

std::string boxes(const std::vector<eval::DetectedBox>& boxes,
                  const PictureReport& picture,
                  const std::vector<std::string>& names,
                  const char* colour) {
    const double scale_x = picture.at.width / static_cast<double>(picture.shown.width);
    const double scale_y = picture.at.height / static_cast<double>(picture.shown.height);
    std::string out;
    for (const eval::DetectedBox& box : boxes) {
        const auto number = static_cast<std::size_t>(box.category);
        out += fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
            "fill=\"none\" stroke=\"{}\" stroke-width=\"2\"><title>{}, "
            "{:.2f}</title></rect>\n",
            picture.at.left + (box.box.left - picture.shown.left) * scale_x,
            picture.at.top + (box.box.top - picture.shown.top) * scale_y,
            box.box.width * scale_x,
            box.box.height * scale_y,
            colour,
            number < names.size() ? escape(names[number]) : fmt::format("class {}", number),
            box.score);
    }
    return out;
}

/// The picture is embedded once, and shown twice.
std::string worst_pictures(const CalibrationReport& report) {
    if (report.worst.empty()) return {};
    std::string out =
        "<h2>Where int8 differs most</h2>\n<p class=\"soft\">Left fp32, right int8: "
        "the boxes that users see.</p>\n";
    for (std::size_t i = 0; i < report.worst.size(); ++i) {
        const PictureReport& picture = report.worst[i];
        const std::string view = fmt::format("viewBox=\"{} {} {} {}\"",
                                             picture.at.left,
                                             picture.at.top,
                                             picture.at.width,
                                             picture.at.height);
        out += fmt::format(
            "<p>{} &middot; F1 {:.3f}</p>\n<div class=\"pair\">\n"
            "<svg {}><image id=\"p{}\" width=\"{}\" height=\"{}\" "
            "href=\"data:image/jpeg;base64,{}\"/>\n{}</svg>\n"
            "<svg {}><use href=\"#p{}\"/>\n{}</svg>\n</div>\n",
            escape(picture.name),
            picture.agreement,
            view,
            i,
            picture.encoded.width,
            picture.encoded.height,
            base64(picture.jpeg),
            boxes(picture.fp32, picture, report.class_names, "#3da5ff"),
            view,
            i,
            boxes(picture.int8, picture, report.class_names, "#ff9d3b"));
    }
    return out;
}

}  // namespace

std::string to_html(const CalibrationReport& report) {
    std::string out = fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>INT8: {0}</title>\n<style>{1}</style></head>\n<body>\n"
        "<h1>INT8 for {0}</h1>\n",
        escape(report.model),
        kStyle);
    out += verdict(report);
    out += facts(report);
    out += "<h2>Speed against accuracy</h2>\n";
    if (report.batch > 1) out += fmt::format("<p>In batches of {}.</p>\n", report.batch);
    out += precision_rows(report) + speed_plot(report);
    out += "<h2>Error by layer</h2>\n" + layer_plot(report) + float_rows(report);
    out += class_rows(report);
    out += worst_pictures(report);
    return out + "</body>\n</html>\n";
}

}  // namespace sluice::tuner
