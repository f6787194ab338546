#include "sluice/tuner/domain.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sluice::tuner {
namespace {

/// What lies a step or two outside is rounded, not cut off.
constexpr float kSteps = 2;
/// Ranges cut off a little of what they were made from (percentile: 0.01 %); tensors that lose more
/// than this hold numbers that were not seen then.
constexpr double kMuch = 0.002;
/// Share of such tensors from which on the pictures are of another kind.
constexpr double kMany = 0.15;

/// So many standard deviations from the usual mean, over most tensors, and a picture is strange.
constexpr double kFar = 3;
/// Pictures of one still scene hardly differ; this much of a range is no difference.
constexpr double kNoDifference = 0.0005;
/// Share of strange pictures from which on they are of another kind.
constexpr double kMostly = 0.5;

/// How far from usual each picture is: the median over the tensors, in standard deviations.
std::vector<double> strangeness(const infer::Calibration& calibration,
                                const Activations& activations) {
    std::vector<std::vector<double>> far;  // of each picture, by tensor
    for (std::size_t i = 0; i < activations.size(); ++i) {
        const std::string& tensor = activations.tensor(i, Part::kAll).tensor();
        const auto usual = std::find_if(calibration.usual.begin(),
                                        calibration.usual.end(),
                                        [&](const auto& one) { return one.tensor == tensor; });
        const auto range = std::find_if(calibration.tensors.begin(),
                                        calibration.tensors.end(),
                                        [&](const auto& one) { return one.tensor == tensor; });
        if (usual == calibration.usual.end() || range == calibration.tensors.end()) continue;
        const double spread = std::max<double>(
            usual->spread, kNoDifference * (static_cast<double>(range->high) - range->low));
        const std::span<const float> means = activations.means(i);
        far.resize(means.size());
        for (std::size_t s = 0; s < means.size(); ++s)
            far[s].push_back(std::fabs(means[s] - usual->mean) / spread);
    }
    std::vector<double> out;
    for (std::vector<double>& picture : far) {
        const auto middle = picture.begin() + static_cast<std::ptrdiff_t>(picture.size() / 2);
        std::nth_element(picture.begin(), middle, picture.end());
        out.push_back(*middle);
    }
    return out;
}

}  // namespace

DomainReport compare_domain(const infer::Calibration& calibration, const Activations& activations) {
    DomainReport out;
    double worst = 0;
    for (std::size_t i = 0; i < activations.size(); ++i) {
        const infer::RangeCollector& seen = activations.tensor(i, Part::kAll);
        for (const infer::TensorRange& range : calibration.tensors) {
            if (range.tensor != seen.tensor()) continue;
            const float margin = kSteps * (range.high - range.low) / 255;
            const double clipped =
                seen.clipped({range.tensor, range.low - margin, range.high + margin});
            out.clipped += clipped;
            ++out.tensors;
            if (clipped > kMuch) ++out.too_wide;
            if (clipped > worst) {
                worst = clipped;
                out.worst = range.tensor;
            }
        }
    }
    if (out.tensors == 0) return out;
    out.clipped /= static_cast<double>(out.tensors);
    for (double far : strangeness(calibration, activations)) {
        ++out.pictures;
        if (far > kFar) ++out.strange;
    }
    out.fits = static_cast<double>(out.too_wide) < kMany * static_cast<double>(out.tensors) &&
               static_cast<double>(out.strange) <= kMostly * static_cast<double>(out.pictures);
    return out;
}

}  // namespace sluice::tuner
