#pragma once

#include <span>

#include "sluice/tuner/accuracy.h"
#include "sluice/tuner/calibration_report.h"
#include "sluice/tuner/precisions.h"
#include "sluice/tuner/samples.h"

namespace sluice::tuner {

/// Judges the precisions, whose speed was measured; of int8, `report.int8` is the accuracy (its
/// engine may have learnt from what it would be judged by). Leaves them, and which of them `auto`
/// takes, in the report.
Result<void> judge_precisions(Subject& subject,
                              const SampleSet& set,
                              const Judge& judge,
                              std::vector<Contender>& contenders,
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
