#pragma once

#include <span>
#include <string>
#include <vector>

#include "sluice/eval/agreement.h"
#include "sluice/eval/bootstrap.h"
#include "sluice/eval/detections.h"
#include "sluice/tuner/subject.h"

namespace sluice::tuner {

/// By what a network is judged. Loss is 1 less the value, but of kMap what fp32 scores less the
/// value.
enum class Measure {
    kMap,     ///< against labels: COCO's mean average precision
    kF1,      ///< against fp32's own boxes, as users see them: matched at IoU 0.5, by class
    kTop1,    ///< share of the samples for which all outputs name fp32's class
    kCosine,  ///< mean cosine of the outputs with fp32's
};
/// As Calibration::measure has it: "mAP", "F1", "top-1", "cosine".
std::string_view to_string(Measure measure);
/// The most loss that users take without having been asked.
double default_floor(Measure measure);

struct ClassAccuracy {
    std::string name;
    std::int64_t boxes = 0;  ///< of fp32
    double f1 = 1;
    double mean_overlap = 0;  ///< of the matched boxes; 0 where there are none
};

struct Accuracy {
    double value = 0;
    double loss = 0;
    eval::Interval interval;             ///< of the loss, 95 %
    double f1 = 1;                       ///< of a detector, also where it is judged by labels
    double mean_overlap = 1;             ///< of its matched boxes
    std::vector<ClassAccuracy> classes;  ///< of a detector: those that fp32 found, most boxes first
    std::vector<double> by_sample;       ///< F1, or the measure, of each alone
};

/// How far apart two sets of answers are, 0 for equals, without the jumps of a threshold: what a
/// search can follow. Of boxes 1 - Agreement::weighted_f1(), else the mean relative squared error
/// of the outputs.
double distance(std::span<const Answer> reference, std::span<const Answer> found);

/// Judges answers against those of fp32 to the same samples.
class Judge {
public:
    /// `labels`: a folder of YOLO label files named after the samples; empty: none. Errors: what
    /// reading the labels gives, a class in them that the network does not know.
    static Result<Judge> create(const Subject& subject,
                                std::span<const Sample> samples,
                                std::vector<Answer> reference,
                                const std::string& labels);

    Measure measure() const { return measure_; }
    /// What fp32 itself scores; 1 but for kMap.
    double reference_value() const { return reference_value_; }
    std::span<const Answer> reference() const { return reference_; }
    /// Why nobody can say what int8 loses: a detector that finds nothing in fp32 loses nothing. ""
    /// where it can be said.
    std::string blind() const;
    /// In the order of the samples.
    Result<Accuracy> judge(std::span<const Answer> found) const;
    /// The loss alone, which takes less time.
    Result<double> loss(std::span<const Answer> found) const;
    /// The boxes that users see.
    std::vector<eval::DetectedBox> seen(const Answer& answer) const;

private:
    Judge() = default;
    /// The mean average precision, and how sure its loss is.
    double map_of(std::span<const Answer> found, std::span<const std::size_t> drawn) const;
    eval::Interval map_interval(std::span<const Answer> found) const;
    Accuracy against_boxes(std::span<const Answer> found) const;
    Accuracy against_vectors(std::span<const Answer> found) const;

    Measure measure_ = Measure::kF1;
    double reference_value_ = 1;
    std::int64_t reference_boxes_ = 0;  ///< that users see, over all samples
    std::vector<Answer> reference_;
    std::vector<float> thresholds_;
    std::vector<std::string> class_names_;
    eval::DetectionTruth truth_;                         ///< image ids are the samples' numbers
    std::vector<std::vector<eval::TruthBox>> truth_of_;  ///< each sample
};

}  // namespace sluice::tuner
