#include "sluice/tuner/calibrate.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "sluice/infer/calibration/tensorrt_cache.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/model_hash.h"
#include "sluice/tuner/domain.h"
#include "sluice/tuner/study.h"
#include "sluice/tuner/verdict.h"

namespace sluice::tuner {
namespace {

/// Batches of a GPU, which streams fill; on a CPU a batch is computed item by item anyway.
constexpr int kDeviceBatch = 16;
/// Each precision's speed is measured so often.
constexpr int kRounds = 3;
/// Of the steps: a journal of other ones says nothing.
constexpr int kStepsVersion = 3;

/// FNV-1a: tells sets of pictures apart, no more is needed.
std::uint64_t checksum(const std::vector<Sample>& samples) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const Sample& sample : samples) {
        for (std::byte byte : sample.input)
            hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
    }
    return hash;
}

/// What both commands begin with: the model, its layers, and the pictures as fp32 sees them.
struct Subjects {
    std::unique_ptr<Subject> subject;
    std::vector<infer::QuantizableLayer> layers;
    SampleSet set;
    std::unique_ptr<Judge> judge;
    std::string hash;
    std::string broken_output;  ///< of fp32
};

Result<Subjects> begin(const CalibrateOptions& options,
                       Progress& progress,
                       CalibrationReport& report) {
    Subjects out;
    report.model = options.model.model;
    out.hash = SLUICE_TRY(infer::model_hash(options.model.model));
    report.device = SLUICE_TRY(infer::device_name(options.model.engine.device));
    SLUICE_TRY(progress.step("loading the model", 0, 1));
    out.subject = SLUICE_TRY(Subject::open(options.model));
    report.head = out.subject->description().summary;
    for (Name name : out.subject->description().labels.classes)
        report.class_names.emplace_back(name.view());
    out.layers = SLUICE_TRY(out.subject->layers());
    if (out.layers.empty())
        return unsupported(
            "no layer of this model could be quantised; one that is already (Q/DQ nodes) needs no "
            "calibration: run it with --precision int8",
            options.model.model);
    out.set = SLUICE_TRY(read_samples(*out.subject, options.pictures, options.frames, progress));
    report.images = out.set.from;
    report.image_count = out.set.samples.size();
    report.warnings = out.set.warnings;
    SLUICE_TRY(progress.step("running in fp32", 0, 1));
    auto engine = SLUICE_TRY(out.subject->observe({}, nullptr));
    auto reference = SLUICE_TRY(out.subject->answers(*engine, pointers(out.set.samples)));
    out.broken_output = out.subject->broken_output();
    out.judge = std::make_unique<Judge>(SLUICE_TRY(
        Judge::create(*out.subject, out.set.samples, std::move(reference), options.labels)));
    report.measure = out.judge->measure();
    report.fp32_value = out.judge->reference_value();
    report.floor = options.floor.value_or(default_floor(report.measure));
    return out;
}

/// What the layers read. Then, before the work that may take minutes, whether fp32's answers are
/// any to compare with: last, for a tensor with numbers that are not finite tells more of what is
/// broken than an output.
Result<Activations> look_inside(const Subjects& subjects,
                                const CalibrateOptions& options,
                                Journal& journal,
                                Progress& progress,
                                const CalibrationReport& report) {
    auto activations = Activations::collect(
        *subjects.subject, subjects.set.samples, subjects.layers, journal, progress);
    if (!activations && activations.error().code != ErrorCode::kInvalidArgument) return activations;
    const std::string& broken = subjects.broken_output;
    const std::string blind = subjects.judge->blind();
    if (activations && broken.empty() && (blind.empty() || options.force)) return activations;
    journal.remove();  // the same command would come to the same
    if (!activations) return activations;
    if (broken.empty()) return invalid_argument(blind, report.images);
    return invalid_argument(
        fmt::format("output '{}' holds numbers that are not finite (NaN or infinite) in fp32: the "
                    "model, or what was put into it, is broken",
                    broken),
        report.model);
}

/// What the device's own int8 answers; in emulation where it has none.
Result<std::vector<Answer>> on_device(Subject& subject,
                                      const infer::Calibration& calibration,
                                      std::span<const Sample* const> samples,
                                      bool& emulates) {
    auto engine =
        subject.compile(infer::Precision::kInt8, std::make_shared<infer::Calibration>(calibration));
    if (engine) return subject.answers(**engine, samples);
    if (engine.error().code != ErrorCode::kUnsupported) return std::move(engine).error();
    emulates = true;
    return emulated(subject, calibration, samples);
}

/// Of each precision that the device can do, speed and accuracy.
Result<void> compare_precisions(Subjects& subjects,
                                const infer::Calibration& calibration,
                                const CalibrateOptions& options,
                                Progress& progress,
                                CalibrationReport& report) {
    const bool on_cpu = gst::likely_device(options.model) == memory::kHostMemory;
    const int batch = options.batch > 0 ? options.batch : on_cpu ? 1 : kDeviceBatch;
    auto all = SLUICE_TRY(
        contenders(*subjects.subject, std::make_shared<infer::Calibration>(calibration), batch));
    report.batch = all.front().engine->batch_size();
    SLUICE_TRY(race(pointers(subjects.set.samples), options.turn, kRounds, all, progress));
    return judge_precisions(
        *subjects.subject, subjects.set, *subjects.judge, all, progress, report);
}

