#include "sluice/tuner/study.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "sluice/tuner/search.h"

namespace sluice::tuner {
namespace {

using infer::RangeMethod;

/// Most trusted first: a later one has to pay. Of YOLOX-nano's answers (-16.1, -15.8, -15.1, -15.6
/// dB on other pictures) 16 pictures call entropy the best, by less than kPays.
constexpr std::array<RangeMethod, 4> kMethods{
    RangeMethod::kPercentile, RangeMethod::kMse, RangeMethod::kMax, RangeMethod::kEntropy};
constexpr std::size_t kSome = 32;
/// Fewer samples are not halved.
constexpr std::size_t kLeastToHalve = 4;
/// A step pays where it takes away this share of the distance; less is noise.
constexpr double kPays = 0.05;
/// Least share of the multiply-adds for which int8 is worth its conversions.
constexpr double kLeastInt8 = 0.25;
/// A layer with less of them is no faster in int8.
constexpr double kNothing = 1e-4;
/// Heads whose last layers have less of them are spared whatever a trial says: a few pictures may
/// not show what these lose.
constexpr double kLittle = 0.05;
/// The share of the distance that a layer in float has to take away, for each share that it
/// computes: YOLOX-nano's worst layer takes away a quarter, and computes 1 %.
constexpr double kDear = 15;
/// The device rounds a little otherwise than the emulation.
constexpr double kMargin = 0.9;
/// Tensors that may get a method of their own.
constexpr std::size_t kRefined = 6;
constexpr const char* kDearLayer = "loses much for what it computes";

std::vector<const Sample*> of_part(const std::vector<const Sample*>& samples, Part part) {
    std::vector<const Sample*> out;
    for (const Sample* sample : samples) {
        if (part == Part::kAll || sample->half == static_cast<int>(part)) out.push_back(sample);
    }
    return out;
}

}  // namespace

Study::Study(Workbench& bench,
             const SampleSet& set,
             const Judge& judge,
             Journal& journal,
             Progress& progress,
             CalibrationReport& report)
    : bench_(bench),
      set_(set),
      judge_(judge),
      journal_(journal),
      progress_(progress),
      report_(report),
      some_(thin(set.samples, kSome)),
      few_(thin(set.samples, kEnoughForLayers)),
      some_in_fp32_(answers_to(some_, set.samples, judge.reference())),
      few_in_fp32_(answers_to(few_, set.samples, judge.reference())) {
    report_.held_out = set.samples.size() >= kLeastToHalve;
}

Result<void> Study::run(double floor) {
    SLUICE_TRY(choose_method());
    SLUICE_TRY(spare_heads());
    SLUICE_TRY(scan_layers());
    SLUICE_TRY(spare_worst());
    SLUICE_TRY(refine_tensors());
    SLUICE_TRY(correct_bias());
    return meet_floor(floor);
}

Result<double> Study::distance_of(const std::string& entry, const Recipe& recipe) {
    if (auto kept = journal_.number(entry)) return *kept;
    const infer::Calibration calibration = bench_.calibration(recipe, Part::kAll);
    const auto answers = SLUICE_TRY(emulated(bench_.subject, calibration, some_));
    const double value = distance(some_in_fp32_, answers);
    SLUICE_TRY(journal_.keep(entry, value));
    return value;
}

Result<void> Study::choose_method() {
    for (const infer::QuantizableLayer& layer : bench_.layers) {
        if (layer.depthwise)
            recipe_.floats[layer.name] = "depthwise: it computes little, and loses most";
        else if (share_of(layer, bench_.layers) < kNothing)
            recipe_.floats[layer.name] = "it computes next to nothing";
    }
    always_float_ = recipe_.floats;
    distance_ = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kMethods.size(); ++i) {
        SLUICE_TRY(progress_.step(
            "comparing ranges", static_cast<int>(i), static_cast<int>(kMethods.size())));
        Recipe recipe = recipe_;
        recipe.method = kMethods[i];
        const std::string name = to_text(kMethods[i]);
        const double value = SLUICE_TRY(distance_of("method " + name, recipe));
        report_.methods.emplace_back(name, value);
        if (value > distance_ * (1 - kPays)) continue;
        distance_ = value;
        recipe_.method = kMethods[i];
    }
    return {};
}

