#include "sluice/infer/calibration/ranges.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/infer/calibration/histogram.h"

namespace sluice::infer {
namespace {

/// What the percentile method leaves out: 0.01 %, TensorRT's and NNCF's usual choice.
constexpr double kLeftOut = 1e-4;

std::int64_t index_of(double x, double width) {
    return static_cast<std::int64_t>(std::floor(x / width));
}

/// The narrowest power of two at which so many bins span low..high, which holds 0.
double width_for(double low, double high) {
    constexpr auto kMost = static_cast<std::int64_t>(RangeCollector::kBins);
    double width = std::exp2(std::ilogb((high - low) / static_cast<double>(kMost)));
    while (index_of(high, width) - index_of(low, width) >= kMost)
        width *= 2;
    return width;
}

Result<std::uint64_t> parse_count(std::string_view text) {
    const long long count = SLUICE_TRY(parse_integer(text));
    if (count < 0) return corrupt("a count below 0");
    return static_cast<std::uint64_t>(count);
}

}  // namespace

void RangeCollector::widen(float low, float high) {
    const double from = std::min({0.0f, min_, low});
    const double to = std::max({0.0f, max_, high});
    if (from == to) return;  // only zeros
    const double width = width_for(from, to);
    const std::int64_t first = index_of(from, width);
    if (width == width_ && first == first_) return;
    // The highest bin is always within: bins are as many as can be.
    std::vector<std::uint64_t> wider(kBins);
    for (std::size_t i = 0; i < bins_.size(); ++i) {
        if (bins_[i] == 0) continue;
        const double begin = static_cast<double>(first_ + static_cast<std::int64_t>(i)) * width_;
        wider[static_cast<std::size_t>(index_of(begin, width) - first)] += bins_[i];
    }
    bins_ = std::move(wider);
    width_ = width;
    first_ = first;
}

Result<void> RangeCollector::add(std::span<const float> numbers) {
    if (numbers.empty()) return {};
    float low = numbers[0];
    float high = numbers[0];
    bool finite = true;
    for (float x : numbers) {
        low = std::min(low, x);
        high = std::max(high, x);
        finite = finite && std::isfinite(x);
    }
    if (!finite) {
        return invalid_argument(fmt::format(
            "tensor '{}' takes values that are not finite (NaN or infinite): the model, or what "
            "was put into it, is broken",
            tensor_));
    }
    widen(low, high);
    min_ = count_ == 0 ? low : std::min(min_, low);
    max_ = count_ == 0 ? high : std::max(max_, high);
    count_ += numbers.size();
    if (width_ == 0) {
        zeros_ += numbers.size();
        return {};
    }
    const double begin = static_cast<double>(first_) * width_;
    const double inverse = 1 / width_;
    for (float x : numbers) {
        if (x == 0) {
            ++zeros_;
        } else {
            ++bins_[static_cast<std::size_t>((x - begin) * inverse)];
        }
    }
    return {};
}

void RangeCollector::add(const RangeCollector& other) {
    if (other.count_ == 0) return;
    widen(other.min_, other.max_);
    for (std::size_t i = 0; i < other.bins_.size(); ++i) {
        if (other.bins_[i] == 0) continue;
        const double begin =
            static_cast<double>(other.first_ + static_cast<std::int64_t>(i)) * other.width_;
        bins_[static_cast<std::size_t>(index_of(begin, width_) - first_)] += other.bins_[i];
    }
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
    count_ += other.count_;
    zeros_ += other.zeros_;
}

TensorRange RangeCollector::range(RangeMethod method, Steps steps) const {
    const Histogram histogram{bins_, static_cast<double>(first_) * width_, width_};
    Ends ends{std::min(min_, 0.0f), std::max(max_, 0.0f)};
    if (steps == Steps::kSymmetric) {
        ends.high = std::max(-ends.low, ends.high);
        ends.low = -ends.high;
    }
    if (method == RangeMethod::kPercentile && width_ > 0) {
        // The bins are wider than what was seen, never the range.
        const Ends kept = percentile_ends(histogram, count_, kLeftOut);
        ends.low = std::max<double>(ends.low, std::min(kept.low, 0.0));
        ends.high = std::min<double>(ends.high, std::max(kept.high, 0.0));
    } else if (method == RangeMethod::kMse && width_ > 0) {
        ends = mse_ends(histogram, ends, steps);
    } else if (method == RangeMethod::kEntropy && width_ > 0) {
        ends = entropy_ends(histogram, ends);
    }
    return with_zero({tensor_, static_cast<float>(ends.low), static_cast<float>(ends.high)}, steps);
}

double RangeCollector::clipped(const TensorRange& range) const {
    if (count_ == 0) return 0;
    const Histogram histogram{bins_, static_cast<double>(first_) * width_, width_};
    std::uint64_t outside = 0;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
        const double x = std::clamp<double>(histogram.centre(i), min_, max_);
        if (x < range.low || x > range.high) outside += bins_[i];
    }
    return static_cast<double>(outside) / static_cast<double>(count_);
}

std::string RangeCollector::save() const {
    std::string line = fmt::format("{}\t{}\t{}\t{}\t{}\t", tensor_, count_, zeros_, min_, max_);
    for (std::size_t i = 0; i < bins_.size(); ++i) {
        if (bins_[i] > 0) line += fmt::format("{}:{} ", i, bins_[i]);
    }
    return line;
}

Result<RangeCollector> RangeCollector::load(std::string_view line) {
    const auto fields = split(line, '\t');
    if (fields.size() != 6) return corrupt("this is no line of collected ranges");
    RangeCollector read{std::string(fields[0])};
    read.count_ = SLUICE_TRY(parse_count(fields[1]));
    read.zeros_ = SLUICE_TRY(parse_count(fields[2]));
    const auto min = static_cast<float>(SLUICE_TRY(parse_number(fields[3])));
    const auto max = static_cast<float>(SLUICE_TRY(parse_number(fields[4])));
    read.widen(min, max);  // the bins follow from these
    read.min_ = min;
    read.max_ = max;
    std::uint64_t counted = read.zeros_;
    for (std::string_view bin : split(fields[5], ' ')) {
        const auto parts = split(bin, ':');
        if (parts.size() != 2) return corrupt(fmt::format("'{}' is no bin", bin));
        const std::uint64_t index = SLUICE_TRY(parse_count(parts[0]));
        if (index >= read.bins_.size()) return corrupt(fmt::format("there is no bin {}", index));
        read.bins_[index] = SLUICE_TRY(parse_count(parts[1]));
        counted += read.bins_[index];
    }
    if (counted != read.count_) return corrupt("the bins do not add up");
    return read;
}

TensorRange with_zero(TensorRange range, Steps steps) {
    double low = std::min(range.low, 0.0f);
    double high = std::max(range.high, 0.0f);
    if (low == high) high = 1;
    if (steps == Steps::kSymmetric) {
        high = std::max(high, -low);
        range.low = static_cast<float>(-high * 128 / 127);
        range.high = static_cast<float>(high);
        return range;
    }
    const double step = (high - low) / 255;
    const double zero = std::nearbyint(-low / step);
    range.low = static_cast<float>(-zero * step);
    range.high = static_cast<float>((255 - zero) * step);
    return range;
}

}  // namespace sluice::infer
