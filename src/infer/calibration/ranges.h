#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/infer/calibration.h"

/// From the numbers that a tensor was seen to take to the range that its 256 steps span.
namespace sluice::infer {

enum class RangeMethod {
    kMax,         ///< all that was seen
    kPercentile,  ///< all but 0.01 % at the ends
    kEntropy,     ///< the least relative entropy (Kullback-Leibler) of the clipped distribution
    kMse,         ///< the least mean squared error
};

}  // namespace sluice::infer

namespace sluice {
template <>
inline constexpr auto enum_words<infer::RangeMethod> =
    std::to_array<std::pair<std::string_view, infer::RangeMethod>>({
        {"max", infer::RangeMethod::kMax},
        {"percentile", infer::RangeMethod::kPercentile},
        {"entropy", infer::RangeMethod::kEntropy},
        {"mse", infer::RangeMethod::kMse},
    });
}  // namespace sluice

namespace sluice::infer {

enum class Steps {
    kAsymmetric,  ///< low..high as the numbers lie: u8 with a zero point
    kSymmetric,   ///< low = -high * 128 / 127: i8 without one
};

/// How often a tensor's numbers fell where. Everything is seen once: bins are a power of two wide,
/// and where a number lies outside they are joined in pairs until it fits.
class RangeCollector {
public:
    static constexpr std::size_t kBins = 4096;

    explicit RangeCollector(std::string tensor) : tensor_(std::move(tensor)) {}

    /// kInvalidArgument, naming the tensor, for numbers that are not finite; then nothing was
    /// added.
    Result<void> add(std::span<const float> numbers);
    /// What another saw of the same tensor; as if all had been added here.
    void add(const RangeCollector& other);

    const std::string& tensor() const { return tensor_; }
    std::uint64_t count() const { return count_; }
    /// Of all numbers, exactly; 0 where there were none.
    float min() const { return min_; }
    float max() const { return max_; }

    /// A range that holds 0, with 0 on a step.
    TensorRange range(RangeMethod method, Steps steps) const;

    /// The share (0..1) of the numbers that the range does not span.
    double clipped(const TensorRange& range) const;

    /// One line of text, and back. kCorrupt.
    std::string save() const;
    static Result<RangeCollector> load(std::string_view line);

private:
    void widen(float low, float high);

    std::string tensor_;
    std::uint64_t count_ = 0;
    std::uint64_t zeros_ = 0;  ///< not in the bins: they never cost anything
    float min_ = 0;
    float max_ = 0;
    // Bin i counts numbers from (first_ + i) * width_ on. Together they span 0, min_ and max_.
    std::int64_t first_ = 0;
    double width_ = 0;  ///< a power of two; 0 while there are only zeros
    std::vector<std::uint64_t> bins_;
};

/// Widens the range so that it holds 0 and moves its ends by less than a step so that 0 is one of
/// 256 steps. 0..0 becomes 0..1.
TensorRange with_zero(TensorRange range, Steps steps);

}  // namespace sluice::infer
