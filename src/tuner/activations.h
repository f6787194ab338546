#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "sluice/infer/calibration/ranges.h"
#include "sluice/tuner/journal.h"
#include "sluice/tuner/progress.h"
#include "sluice/tuner/subject.h"

namespace sluice::tuner {

/// Whose numbers are meant: a half judges ranges that the other one taught.
enum class Part : std::size_t { kFirstHalf, kSecondHalf, kAll };
inline constexpr std::size_t kParts = 3;

/// What numbers the tensors held that the layers read, and their means in each sample.
class Activations {
public:
    /// Runs all samples in fp32, or takes what the journal has. Errors: a tensor with numbers that
    /// are not finite, by name.
    static Result<Activations> collect(Subject& subject,
                                       const std::vector<Sample>& samples,
                                       const std::vector<infer::QuantizableLayer>& layers,
                                       Journal& journal,
                                       Progress& progress);

    std::size_t size() const { return tensors_.size(); }
    const infer::RangeCollector& tensor(std::size_t i, Part part) const {
        return tensors_[i][static_cast<std::size_t>(part)];
    }

    /// Of a tensor, in the order of the samples.
    std::span<const float> means(std::size_t i) const { return means_[i]; }
    infer::UsualMean usual(std::size_t i) const;

private:
    /// What a sample's tensors held, from tensor `begin` on: into the parts of its half.
    Result<void> add(std::size_t begin,
                     const Sample& sample,
                     std::span<const memory::TensorView> seen);
    Result<void> keep(std::size_t i, Journal& journal) const;

    using Parts = std::array<infer::RangeCollector, kParts>;
    std::vector<Parts> tensors_;
    std::vector<std::vector<float>> means_;
};

}  // namespace sluice::tuner
