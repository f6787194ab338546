#pragma once

#include <memory>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/infer/engine.h"
#include "sluice/tuner/progress.h"
#include "sluice/tuner/subject.h"

namespace sluice::tuner {

/// A model in one precision on the user's device.
struct Contender {
    infer::Precision precision = infer::Precision::kFp32;
    std::unique_ptr<infer::Engine> engine;
    std::vector<double> rates;  ///< images a second, one for each round

    /// The median of the rates.
    double images_per_second() const;
};

/// fp32, and of bf16, fp16 and int8 what the device can do, in such batches; in ones of one where
/// the network cannot be batched. An error where fp32 does not load.
Result<std::vector<Contender>> contenders(
    Subject& subject, const std::shared_ptr<const infer::Calibration>& calibration, int batch);

/// Runs them in turns, `rounds` times for `turn` each, with as many requests in flight as each
/// wants; a first turn, which warms up, does not count. In turns, so that what slows the machine
/// for a while slows all alike.
Result<void> race(const std::vector<const Sample*>& samples,
                  Duration turn,
                  int rounds,
                  std::vector<Contender>& contenders,
                  Progress& progress);

}  // namespace sluice::tuner
