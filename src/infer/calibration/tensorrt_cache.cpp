#include "sluice/infer/calibration/tensorrt_cache.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/log.h"
#include "sluice/base/replace_file.h"
#include "sluice/base/text.h"

namespace sluice::infer {
namespace {

constexpr std::string_view kTrt = "TRT-";
/// TensorRT's int8 goes to 127 on both sides.
constexpr float kSteps = 127;

Result<float> parse_bits(std::string_view digits) {
    std::uint32_t bits = 0;
    const auto [end, status] =
        std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    if (digits.size() != 8 || status != std::errc() || end != digits.data() + digits.size())
        return corrupt(fmt::format("'{}' is no scale of 8 hexadecimal digits", digits));
    const float scale = std::bit_cast<float>(bits);
    if (!std::isfinite(scale) || scale < 0)
        return corrupt(fmt::format("the scale '{}' is {}", digits, scale));
    return scale;
}

/// "TRT-8502-EntropyCalibration2"
Result<TensorrtCache> read_header(std::string_view line) {
    const std::size_t dash = line.find('-', kTrt.size());
    if (!line.starts_with(kTrt) || dash == std::string_view::npos || dash + 1 == line.size())
        return corrupt(
            "this is no TensorRT calibration cache: its first line is not like "
            "'TRT-8502-EntropyCalibration2'");
    return TensorrtCache{std::string(line.substr(kTrt.size(), dash - kTrt.size())),
                         std::string(line.substr(dash + 1)),
                         {}};
}

Result<std::pair<std::string, float>> read_scale(std::string_view line) {
    // The last: names may hold colons too.
    const std::size_t colon = line.rfind(": ");
    if (colon == std::string_view::npos || colon == 0)
        return corrupt("this line is not like 'tensor: 3c010a14'");
    return std::pair(std::string(line.substr(0, colon)),
                     SLUICE_TRY(parse_bits(line.substr(colon + 2))));
}

/// What a warning lists before "...".
constexpr std::size_t kListed = 8;

void warn_unmatched(const std::vector<std::string>& unmatched,
                    std::size_t layers,
                    const std::string& name) {
    if (unmatched.empty()) return;
    const std::span<const std::string> listed(unmatched.data(),
                                              std::min(unmatched.size(), kListed));
    log_warning("infer",
                "{}: knows no range for the input of {} of {} layers, which stay in float: {}{}",
                name,
                unmatched.size(),
                layers,
                fmt::join(listed, ", "),
                unmatched.size() > listed.size() ? ", ..." : "");
}

}  // namespace

bool is_tensorrt_cache(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string begin(kTrt.size(), '\0');
    return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kTrt;
}

Result<TensorrtCache> read_tensorrt_cache(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return not_found("there is no such calibration cache", path);
    std::stringstream text;
    text << file.rdbuf();
    return parse_tensorrt_cache(text.str(), path);
}

Result<TensorrtCache> parse_tensorrt_cache(std::string_view text, const std::string& name) {
    const auto lines = split(text, '\n');
    auto cache = read_header(lines.empty() ? std::string_view() : lines[0]);
    for (std::size_t i = 1; cache && i < lines.size(); ++i) {
        if (lines[i].empty()) continue;
        auto scale = read_scale(lines[i]);
        if (!scale) return corrupt(scale.error().message, fmt::format("{}:{}", name, i + 1));
        cache->scales.push_back(std::move(*scale));
    }
    if (!cache) return corrupt(cache.error().message, fmt::format("{}:1", name));
    return cache;
}

Result<void> write_tensorrt_cache(const TensorrtCache& cache, const std::string& path) {
    std::string text = fmt::format("{}{}-{}\n", kTrt, cache.version, cache.algorithm);
    for (const auto& [tensor, scale] : cache.scales)
        text += fmt::format("{}: {:08x}\n", tensor, std::bit_cast<std::uint32_t>(scale));
    return replace_file(path, text, "the calibration cache");
}

Result<Calibration> calibration_of(const TensorrtCache& cache,
                                   const std::vector<QuantizableLayer>& layers,
                                   const std::string& name) {
    const std::map<std::string, float> scales(cache.scales.begin(), cache.scales.end());
    Calibration calibration;
    calibration.method = fmt::format("TensorRT {} {}", cache.version, cache.algorithm);
    calibration.images = name;
    std::map<std::string, float> taken;
    std::vector<std::string> unmatched;
    for (const QuantizableLayer& layer : layers) {
        const auto scale = scales.find(layer.input);
        if (layer.depthwise) {
            calibration.float_layers.push_back({layer.name, "depthwise"});
        } else if (scale == scales.end() || scale->second == 0) {
            unmatched.push_back(fmt::format("{} ('{}')", layer.name, layer.input));
            calibration.float_layers.push_back({layer.name, "no range in the cache"});
        } else {
            taken.insert(*scale);
        }
    }
    if (taken.empty()) {
        return invalid_argument(
            fmt::format("this is a cache of another model: it names none of the {} tensors that "
                        "could be int8 ('{}' and others)",
                        layers.size(),
                        layers.empty() ? "" : layers[0].input),
            name);
    }
    warn_unmatched(unmatched, layers.size(), name);
    for (const auto& [tensor, scale] : taken)
        calibration.tensors.push_back({tensor, -scale * (kSteps + 1), scale * kSteps});
    return calibration;
}

TensorrtCache tensorrt_cache_of(const Calibration& calibration) {
    // The header that TensorRT 8.6, the last before caches were deprecated, writes. Another version
    // refuses it: users change that line.
    TensorrtCache cache{"8600", "EntropyCalibration2", {}};
    for (const TensorRange& range : calibration.tensors)
        cache.scales.emplace_back(
            range.tensor, std::max(-range.low * kSteps / (kSteps + 1), range.high) / kSteps);
    return cache;
}

}  // namespace sluice::infer
