#pragma once

#include <span>

#include "sluice/tuner/accuracy.h"
#include "sluice/tuner/calibration_report.h"
#include "sluice/tuner/precisions.h"
#include "sluice/tuner/samples.h"

namespace sluice::tuner {

/// Measures speed and accuracy of what the device can do; of int8, `int8` is the accuracy (its
/// engine may have learnt from what it would be judged by). Leaves the precisions, and which of
/// them `auto` takes, in the report.
Result<void> compare_precisions(Subject& subject,
                                const SampleSet& set,
                                const Judge& judge,
                                std::shared_ptr<const infer::Calibration> calibration,
                                Duration turn,
                                Progress& progress,
                                CalibrationReport& report);

/// Whether int8 is within the floor, and if not, why, and the nearest way that passes.
void decide(const Judge& judge, bool force, CalibrationReport& report);

/// The pictures on which int8 differs most, with both sides' boxes.
Result<void> show_worst(const Subject& subject,
                        const SampleSet& set,
                        const Judge& judge,
                        std::span<const Answer> int8,
                        CalibrationReport& report);

/// What the calibration's file is to say of the precisions.
std::vector<infer::MeasuredPrecision> measured(const CalibrationReport& report);

}  // namespace sluice::tuner
