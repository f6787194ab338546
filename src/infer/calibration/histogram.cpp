#include "sluice/infer/calibration/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace sluice::infer {
namespace {

constexpr int kInt8Levels = 256;
/// Candidates for an end: fine enough that the best is missed by less than the bins' own error.
constexpr int kCandidates = 100;

/// The first bin, counted from one end, at which more than `most` numbers were passed.
std::size_t passed(const Histogram& histogram, double most, bool from_end) {
    double seen = 0;
    for (std::size_t i = 0; i < histogram.bins.size(); ++i) {
        const std::size_t bin = from_end ? histogram.bins.size() - 1 - i : i;
        seen += static_cast<double>(histogram.bins[bin]);
        if (seen > most) return bin;
    }
    return 0;
}

TensorRange as_range(const Ends& ends, Steps steps) {
    return with_zero({{}, static_cast<float>(ends.low), static_cast<float>(ends.high)}, steps);
}

/// What rounding to the steps makes of bins [begin, end), `levels` groups of them: the mean of each
/// group, for the bins of it that are not empty.
std::vector<double> rounded(std::span<const std::uint64_t> bins, int levels) {
    std::vector<double> made(bins.size());
    for (int level = 0; level < levels; ++level) {
        const std::size_t begin =
            bins.size() * static_cast<std::size_t>(level) / static_cast<std::size_t>(levels);
        const std::size_t end =
            bins.size() * static_cast<std::size_t>(level + 1) / static_cast<std::size_t>(levels);
        double sum = 0;
        double filled = 0;
        for (std::size_t i = begin; i < end; ++i) {
            sum += static_cast<double>(bins[i]);
            filled += bins[i] > 0 ? 1 : 0;
        }
        for (std::size_t i = begin; i < end; ++i)
            made[i] = bins[i] > 0 ? sum / filled : 0;
    }
    return made;
}

/// Kullback-Leibler divergence of bins [begin, end), what lies outside put into their ends, from
/// the same without it and rounded.
double divergence(std::span<const std::uint64_t> bins, std::size_t begin, std::size_t end) {
    const auto inside = bins.subspan(begin, end - begin);
    std::vector<double> clipped(inside.begin(), inside.end());
    clipped.front() +=
        std::accumulate(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(begin), 0.0);
    clipped.back() +=
        std::accumulate(bins.begin() + static_cast<std::ptrdiff_t>(end), bins.end(), 0.0);
    const std::vector<double> made = rounded(inside, kInt8Levels);
    const double clipped_sum = std::accumulate(clipped.begin(), clipped.end(), 0.0);
    const double made_sum = std::accumulate(made.begin(), made.end(), 0.0);
    if (made_sum == 0) return std::numeric_limits<double>::infinity();
    constexpr double kNever = 1e-9;  // a bin that rounding leaves empty and clipping fills
    double sum = 0;
    for (std::size_t i = 0; i < clipped.size(); ++i) {
        if (clipped[i] == 0) continue;
        const double p = clipped[i] / clipped_sum;
        sum += p * std::log(p / std::max(made[i] / made_sum, kNever));
    }
    return sum;
}

}  // namespace

double squared_error(const Histogram& histogram, const TensorRange& range) {
    const double low = range.low;
    const double high = range.high;
    const double step = (high - low) / (kInt8Levels - 1);
    // Where a bin is no finer than a step, its middle says nothing of where its numbers round to.
    const bool coarse = histogram.width * 2 > step;
    double sum = 0;
    double count = 0;
    for (std::size_t i = 0; i < histogram.bins.size(); ++i) {
        if (histogram.bins[i] == 0) continue;
        const double x = histogram.centre(i);
        double error = x - std::clamp(x, low, high);
        double square = error * error;
        if (error == 0) {
            error = x - std::nearbyint(x / step) * step;
            square = coarse ? step * step / 12 : error * error;
        }
        const auto number = static_cast<double>(histogram.bins[i]);
        sum += number * square;
        count += number;
    }
    return count > 0 ? sum / count : 0;
}

Ends percentile_ends(const Histogram& histogram, std::uint64_t count, double share) {
    const double most = static_cast<double>(count) * share / 2;
    const std::size_t first = passed(histogram, most, false);
    const std::size_t last = passed(histogram, most, true);
    return {histogram.centre(first) - histogram.width / 2,
            histogram.centre(last) + histogram.width / 2};
}

Ends mse_ends(const Histogram& histogram, const Ends& all, Steps steps) {
    Ends best = all;
    double least = squared_error(histogram, as_range(all, steps));
    auto consider = [&](const Ends& ends) {
        const double error = squared_error(histogram, as_range(ends, steps));
        if (error >= least) return;
        least = error;
        best = ends;
    };
    if (steps == Steps::kSymmetric) {
        for (int i = 1; i < kCandidates; ++i) {
            const double shrink = static_cast<double>(i) / kCandidates;
            consider({all.low * shrink, all.high * shrink});
        }
        return best;
    }
    // One end after the other: they hardly depend on each other.
    for (int round = 0; round < 2; ++round) {
        const Ends start = best;
        for (int i = 0; i < kCandidates; ++i)
            consider({start.low, all.high * i / kCandidates});
        const double high = best.high;
        for (int i = 0; i < kCandidates; ++i)
            consider({all.low * i / kCandidates, high});
    }
    return best;
}

Ends entropy_ends(const Histogram& histogram, const Ends& all) {
    Ends best = all;
    double least = std::numeric_limits<double>::infinity();
    const std::size_t bins = histogram.bins.size();
    for (int i = kCandidates; i > 0; --i) {
        const Ends ends{all.low * i / kCandidates, all.high * i / kCandidates};
        const auto bin_of = [&](double x) {
            return static_cast<std::size_t>(
                std::clamp((x - histogram.low) / histogram.width, 0.0, static_cast<double>(bins)));
        };
        const std::size_t begin = bin_of(ends.low);
        const std::size_t end = std::min(bins, bin_of(ends.high) + 1);
        if (end - begin < kInt8Levels) break;
        const double found = divergence(histogram.bins, begin, end);
        if (found >= least) continue;
        least = found;
        best = ends;
    }
    return best;
}

}  // namespace sluice::infer
