#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sluice/tuner/accuracy.h"
#include "sluice/tuner/calibration_report.h"
#include "sluice/tuner/journal.h"
#include "sluice/tuner/progress.h"
#include "sluice/tuner/samples.h"
#include "sluice/tuner/workbench.h"

namespace sluice::tuner {

/// From pictures to a recipe. Each step leaves what it found in the report and in the journal. Its
/// parts outlive it.
class Study {
public:
    Study(Workbench& bench,
          const SampleSet& set,
          const Judge& judge,
          Journal& journal,
          Progress& progress,
          CalibrationReport& report);

    /// All steps. Where none of the recipes that leave int8 something to do is within the floor,
    /// the recipe is then the one that lost least.
    Result<void> run(double floor);

    const Recipe& recipe() const { return recipe_; }
    /// What int8 answers to all samples, on the device or in emulation.
    using Int8 = std::function<Result<std::vector<Answer>>(const infer::Calibration& calibration,
                                                           std::span<const Sample* const> samples)>;
    /// Of samples that taught nothing, where there are enough.
    Result<std::vector<Answer>> held_out_answers(const Recipe& recipe, const Int8& int8) const;

private:
    /// Depthwise layers stay in float, and those that compute next to nothing; the range method is
    /// the one that comes nearest to fp32.
    Result<void> choose_method();
    /// Last layers of heads stay in float where that pays, or where they compute little.
    Result<void> spare_heads();
    /// What each layer loses alone, but for those that stay in float whatever they lose.
    Result<void> scan_layers();
    /// Layers without which much less is lost stay in float, if they compute little.
    Result<void> spare_worst();
    /// Tensors that come nearer by a method of their own get it: the most sensitive ones are tried.
    Result<void> refine_tensors();
    /// Biases are corrected where that pays.
    Result<void> correct_bias();
    /// Sends layers back to float, those first that lose most for what they compute, until the loss
    /// is within the floor.
    Result<void> meet_floor(double floor);

    Result<double> distance_of(const std::string& entry, const Recipe& recipe);
    Result<bool> try_floats(std::size_t count, double floor);
    Recipe with_floats(std::size_t count) const;

    Workbench& bench_;
    const SampleSet& set_;
    const Judge& judge_;
    Journal& journal_;
    Progress& progress_;
    CalibrationReport& report_;
    std::vector<const Sample*> some_;  ///< enough of them to compare recipes by
    std::vector<const Sample*> few_;   ///< enough to compare layers by
    std::vector<Answer> some_in_fp32_;
    std::vector<Answer> few_in_fp32_;
    Recipe recipe_;
    double distance_ = 0;  ///< of the recipe
    Floats always_float_;
    std::vector<std::string> ranked_;  ///< layers, dearest first
};

}  // namespace sluice::tuner