Result<void> Study::spare_heads() {
    const double before = int8_share(bench_.layers, recipe_.floats);
    Recipe recipe = recipe_;
    for (const infer::QuantizableLayer& layer : bench_.layers) {
        if (layer.last) recipe.floats.insert({layer.name, "last of a head"});
    }
    if (recipe.floats.size() == recipe_.floats.size()) return {};
    const double after = int8_share(bench_.layers, recipe.floats);
    if (after < kLeastInt8) return {};
    SLUICE_TRY(progress_.step("trying the heads in float", 0, 1));
    const double value = SLUICE_TRY(distance_of("heads in float", recipe));
    if (before - after > kLittle && value > distance_ * (1 - kPays)) return {};
    distance_ = value;
    recipe_ = std::move(recipe);
    return {};
}

Result<void> Study::correct_bias() {
    SLUICE_TRY(progress_.step("correcting biases", 0, static_cast<int>(kParts)));
    // What was kept does not say the corrections, only whether they pay.
    const auto kept = journal_.number("biases corrected");
    if (kept && *kept > distance_ * (1 - kPays)) return {};
    auto learn = [&](Part part) -> Result<void> {
        bench_.bias[static_cast<std::size_t>(part)] =
            SLUICE_TRY(bias_corrections(bench_, recipe_, part, of_part(some_, part)));
        return {};
    };
    SLUICE_TRY(learn(Part::kAll));
    Recipe recipe = recipe_;
    recipe.bias = true;
    const double value = SLUICE_TRY(distance_of("biases corrected", recipe));
    if (value > distance_ * (1 - kPays)) return {};
    if (report_.held_out) {
        SLUICE_TRY(progress_.step("correcting biases", 1, static_cast<int>(kParts)));
        SLUICE_TRY(learn(Part::kFirstHalf));
        SLUICE_TRY(progress_.step("correcting biases", 2, static_cast<int>(kParts)));
        SLUICE_TRY(learn(Part::kSecondHalf));
    }
    distance_ = value;
    recipe_ = std::move(recipe);
    report_.bias_corrected = true;
    return {};
}

