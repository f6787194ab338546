#include "sluice/infer/calibration_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/log.h"
#include "sluice/base/replace_file.h"
#include "sluice/base/sha256.h"
#include "sluice/base/text.h"
#include "sluice/infer/calibration/tensorrt_cache.h"
#include "sluice/infer/model_hash.h"

namespace sluice::infer {
namespace {

constexpr std::string_view kMagic = "sluice calibration";
constexpr int kVersion = 1;

Result<float> parse_float(std::string_view text) {
    return static_cast<float>(SLUICE_TRY(parse_number(text)));
}

/// Names end at a tab or the line's end.
bool is_plain(const std::string& name) {
    return !name.empty() && name.find_first_of("\t\n\r") == std::string::npos;
}

std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return text;
}

Result<void> check(const TensorRange& range) {
    if (std::isfinite(range.low) && std::isfinite(range.high) && range.low <= 0 &&
        range.high >= 0 && range.low < range.high)
        return {};
    return invalid_argument(fmt::format(
        "the range {} .. {} of tensor '{}' does not hold 0", range.low, range.high, range.tensor));
}

// A line for each thing; what may hold spaces comes last, or behind a tab.

Result<TensorRange> read_range(std::string_view text) {
    const auto [low, after_low] = first_word(text);
    const auto [high, tensor] = first_word(after_low);
    TensorRange range{
        std::string(tensor), SLUICE_TRY(parse_float(low)), SLUICE_TRY(parse_float(high))};
    if (range.tensor.empty()) return corrupt("a range without a tensor");
    SLUICE_TRY(check(range));
    return range;
}

Result<UsualMean> read_usual(std::string_view text) {
    const auto [mean, after_mean] = first_word(text);
    const auto [spread, tensor] = first_word(after_mean);
    if (tensor.empty()) return corrupt("a usual mean without a tensor");
    return UsualMean{
        std::string(tensor), SLUICE_TRY(parse_float(mean)), SLUICE_TRY(parse_float(spread))};
}

Result<FloatLayer> read_float_layer(std::string_view text) {
    const std::size_t tab = text.find('\t');
    if (tab == 0 || text.empty()) return corrupt("'float' without a layer");
    FloatLayer layer{std::string(text.substr(0, tab)), {}};
    if (tab != std::string_view::npos) layer.why = text.substr(tab + 1);
    return layer;
}

Result<BiasCorrection> read_bias(std::string_view text) {
    const std::size_t tab = text.find('\t');
    if (tab == 0 || tab == std::string_view::npos)
        return corrupt("'bias' without a layer or numbers");
    BiasCorrection bias{std::string(text.substr(0, tab)), {}};
    for (std::string_view number : split(text.substr(tab + 1), ' '))
        bias.add.push_back(SLUICE_TRY(parse_float(number)));
    return bias;
}

Result<MeasuredPrecision> read_measured(std::string_view text) {
    const auto [precision, after_precision] = first_word(text);
    const auto [speed, after_speed] = first_word(after_precision);
    const auto [loss, after_loss] = first_word(after_speed);
    const auto [outcome, device] = first_word(after_loss);
    if (device.empty() || (outcome != "passed" && outcome != "failed"))
        return corrupt("'measured' takes: precision, images a second, loss, passed|failed, device");
    return MeasuredPrecision{std::string(device),
                             SLUICE_TRY(detail::parse_value<Precision>(precision)),
                             SLUICE_TRY(parse_number(speed)),
                             SLUICE_TRY(parse_number(loss)),
                             outcome == "passed"};
}

template <class T>
Result<void> keep(std::vector<T>& all, Result<T> one) {
    all.push_back(SLUICE_TRY(std::move(one)));
    return {};
}

/// False for a word that is not known here.
bool read_text(std::string_view word, std::string_view rest, Calibration& calibration) {
    const std::array<std::pair<std::string_view, std::string*>, 4> texts{
        {{"model", &calibration.model},
         {"method", &calibration.method},
         {"images", &calibration.images},
         {"measure", &calibration.measure}}};
    for (const auto& [name, text] : texts) {
        if (word == name) {
            *text = rest;
            return true;
        }
    }
    return false;
}

Result<void> read_line(std::string_view line, Calibration& calibration) {
    const auto [word, rest] = first_word(line);
    if (word == "range") return keep(calibration.tensors, read_range(rest));
    if (word == "usual") return keep(calibration.usual, read_usual(rest));
    if (word == "float") return keep(calibration.float_layers, read_float_layer(rest));
    if (word == "bias") return keep(calibration.bias, read_bias(rest));
    if (word == "measured") return keep(calibration.measured, read_measured(rest));
    if (word == "image-count") {
        calibration.image_count = static_cast<int>(SLUICE_TRY(parse_integer(rest)));
    } else if (word == "floor") {
        calibration.floor = SLUICE_TRY(parse_number(rest));
    } else if (word == "forced") {
        calibration.forced = SLUICE_TRY(parse_bool(rest));
    } else if (!read_text(word, rest, calibration)) {
        return corrupt(fmt::format("what is '{}' here?", word));
    }
    return {};
}

/// What int8 is computed from: the part that calibration_hash() looks at.
std::string numbers_of(const Calibration& calibration) {
    std::string text;
    for (const TensorRange& range : calibration.tensors)
        text += fmt::format("range {} {} {}\n", range.low, range.high, range.tensor);
    for (const BiasCorrection& bias : calibration.bias)
        text += fmt::format("bias {}\t{}\n", bias.layer, fmt::join(bias.add, " "));
    return text;
}

std::string text_of(const Calibration& calibration) {
    std::string text = fmt::format(
        "{} {}\nmodel {}\nmethod {}\nimages {}\nimage-count {}\nmeasure {}\nfloor {}\nforced {}\n",
        kMagic,
        kVersion,
        calibration.model,
        one_line(calibration.method),
        one_line(calibration.images),
        calibration.image_count,
        calibration.measure,
        calibration.floor,
        calibration.forced ? "yes" : "no");
    for (const MeasuredPrecision& measured : calibration.measured) {
        text += fmt::format("measured {} {} {} {} {}\n",
                            to_text(measured.precision),
                            measured.images_per_second,
                            measured.loss,
                            measured.passed ? "passed" : "failed",
                            measured.device);
    }
    for (const UsualMean& usual : calibration.usual)
        text += fmt::format("usual {} {} {}\n", usual.mean, usual.spread, usual.tensor);
    for (const FloatLayer& layer : calibration.float_layers)
        text += fmt::format("float {}\t{}\n", layer.layer, one_line(layer.why));
    return text + numbers_of(calibration) + "end\n";
}

Result<void> check_names(const Calibration& calibration) {
    std::vector<std::string> names;
    for (const TensorRange& range : calibration.tensors)
        names.push_back(range.tensor);
    for (const FloatLayer& layer : calibration.float_layers)
        names.push_back(layer.layer);
    for (const BiasCorrection& bias : calibration.bias)
        names.push_back(bias.layer);
    const auto odd = std::find_if_not(names.begin(), names.end(), is_plain);
    if (odd == names.end()) return {};
    return invalid_argument(fmt::format(
        "the name '{}' cannot be kept: it is empty or has a tab or a line's end", *odd));
}

Result<std::shared_ptr<const Calibration>> read_for(const std::string& file,
                                                    const std::string& model) {
    Calibration calibration = SLUICE_TRY(read_calibration(file));
    SLUICE_TRY(check_belongs(calibration, model).context(file));
    return std::make_shared<const Calibration>(std::move(calibration));
}

/// Decides, where the calibration knows the device.
std::string auto_note(const Calibration& calibration,
                      const std::string& device,
                      Precision& precision) {
    const auto best = recommended(calibration, device);
    if (!best)
        return "precision auto: the device's own, for the calibration was not made on this one";
    precision = best->precision;
    return fmt::format(
        "precision auto: {} was the fastest that passed when calibrated here ({:.0f} images/s, a "
        "loss of {:.4f} {})",
        to_text(best->precision),
        best->images_per_second,
        best->loss,
        calibration.measure);
}

std::string forced_note(const Calibration& calibration) {
    std::string note = "int8 was forced (--force)";
    for (const MeasuredPrecision& measured : calibration.measured) {
        if (measured.precision != Precision::kInt8) continue;
        return note + fmt::format(": a loss of {:.4f} {}, the floor allows {:.4f}",
                                  measured.loss,
                                  calibration.measure,
                                  calibration.floor);
    }
    return note;
}

}  // namespace