Result<void> write(const CalibrateOptions& options,
                   const std::string& output,
                   infer::Calibration calibration,
                   CalibrationReport& report) {
    calibration.images = report.images;
    calibration.image_count = static_cast<int>(report.image_count);
    calibration.measure = std::string(to_string(report.measure));
    calibration.floor = report.floor;
    calibration.forced = report.verdict == Verdict::kForced;
    calibration.measured = measured(report);
    SLUICE_TRY(infer::write_calibration(calibration, output));
    report.written = output;
    if (options.tensorrt_cache.empty()) return {};
    return infer::write_tensorrt_cache(infer::tensorrt_cache_of(calibration),
                                       options.tensorrt_cache);
}

/// What each layer of an existing calibration loses alone.
Result<void> scan(Subjects& subjects,
                  const infer::Calibration& calibration,
                  Progress& progress,
                  CalibrationReport& report) {
    const std::vector<Sample>& all = subjects.set.samples;
    const std::vector<const Sample*> samples = thin(all, kEnoughForLayers);
    const std::vector<Answer> reference = answers_to(samples, all, subjects.judge->reference());
    int done = 0;
    for (LayerReport& line : report.layers) {
        SLUICE_TRY(progress.step(
            "measuring each layer alone", done++, static_cast<int>(report.layers.size())));
        if (!line.in_float.empty()) continue;
        const auto answers = SLUICE_TRY(emulated(
            *subjects.subject, only(calibration, subjects.layers, line.layer.name), samples));
        line.distance = distance(reference, answers);
    }
    return {};
}

void list_layers(const Subjects& subjects,
                 const infer::Calibration& calibration,
                 CalibrationReport& report) {
    Floats floats;
    for (const infer::FloatLayer& layer : calibration.float_layers)
        floats[layer.layer] = layer.why;
    for (const infer::QuantizableLayer& layer : subjects.layers) {
        LayerReport& line = report.layers.emplace_back();
        line.layer = layer;
        if (const auto why = floats.find(layer.name); why != floats.end())
            line.in_float = why->second;
    }
    report.int8_share = int8_share(subjects.layers, floats);
}

}  // namespace

Result<CalibrationReport> calibrate(const CalibrateOptions& options, Progress& progress) {
    CalibrationReport report;
    Subjects subjects = SLUICE_TRY(begin(options, progress, report));
    const std::string output =
        options.output.empty() ? infer::calibration_beside(options.model.model) : options.output;
    Journal journal = SLUICE_TRY(Journal::open(output + ".work",
                                               fmt::format("{} {} {:x} {}",
                                                           kStepsVersion,
                                                           subjects.hash,
                                                           checksum(subjects.set.samples),
                                                           options.labels)));
    if (journal.resumed() > 0)
        report.warnings.push_back(fmt::format("went on where it was interrupted ({} results of {})",
                                              journal.resumed(),
                                              output + ".work"));
    Workbench bench{*subjects.subject,
                    subjects.hash,
                    subjects.layers,
                    SLUICE_TRY(look_inside(subjects, options, journal, progress, report))};
    Study study(bench, subjects.set, *subjects.judge, journal, progress, report);
    SLUICE_TRY(study.run(report.floor));

    SLUICE_TRY(progress.step("measuring int8", 0, 1));
    const infer::Calibration calibration = bench.calibration(study.recipe(), Part::kAll);
    report.method = calibration.method;
    const auto answers =
        SLUICE_TRY(study.held_out_answers(study.recipe(), [&](const auto& taught, auto samples) {
            return on_device(*subjects.subject, taught, samples, report.emulated);
        }));
    report.int8 = SLUICE_TRY(subjects.judge->judge(answers));
    SLUICE_TRY(compare_precisions(subjects, calibration, options, progress, report));
    decide(*subjects.judge, options.force, report);
    SLUICE_TRY(show_worst(*subjects.subject, subjects.set, *subjects.judge, answers, report));
    if (report.verdict != Verdict::kRefused)
        SLUICE_TRY(write(options, output, calibration, report));
    journal.remove();
    return report;
}

Result<CalibrationReport> check_calibration(const CalibrateOptions& options,
                                            const std::string& path,
                                            Progress& progress) {
    CalibrationReport report;
    report.check = true;
    report.held_out = true;
    infer::Calibration calibration;
    const bool foreign = infer::is_tensorrt_cache(path);
    if (!foreign) {
        calibration = SLUICE_TRY(infer::read_calibration(path));
        SLUICE_TRY(infer::check_belongs(calibration, options.model.model));
    }
    Subjects subjects = SLUICE_TRY(begin(options, progress, report));
    if (foreign) {
        const auto cache = SLUICE_TRY(infer::read_tensorrt_cache(path));
        calibration = SLUICE_TRY(infer::calibration_of(cache, subjects.layers, path));
    }
    if (!options.floor && calibration.measure == to_string(report.measure))
        report.floor = calibration.floor;
    report.method = calibration.method;
    report.calibrated_on =
        foreign ? "what the cache does not say"
                : fmt::format("{} ({} pictures)", calibration.images, calibration.image_count);
    list_layers(subjects, calibration, report);

    Journal none;
    const Activations activations =
        SLUICE_TRY(look_inside(subjects, options, none, progress, report));
    if (!foreign) report.domain = compare_domain(calibration, activations);
    SLUICE_TRY(progress.step("measuring int8", 0, 1));
    const auto answers = SLUICE_TRY(
        on_device(*subjects.subject, calibration, pointers(subjects.set.samples), report.emulated));
    report.int8 = SLUICE_TRY(subjects.judge->judge(answers));
    SLUICE_TRY(compare_precisions(subjects, calibration, options, progress, report));
    if (report.int8.loss > report.floor) SLUICE_TRY(scan(subjects, calibration, progress, report));
    decide(*subjects.judge, false, report);
    SLUICE_TRY(show_worst(*subjects.subject, subjects.set, *subjects.judge, answers, report));
    return report;
}

}  // namespace sluice::tuner