Result<void> Study::scan_layers() {
    std::vector<std::pair<double, std::string>> price;
    int done = 0;
    for (const infer::QuantizableLayer& layer : bench_.layers) {
        SLUICE_TRY(progress_.step(
            "measuring each layer alone", done++, static_cast<int>(bench_.layers.size())));
        LayerReport& line = report_.layers.emplace_back();
        line.layer = layer;
        if (always_float_.count(layer.name) > 0) continue;
        const std::string entry = "alone " + layer.name;
        line.distance = journal_.number(entry);
        if (!line.distance) {
            const infer::Calibration calibration = bench_.alone(recipe_, layer.name);
            const auto answers = SLUICE_TRY(emulated(bench_.subject, calibration, few_));
            line.distance = distance(few_in_fp32_, answers);
            SLUICE_TRY(journal_.keep(entry, *line.distance));
        }
        if (recipe_.floats.count(layer.name) == 0)
            price.emplace_back(*line.distance / static_cast<double>(
                                                    std::max<std::int64_t>(layer.multiply_adds, 1)),
                               layer.name);
    }
    std::stable_sort(
        price.begin(), price.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (auto& [value, name] : price)
        ranked_.push_back(std::move(name));
    return {};
}

Result<void> Study::spare_worst() {
    for (const LayerReport* line : worst_first(report_)) {
        const std::string& name = line->layer.name;
        const double least = std::max(kPays, kDear * share_of(line->layer, bench_.layers));
        // Alone it loses too little to pay.
        if (recipe_.floats.count(name) > 0 || *line->distance < distance_ * least) continue;
        SLUICE_TRY(progress_.step("trying the worst layers in float", 0, 1));
        Recipe recipe = recipe_;
        recipe.floats[name] = kDearLayer;
        const double value = SLUICE_TRY(distance_of(name + " in float", recipe));
        if (value > distance_ * (1 - least)) return {};
        distance_ = value;
        recipe_ = std::move(recipe);
        std::erase(ranked_, name);
    }
    return {};
}

Result<void> Study::refine_tensors() {
    // The tensors of the layers that lose most alone, whatever these compute.
    std::set<std::string> tried;
    for (const LayerReport* line : worst_first(report_)) {
        if (recipe_.floats.count(line->layer.name) > 0) continue;
        if (line->layer.first) continue;  // its pixels keep all their range
        const std::string& tensor = line->layer.input;
        if (tried.size() == kRefined) break;
        if (!tried.insert(tensor).second) continue;
        SLUICE_TRY(progress_.step(
            "refining ranges", static_cast<int>(tried.size()) - 1, static_cast<int>(kRefined)));
        Recipe best = recipe_;
        for (RangeMethod method : kMethods) {
            if (method == recipe_.method) continue;
            Recipe recipe = recipe_;
            recipe.of_tensors[tensor] = method;
            const double value = SLUICE_TRY(
                distance_of(fmt::format("tensor {} by {}", tensor, to_text(method)), recipe));
            if (value > distance_ * (1 - kPays)) continue;
            distance_ = value;
            best = std::move(recipe);
        }
        recipe_ = std::move(best);
    }
    return {};
}

Recipe Study::with_floats(std::size_t count) const {
    Recipe recipe = recipe_;
    for (std::size_t i = 0; i < count; ++i)
        recipe.floats[ranked_[i]] = kDearLayer;
    return recipe;
}

Result<std::vector<Answer>> Study::held_out_answers(const Recipe& recipe, const Int8& int8) const {
    const std::vector<const Sample*> all = pointers(set_.samples);
    if (!report_.held_out) return int8(bench_.calibration(recipe, Part::kAll), all);
    std::vector<Answer> out(all.size());
    for (Part judged : {Part::kFirstHalf, Part::kSecondHalf}) {
        const Part taught = judged == Part::kFirstHalf ? Part::kSecondHalf : Part::kFirstHalf;
        const std::vector<const Sample*> samples = of_part(all, judged);
        auto answers = SLUICE_TRY(int8(bench_.calibration(recipe, taught), samples));
        for (std::size_t i = 0; i < samples.size(); ++i)
            out[static_cast<std::size_t>(samples[i] - set_.samples.data())] = std::move(answers[i]);
    }
    return out;
}

Result<bool> Study::try_floats(std::size_t count, double floor) {
    SLUICE_TRY(progress_.step(
        "looking for what has to stay in float", static_cast<int>(report_.tries.size()), 0));
    const Recipe recipe = with_floats(count);
    const std::string entry =
        fmt::format("{} with {} in float", to_string(judge_.measure()), count);
    auto loss = journal_.number(entry);
    if (!loss) {
        const auto answers =
            SLUICE_TRY(held_out_answers(recipe, [&](const auto& calibration, auto samples) {
                return emulated(bench_.subject, calibration, samples);
            }));
        loss = SLUICE_TRY(judge_.loss(answers));
        SLUICE_TRY(journal_.keep(entry, *loss));
    }
    report_.tries.push_back({count, int8_share(bench_.layers, recipe.floats), *loss});
    return *loss <= floor * kMargin;
}

Result<void> Study::meet_floor(double floor) {
    std::size_t most = 0;
    while (most < ranked_.size() &&
           int8_share(bench_.layers, with_floats(most + 1).floats) >= kLeastInt8)
        ++most;
    const auto least = SLUICE_TRY(
        least_passing(most, [&](std::size_t count) { return try_floats(count, floor); }));
    std::size_t count = 0;
    if (least) {
        count = *least;
    } else {
        const auto best = std::min_element(
            report_.tries.begin(), report_.tries.end(), [](const TryReport& a, const TryReport& b) {
                return a.loss < b.loss;
            });
        count = best->in_float;
    }
    recipe_ = with_floats(count);
    for (LayerReport& line : report_.layers) {
        const auto why = recipe_.floats.find(line.layer.name);
        if (why != recipe_.floats.end()) line.in_float = why->second;
    }
    report_.int8_share = int8_share(bench_.layers, recipe_.floats);
    return {};
}

}  // namespace sluice::tuner
