#include "sluice/infer/backends/cuda/build_network.h"

#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"
#include "sluice/infer/backends/openvino/specs.h"
#include "sluice/infer/calibration/tensorrt_cache.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/device_choice.h"
#include "sluice/infer/model_hash.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

Result<std::string> precision_word(const EngineOptions& options) {
    SLUICE_TRY(check_cuda_precision(options.precision));
    switch (options.precision) {
        case Precision::kFp32:
            return std::string(options.tf32 ? "tf32" : "fp32");
        case Precision::kInt8:
            return std::string("int8");
        default:
            return std::string("fp16");
    }
}

/// Tells calibrations apart by what int8 computes from them; "" for a model with its own.
Result<std::string> calibration_word(const std::string& path, const EngineOptions& options) {
    if (options.precision != Precision::kInt8) return std::string();
    if (options.calibration) return calibration_hash(*options.calibration);
    const std::string file = calibration_file_of(path, options);
    if (file.empty()) return std::string();
    return model_hash(file);  // a TensorRT cache, or what a model of Q/DQ nodes does not read
}

/// What the network's arithmetic turned out to be.
std::string words_for(const std::string& precision, const Network& network) {
    if (precision != "int8") return precision;
    const auto share = network.int8_share();
    return fmt::format("int8 ({} of {} convolutions) and fp16", share.layers, share.of);
}

}  // namespace

Result<DecidedPrecision> decide(const std::string& path,
                                const ov::Model& model,
                                const EngineOptions& asked,
                                const std::string& gpu) {
    if (asked.precision != Precision::kAuto || !is_quantised(model))
        return decide_precision(path, asked, gpu);
    DecidedPrecision out{asked, "precision auto: int8, for the model is quantised already"};
    out.options.precision = Precision::kInt8;
    return out;
}

Result<BuiltNetwork> build_network(const std::string& path,
                                   const ov::Model& model,
                                   const EngineOptions& options,
                                   const InputAdaptation& adaptation,
                                   int device,
                                   PlanOptions plans) {
    BuiltNetwork built;
    const std::string precision = SLUICE_TRY(precision_word(options));
    built.parts = SLUICE_TRY(split_model(model, adaptation));
    const ov::Model& body = built.parts ? *built.parts->body : model;
    PreparedModel prepared = SLUICE_TRY(prepare(path, body, adaptation, options.batch_size));
    if (prepared.batch != options.batch_size)
        return unsupported("the network cannot take several items at once: use batch-size 1", path);
    const bool int8 = precision == "int8";
    if (int8) SLUICE_TRY(make_int8(path, options, *prepared.model));
    const ov::Model& work = *prepared.model;
    built.inputs = SLUICE_TRY(specs_of(work.inputs()));
    built.outputs = SLUICE_TRY(specs_of(work.outputs()));
    for (TensorSpec& output : built.outputs)
        output.type = ElementType::kF32;  // of integers too
    Graph graph = SLUICE_TRY(import_model(work));
    fuse(graph);
    const ElementType type = int8 || precision == "fp16" ? ElementType::kF16 : ElementType::kF32;
    built.network = SLUICE_TRY(Network::create(lower(std::move(graph), type, int8),
                                               {device, precision == "tf32", std::move(plans)}));
    built.precision = words_for(precision, *built.network);
    return built;
}

Result<std::string> hash_for(const std::string& path, EngineOptions& options) {
    const bool int8 = options.precision == Precision::kInt8;
    const std::string file = int8 ? calibration_file_of(path, options) : "";
    if (!options.calibration && !file.empty() && !is_tensorrt_cache(file)) {
        // What is wrong with it is told where it is needed.
        if (auto found = find_calibration(path, options, {})) options.calibration = *found;
    }
    if (options.calibration && !options.calibration->model.empty())
        return options.calibration->model;
    return model_hash(path);
}

Result<EngineMaking> making_of(const std::string& path,
                               EngineOptions& options,
                               const InputAdaptation& adaptation,
                               int device,
                               std::vector<int> batches) {
    SLUICE_TRY(Cudnn::load());
    EngineMaking making;
    making.model = SLUICE_TRY(hash_for(path, options));
    making.gpu = SLUICE_TRY(gpu_name(device));
    making.cudnn = std::to_string(Cudnn::version());
    making.sluice = sluice_version();
    making.precision = SLUICE_TRY(precision_word(options));
    making.calibration = SLUICE_TRY(calibration_word(path, options));
    making.batches = std::move(batches);
    if (adaptation.width > 0)
        making.input = fmt::format("{}x{}", adaptation.width, adaptation.height);
    return making;
}

PlanOptions plan_options(const std::string& path, const EngineOptions& options) {
    PlanOptions plans;
    plans.tuned = options.plans == Plans::kTuned;
    plans.cache = options.plan_cache.empty() ? default_plan_cache() : options.plan_cache;
    // A start that takes minutes has to say so wherever it happens.
    plans.progress = [path](const std::string& text) {
        log_warning("infer", "{}: {}", path, text);
    };
    plans.stuck = [path](const std::string& text) {
        log(LogLevel::kError, "infer", path + ": " + text);
    };
    return plans;
}

Result<EngineClaim> claim_engine(const std::string& path,
                                 EngineOptions& options,
                                 const InputAdaptation& adaptation,
                                 int device) {
    const std::string& named = options.model_engine_file;
    const bool tuned = options.plans == Plans::kTuned;
    // Without reading the whole model for its hash.
    if (!tuned && engine_file_of(path, named, SLUICE_TRY(precision_word(options))).empty())
        return EngineClaim();
    auto making = making_of(path, options, adaptation, device, {options.batch_size});
    if (!making) {
        if (making.error().code != ErrorCode::kUnsupported) return std::move(making).error();
        return EngineClaim();  // a folder has no engine file, and needs none
    }
    return EngineClaim::take(
        {path, named, std::move(*making), tuned ? default_engine_cache() : ""});
}

}  // namespace sluice::infer::cuda