Result<Calibration> read_calibration(const std::string& path) {
    std::ifstream stream(path);
    if (!stream)
        return not_found("there is no such calibration; `sluice calibrate` makes it", path);
    std::string line;
    std::getline(stream, line);
    if (!line.starts_with(kMagic))
        return corrupt("this is no calibration of `sluice calibrate`, nor a TensorRT cache", path);
    if (line != fmt::format("{} {}", kMagic, kVersion)) {
        return corrupt(
            fmt::format("the calibration is of another version ('{}'; this program reads "
                        "{}): make it anew with `sluice calibrate`",
                        line,
                        kVersion),
            path);
    }
    Calibration calibration;
    for (int number = 2; std::getline(stream, line); ++number) {
        if (line == "end") return calibration;
        if (auto read = read_line(line, calibration); !read)
            return corrupt(read.error().message, fmt::format("{}:{}", path, number));
    }
    return corrupt("the calibration was cut off: make it anew with `sluice calibrate`", path);
}

Result<void> write_calibration(const Calibration& calibration, const std::string& path) {
    SLUICE_TRY(check_names(calibration).context(path));
    for (const TensorRange& range : calibration.tensors)
        SLUICE_TRY(check(range).context(path));
    return replace_file(path, text_of(calibration), "the calibration");
}

