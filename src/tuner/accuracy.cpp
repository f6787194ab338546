#include "sluice/tuner/accuracy.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "sluice/eval/coco_metrics.h"
#include "sluice/eval/readers.h"

namespace sluice::tuner {
namespace {

using eval::Agreement;
using eval::DetectedBox;

constexpr int kRounds = 1000;
/// Mean average precision takes milliseconds where the others take microseconds.
constexpr int kLabelRounds = 100;
constexpr std::uint32_t kSeed = 20261126;
/// Boxes below have little to do with what is in the picture.
constexpr double kWorthComparing = 0.1;

double dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

double cosine(const Answer& reference, const Answer& found) {
    double sum = 0;
    std::size_t count = std::min(reference.vectors.size(), found.vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
        const std::vector<float>& a = reference.vectors[i];
        const std::vector<float>& b = found.vectors[i];
        const double lengths = std::sqrt(dot(a, a) * dot(b, b));
        sum += lengths > 0 ? dot(a, b) / lengths : (dot(a, a) == dot(b, b) ? 1 : 0);
    }
    return count > 0 ? sum / static_cast<double>(count) : 0;
}

std::size_t best(std::span<const float> values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) -
                                    values.begin());
}

double same_classes(const Answer& reference, const Answer& found) {
    for (std::size_t i = 0; i < reference.vectors.size(); ++i) {
        if (best(reference.vectors[i]) != best(found.vectors[i])) return 0;
    }
    return 1;
}

double relative_error(std::span<const Answer> reference, std::span<const Answer> found) {
    std::vector<double> noise;
    std::vector<double> power;
    for (std::size_t s = 0; s < reference.size(); ++s) {
        noise.resize(reference[s].vectors.size());
        power.resize(reference[s].vectors.size());
        for (std::size_t o = 0; o < noise.size(); ++o) {
            const std::vector<float>& a = reference[s].vectors[o];
            const std::vector<float>& b = found[s].vectors[o];
            for (std::size_t i = 0; i < a.size(); ++i) {
                const double difference = static_cast<double>(a[i]) - b[i];
                noise[o] += difference * difference;
                power[o] += static_cast<double>(a[i]) * a[i];
            }
        }
    }
    double sum = 0;
    for (std::size_t o = 0; o < noise.size(); ++o)
        sum += power[o] > 0 ? noise[o] / power[o] : noise[o];
    return noise.empty() ? 0 : sum / static_cast<double>(noise.size());
}

std::vector<DetectedBox> worth_comparing(const Answer& answer) {
    std::vector<DetectedBox> out;
    for (const DetectedBox& box : answer.boxes) {
        if (box.score >= kWorthComparing) out.push_back(box);
    }
    return out;
}

double mean(std::span<const double> values, std::span<const std::size_t> drawn) {
    double sum = 0;
    for (std::size_t i : drawn)
        sum += values[i];
    return drawn.empty() ? 0 : sum / static_cast<double>(drawn.size());
}

std::vector<std::size_t> all(std::size_t count) {
    std::vector<std::size_t> out(count);
    std::iota(out.begin(), out.end(), std::size_t{0});
    return out;
}

}  // namespace

std::string_view to_string(Measure measure) {
    switch (measure) {
        case Measure::kMap:
            return "mAP";
        case Measure::kF1:
            return "F1";
        case Measure::kTop1:
            return "top-1";
        case Measure::kCosine:
            return "cosine";
    }
    return "";
}

double default_floor(Measure measure) {
    switch (measure) {
        case Measure::kMap:
            return 0.005;
        case Measure::kF1:
            return 0.10;  // equal mAP still comes with boxes that cross a threshold: 0.06-0.09 seen
        default:
            return 0.01;
    }
}

double distance(std::span<const Answer> reference, std::span<const Answer> found) {
    if (!reference.empty() && !reference[0].vectors.empty())
        return relative_error(reference, found);
    Agreement sum;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        for (const auto& [category, agreement] :
             eval::compare_detections(worth_comparing(reference[i]), worth_comparing(found[i])))
            sum += agreement;
    }
    return 1 - sum.weighted_f1();
}

Result<Judge> Judge::create(const Subject& subject,
                            std::span<const Sample> samples,
                            std::vector<Answer> reference,
                            const std::string& labels) {
    Judge judge;
    judge.reference_ = std::move(reference);
    if (!subject.detects()) {
        if (!labels.empty())
            return unsupported("labels of boxes judge detectors only; leave --labels out", labels);
        judge.measure_ = subject.classifies() ? Measure::kTop1 : Measure::kCosine;
        return judge;
    }
    judge.thresholds_.assign(subject.thresholds().begin(), subject.thresholds().end());
    for (Name name : subject.description().labels.classes)
        judge.class_names_.emplace_back(name.view());
    for (const Answer& answer : judge.reference_)
        judge.reference_boxes_ += static_cast<std::int64_t>(judge.seen(answer).size());
    if (labels.empty()) return judge;
    judge.measure_ = Measure::kMap;
    std::vector<eval::ImageEntry> images;
    for (std::size_t i = 0; i < samples.size(); ++i)
        images.push_back({static_cast<std::int64_t>(i),
                          samples[i].name,
                          samples[i].size.width,
                          samples[i].size.height});
    judge.truth_ = SLUICE_TRY(eval::read_yolo_labels(labels, std::move(images)));
    for (const eval::TruthBox& box : judge.truth_.boxes) {
        if (box.category >= 0 && box.category < static_cast<std::int64_t>(judge.thresholds_.size()))
            continue;
        return invalid_argument(fmt::format("class {} in the labels, but the network knows 0 .. {}",
                                            box.category,
                                            judge.thresholds_.size() - 1),
                                labels);
    }
    judge.truth_of_.resize(samples.size());
    for (const eval::TruthBox& box : judge.truth_.boxes)
        judge.truth_of_[static_cast<std::size_t>(box.image)].push_back(box);
    judge.reference_value_ = judge.map_of(judge.reference_, all(samples.size()));
    return judge;
}

