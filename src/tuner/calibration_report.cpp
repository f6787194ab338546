#include "sluice/tuner/calibration_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sluice::tuner {
namespace {

using infer::Precision;

/// Layers and classes that a terminal is told.
constexpr std::size_t kShown = 5;

const PrecisionReport* find(const CalibrationReport& report, Precision precision) {
    for (const PrecisionReport& line : report.precisions) {
        if (line.precision == precision) return &line;
    }
    return nullptr;
}

std::string heading(const CalibrationReport& report) {
    std::string out = fmt::format("{} on {}\n  head      {}\n  pictures  {} of {}\n",
                                  report.model,
                                  report.device,
                                  report.head,
                                  report.image_count,
                                  report.images);
    if (report.check) out += fmt::format("  learnt on {}\n", report.calibrated_on);
    for (const std::string& warning : report.warnings)
        out += fmt::format("  note      {}\n", warning);
    return out;
}

std::string precision_table(const CalibrationReport& report) {
    std::string out = fmt::format(
        "\n{}{:<9} {:>9} {:>8} {:>9} {:>20}\n",
        report.batch > 1 ? fmt::format("in batches of {}\n", report.batch) : std::string(),
        "precision",
        "images/s",
        to_string(report.measure),
        "loss",
        "95 %");
    for (const PrecisionReport& line : report.precisions) {
        const Accuracy& accuracy = line.accuracy;
        const bool reference = line.precision == Precision::kFp32;
        out += fmt::format(
            "{:<9} {:>9.0f} {:>8.4f} {:>9} {:>20} {}{}\n",
            to_text(line.precision),
            line.images_per_second,
            accuracy.value,
            reference ? "" : fmt::format("{:.4f}", accuracy.loss),
            reference
                ? ""
                : fmt::format("{:.4f} .. {:.4f}", accuracy.interval.low, accuracy.interval.high),
            line.precision == report.chosen ? "<- " : "",
            remark(report, line));
    }
    return out;
}

std::string layer_table(const CalibrationReport& report) {
    std::vector<const LayerReport*> lines = worst_first(report);
    if (lines.empty()) return {};
    lines.resize(std::min(lines.size(), kShown));
    std::string out = "\nlayers that lose most, each alone in int8\n";
    for (const LayerReport* line : lines)
        out += fmt::format("  {:6.1f} dB  {:<5}  {}  {}\n",
                           decibels(*line->distance),
                           line->in_float.empty() ? "int8" : "float",
                           line->layer.name,
                           line->layer.kind);
    return out;
}

std::string in_float(const CalibrationReport& report) {
    std::vector<std::pair<std::string, int>> whys;
    int int8 = 0;
    for (const LayerReport& line : report.layers) {
        if (line.in_float.empty()) {
            ++int8;
            continue;
        }
        auto known = std::find_if(
            whys.begin(), whys.end(), [&](const auto& why) { return why.first == line.in_float; });
        if (known == whys.end()) {
            whys.emplace_back(line.in_float, 1);
        } else {
            ++known->second;
        }
    }
    std::string out = fmt::format("\n{} of {} layers in int8, {:.0f} % of the multiply-adds\n",
                                  int8,
                                  report.layers.size(),
                                  100 * report.int8_share);
    for (const auto& [why, count] : whys)
        out += fmt::format("  {:3} in float: {}\n", count, why);
    return out;
}

std::string class_table(const CalibrationReport& report) {
    std::string out;
    for (std::size_t i = 0; i < std::min(report.int8.classes.size(), kShown); ++i) {
        const ClassAccuracy& line = report.int8.classes[i];
        out += fmt::format("{}{} {:.3f} of {}", i ? ", " : "", line.name, line.f1, line.boxes);
    }
    if (out.empty()) return {};
    return fmt::format("\nboxes as fp32's: F1 {:.3f}, mean IoU {:.3f}; {}\n",
                       report.int8.f1,
                       report.int8.mean_overlap,
                       out);
}

}  // namespace

