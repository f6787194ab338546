#include "sluice/tuner/verdict.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::tuner {
namespace {

using infer::Precision;

constexpr std::size_t kShown = 6;
/// What agrees so well needs no showing.
constexpr double kAlike = 0.999;
/// Layers that a refusal names.
constexpr std::size_t kNamed = 3;

/// fp32, which comes first, always passes.
const PrecisionReport& fastest_that_passed(const CalibrationReport& report) {
    const PrecisionReport* best = &report.precisions.front();
    for (const PrecisionReport& precision : report.precisions) {
        if (precision.passed && precision.images_per_second > best->images_per_second)
            best = &precision;
    }
    return *best;
}

/// Those in int8 that lose most alone, where they were measured.
std::string worst_layers(const CalibrationReport& report) {
    std::vector<const LayerReport*> lines = worst_first(report);
    std::erase_if(lines, [](const LayerReport* line) { return !line->in_float.empty(); });
    if (lines.size() > kNamed) lines.resize(kNamed);
    std::string out;
    for (const LayerReport* line : lines)
        out += fmt::format("{}{} ({}, {:.0f} dB)",
                           out.empty() ? "" : ", ",
                           line->layer.name,
                           line->layer.kind,
                           decibels(*line->distance));
    return out;
}

void suggest(const PrecisionReport& other, CalibrationReport& report) {
    const std::string layers = worst_layers(report);
    if (!layers.empty()) report.reasons.push_back("most is lost, each alone, in " + layers);
    report.reasons.push_back(fmt::format("--precision {} passes: loss {:.4f}, {:.0f} images/s",
                                         to_text(other.precision),
                                         other.accuracy.loss,
                                         other.images_per_second));
    if (report.image_count < 16)
        report.reasons.push_back("more pictures may teach better ranges: 16 are few, 100 are many");
}

}  // namespace

Result<void> judge_precisions(Subject& subject,
                              const SampleSet& set,
                              const Judge& judge,
                              std::vector<Contender>& contenders,
                              Progress& progress,
                              CalibrationReport& report) {
    const std::vector<const Sample*> samples = pointers(set.samples);
    for (Contender& contender : contenders) {
        SLUICE_TRY(progress.step("measuring " + to_text(contender.precision), 0, 1));
        PrecisionReport& line = report.precisions.emplace_back();
        line.precision = contender.precision;
        line.images_per_second = contender.images_per_second();
        if (contender.precision == Precision::kInt8) {
            line.accuracy = report.int8;
        } else {
            const auto answers = SLUICE_TRY(subject.answers(*contender.engine, samples));
            line.accuracy = SLUICE_TRY(judge.judge(answers));
        }
        line.passed = line.accuracy.loss <= report.floor;
        // Good marks in what it was taught are no reason to take it unasked.
        if (contender.precision == Precision::kInt8 && !report.held_out) line.passed = false;
    }
    report.precisions.front().passed = true;
    report.chosen = fastest_that_passed(report).precision;
    return {};
}

void decide(const Judge& judge, bool force, CalibrationReport& report) {
    const std::string blind = judge.blind();
    if (report.int8.loss <= report.floor && blind.empty()) return;
    report.verdict = force ? Verdict::kForced : Verdict::kRefused;
    for (PrecisionReport& precision : report.precisions) {
        if (precision.precision == Precision::kInt8) precision.passed = false;
    }
    const PrecisionReport& other = fastest_that_passed(report);
    report.chosen = other.precision;
    if (!blind.empty()) {
        report.reasons.push_back(blind);
        return;
    }
    report.reasons.push_back("int8 " + loss_sentence(report));
    suggest(other, report);
    report.reasons.push_back(
        fmt::format("--floor {:.3f} would let it pass", report.int8.loss + 0.0005));
}

Result<void> show_worst(const Subject& subject,
                        const SampleSet& set,
                        const Judge& judge,
                        std::span<const Answer> int8,
                        CalibrationReport& report) {
    if (!subject.detects()) return {};
    std::vector<std::size_t> order(set.samples.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    const std::vector<double>& agreement = report.int8.by_sample;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return agreement[a] < agreement[b];
    });
    order.resize(std::min(order.size(), kShown));
    for (std::size_t i : order) {
        if (agreement[i] > kAlike) break;
        const Sample& sample = set.samples[i];
        PictureReport picture;
        picture.name = sample.name;
        picture.size = sample.size;
        picture.shown = sample.placement.crop;
        picture.at = sample.placement.content;
        const memory::Image pixels = subject.picture(sample);
        picture.encoded = pixels.view().size;
        picture.jpeg = SLUICE_TRY(app::to_jpeg(pixels.view()));
        picture.agreement = agreement[i];
        picture.fp32 = judge.seen(judge.reference()[i]);
        picture.int8 = judge.seen(int8[i]);
        report.worst.push_back(std::move(picture));
    }
    return {};
}

std::vector<infer::MeasuredPrecision> measured(const CalibrationReport& report) {
    std::vector<infer::MeasuredPrecision> out;
    for (const PrecisionReport& precision : report.precisions)
        out.push_back({report.device,
                       precision.precision,
                       precision.images_per_second,
                       precision.accuracy.loss,
                       precision.passed});
    return out;
}

}  // namespace sluice::tuner