std::string calibration_hash(const Calibration& calibration) {
    Sha256 sha;
    sha.add(numbers_of(calibration));
    for (const FloatLayer& layer : calibration.float_layers)
        sha.add(fmt::format("float {}\n", layer.layer));
    return sha.finish();
}

std::string calibration_beside(const std::string& model) {
    return model + ".calibration";
}

std::string calibration_file_of(const std::string& model, const EngineOptions& options) {
    if (!options.int8_calib_file.empty()) return options.int8_calib_file;
    const std::string beside = calibration_beside(model);
    std::error_code ignored;
    return std::filesystem::exists(beside, ignored) ? beside : std::string();
}

Result<void> check_belongs(const Calibration& calibration, const std::string& model) {
    if (calibration.model.empty()) return {};
    const std::string hash = SLUICE_TRY(model_hash(model));
    if (calibration.model == hash) return {};
    return invalid_argument(
        fmt::format("the calibration was made for another model (SHA-256 {:.12}..., this one is "
                    "{:.12}...): make one for this with `sluice calibrate {} --images DIR`",
                    calibration.model,
                    hash,
                    model),
        model);
}

Result<std::shared_ptr<const Calibration>> find_calibration(
    const std::string& model,
    const EngineOptions& options,
    const std::vector<QuantizableLayer>& layers) {
    if (options.calibration) return options.calibration;
    const std::string file = calibration_file_of(model, options);
    if (file.empty()) return std::shared_ptr<const Calibration>();
    if (!is_tensorrt_cache(file)) return read_for(file, model);
    const TensorrtCache cache = SLUICE_TRY(read_tensorrt_cache(file));
    return std::make_shared<const Calibration>(SLUICE_TRY(calibration_of(cache, layers, file)));
}

std::optional<MeasuredPrecision> recommended(const Calibration& calibration,
                                             const std::string& device) {
    std::optional<MeasuredPrecision> best;
    for (const MeasuredPrecision& measured : calibration.measured) {
        if (measured.device != device || !measured.passed) continue;
        if (!best || measured.images_per_second > best->images_per_second) best = measured;
    }
    return best;
}

Result<DecidedPrecision> decide_precision(const std::string& model,
                                          EngineOptions options,
                                          const std::string& device) {
    const bool automatic = options.precision == Precision::kAuto;
    DecidedPrecision out{std::move(options), {}};
    if (!automatic && out.options.precision != Precision::kInt8) return out;
    if (!out.options.calibration) {
        const std::string file = calibration_file_of(model, out.options);
        if (file.empty() || is_tensorrt_cache(file)) return out;
        auto found = read_for(file, model);
        if (!found && !automatic) return out;
        if (!found && !out.options.int8_calib_file.empty()) return std::move(found).error();
        if (!found) {
            log_warning("infer", "{}; the device's own precision is taken", found.error().text());
            return out;
        }
        out.options.calibration = std::move(*found);
    }
    if (automatic) {
        out.note = auto_note(*out.options.calibration, device, out.options.precision);
    } else if (out.options.calibration->forced) {
        out.note = forced_note(*out.options.calibration);
        log_warning("infer", "{}: {}", model, out.note);
    }
    return out;
}

}  // namespace sluice::infer