std::vector<const LayerReport*> worst_first(const CalibrationReport& report) {
    std::vector<const LayerReport*> lines;
    for (const LayerReport& line : report.layers) {
        if (line.distance) lines.push_back(&line);
    }
    std::stable_sort(lines.begin(), lines.end(), [](const LayerReport* a, const LayerReport* b) {
        return *a->distance > *b->distance;
    });
    return lines;
}

double decibels(double distance) {
    return std::max(-99.0, 10 * std::log10(std::max(distance, 1e-30)));
}

std::string remark(const CalibrationReport& report, const PrecisionReport& line) {
    if (line.precision == report.chosen)
        return report.check ? "the fastest that passes" : "auto takes this";
    if (line.passed) return {};
    return line.accuracy.loss > report.floor ? "below the floor" : "not for auto";
}

std::string loss_sentence(const CalibrationReport& report) {
    const Accuracy& int8 = report.int8;
    return fmt::format(
        "loses {:.4f} {} (95 %: {:.4f} .. {:.4f}) of {:.4f}; the floor allows {:.4f}",
        int8.loss,
        to_string(report.measure),
        int8.interval.low,
        int8.interval.high,
        report.fp32_value,
        report.floor);
}

std::string speed_sentence(const CalibrationReport& report) {
    const PrecisionReport* int8 = find(report, Precision::kInt8);
    const PrecisionReport* chosen = find(report, report.chosen);
    if (!chosen) return {};
    if (!int8) return "this device has no int8; its loss here is of an emulation";
    // A check writes nothing, so that auto goes on as before.
    const char* takes = report.check ? "the fastest that passes is" : "auto takes";
    if (report.chosen == Precision::kInt8)
        return fmt::format("int8 is the fastest here ({:.0f} images/s, fp32 {:.0f}){}",
                           int8->images_per_second,
                           report.precisions.front().images_per_second,
                           report.check ? "" : ": auto takes it");
    if (chosen->images_per_second >= int8->images_per_second)
        return fmt::format(
            "{0} is faster than int8 here ({1:.0f} against {2:.0f} images/s): {3} {0}",
            to_text(report.chosen),
            chosen->images_per_second,
            int8->images_per_second,
            takes);
    return fmt::format("{}: {} {} ({:.0f} images/s)",
                       report.held_out || int8->accuracy.loss > report.floor
                           ? "int8 does not pass"
                           : "what int8 loses on pictures that are new is not known",
                       takes,
                       to_text(report.chosen),
                       chosen->images_per_second);
}

std::string domain_sentence(const DomainReport& domain) {
    if (domain.fits)
        return fmt::format(
            "the domain fits: {} of {} pictures are unlike what it learnt from, {:.2f} "
            "% of the numbers lie outside of their ranges",
            domain.strange,
            domain.pictures,
            100 * domain.clipped);
    std::string out = fmt::format(
        "the domain does not fit: {} of {} pictures are unlike what it "
        "learnt from",
        domain.strange,
        domain.pictures);
    if (domain.too_wide > 0)
        out += fmt::format(", {} of {} tensors hold numbers far beyond their ranges, most so {}",
                           domain.too_wide,
                           domain.tensors,
                           domain.worst);
    return out + "; calibrate on pictures like these";
}

std::string to_table(const CalibrationReport& report) {
    std::string out = heading(report);
    out += fmt::format(
        "  ranges    {}{}\n", report.method, report.bias_corrected ? ", biases corrected" : "");
    out += layer_table(report);
    out += in_float(report);
    out += precision_table(report);
    out += class_table(report);
    out += fmt::format("\nint8 {}", loss_sentence(report));
    if (!report.check)
        out += report.held_out
                   ? "\n  (halves of the pictures judge what the other half taught)"
                   : "\n  (judged on the very pictures that taught it: too few to hold some out)";
    out += fmt::format("\n{}\n", speed_sentence(report));
    if (report.domain) out += fmt::format("{}\n", domain_sentence(*report.domain));
    return out;
}

}  // namespace sluice::tuner