std::string Judge::blind() const {
    const bool boxes = measure_ == Measure::kF1 && reference_boxes_ == 0;
    const bool labels = measure_ == Measure::kMap && reference_value_ == 0;
    if (!boxes && !labels) return {};
    return fmt::format(
        "fp32 finds nothing in these pictures{}, so nobody can say what int8 loses: give pictures "
        "of what the model is for",
        labels ? " that the labels name" : "");
}

std::vector<DetectedBox> Judge::seen(const Answer& answer) const {
    std::vector<DetectedBox> out;
    for (const DetectedBox& box : answer.boxes) {
        if (box.score >= thresholds_[static_cast<std::size_t>(box.category)]) out.push_back(box);
    }
    return out;
}

Result<double> Judge::loss(std::span<const Answer> found) const {
    if (measure_ == Measure::kMap) return reference_value_ - map_of(found, all(found.size()));
    const Accuracy accuracy = SLUICE_TRY(judge(found));
    return accuracy.loss;
}

Result<Accuracy> Judge::judge(std::span<const Answer> found) const {
    if (found.size() != reference_.size())
        return internal_error("as many answers are wanted as fp32 gave");
    if (measure_ == Measure::kTop1 || measure_ == Measure::kCosine) return against_vectors(found);
    Accuracy accuracy = against_boxes(found);
    if (measure_ == Measure::kF1) return accuracy;
    accuracy.value = map_of(found, all(found.size()));
    accuracy.loss = reference_value_ - accuracy.value;
    accuracy.interval = map_interval(found);
    return accuracy;
}

/// A sample that was drawn several times becomes several images.
double Judge::map_of(std::span<const Answer> found, std::span<const std::size_t> drawn) const {
    eval::DetectionTruth some;
    some.categories = truth_.categories;
    std::vector<DetectedBox> boxes;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        const auto id = static_cast<std::int64_t>(i);
        some.images.push_back(truth_.images[drawn[i]]);
        some.images.back().id = id;
        for (eval::TruthBox box : truth_of_[drawn[i]]) {
            box.image = id;
            some.boxes.push_back(box);
        }
        for (DetectedBox box : found[drawn[i]].boxes) {
            box.image = id;
            boxes.push_back(box);
        }
    }
    auto scores = eval::evaluate_detections(some, boxes);
    return scores ? std::max(scores->ap, 0.0) : 0;
}

eval::Interval Judge::map_interval(std::span<const Answer> found) const {
    return eval::bootstrap(
        found.size(),
        [&](std::span<const std::size_t> drawn) {
            return map_of(reference_, drawn) - map_of(found, drawn);
        },
        kLabelRounds,
        kSeed);
}

Accuracy Judge::against_boxes(std::span<const Answer> found) const {
    std::vector<Agreement> samples(found.size());
    std::map<std::int64_t, Agreement> classes;
    Agreement sum;
    for (std::size_t i = 0; i < found.size(); ++i) {
        for (const auto& [category, agreement] :
             eval::compare_detections(seen(reference_[i]), seen(found[i]))) {
            samples[i] += agreement;
            classes[category] += agreement;
        }
        sum += samples[i];
    }
    Accuracy accuracy;
    accuracy.value = accuracy.f1 = sum.f1();
    accuracy.loss = 1 - accuracy.f1;
    accuracy.mean_overlap = sum.mean_overlap();
    accuracy.interval = eval::bootstrap(
        found.size(),
        [&](std::span<const std::size_t> drawn) {
            Agreement some;
            for (std::size_t i : drawn)
                some += samples[i];
            return 1 - some.f1();
        },
        kRounds,
        kSeed);
    for (const Agreement& sample : samples)
        accuracy.by_sample.push_back(sample.f1());
    for (const auto& [category, agreement] : classes) {
        const auto at = static_cast<std::size_t>(category);
        accuracy.classes.push_back(
            {at < class_names_.size() ? class_names_[at] : fmt::format("class {}", category),
             agreement.reference,
             agreement.f1(),
             agreement.mean_overlap()});
    }
    std::stable_sort(
        accuracy.classes.begin(),
        accuracy.classes.end(),
        [](const ClassAccuracy& a, const ClassAccuracy& b) { return a.boxes > b.boxes; });
    return accuracy;
}

Accuracy Judge::against_vectors(std::span<const Answer> found) const {
    Accuracy accuracy;
    for (std::size_t i = 0; i < found.size(); ++i)
        accuracy.by_sample.push_back(measure_ == Measure::kTop1
                                         ? same_classes(reference_[i], found[i])
                                         : cosine(reference_[i], found[i]));
    accuracy.value = mean(accuracy.by_sample, all(found.size()));
    accuracy.loss = 1 - accuracy.value;
    accuracy.interval = eval::bootstrap(
        found.size(),
        [&](std::span<const std::size_t> drawn) { return 1 - mean(accuracy.by_sample, drawn); },
        kRounds,
        kSeed);
    return accuracy;
}

}  // namespace sluice::tuner
