#include "sluice/infer/backends/openvino/compile.h"

#include <algorithm>

#include <openvino/runtime/properties.hpp>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/overflow.h"
#include "sluice/infer/backends/openvino/precision.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"
#include "sluice/infer/backends/openvino/rows.h"
#include "sluice/infer/backends/openvino/specs.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/device_number.h"

namespace sluice::infer {
namespace {

/// On a CPU, items of a batch run best one by one, side by side on the cores (README.md has the
/// figures), and a batch that is not full then costs no more than what is in it.
constexpr int kCpuBatch = 1;

Result<void> check_device(const std::string& device) {
    std::string word = to_lower(device);
    if (word == "auto" || word == "cpu") return {};
    return unsupported(fmt::format(
        "option 'device': there is no '{}'; there is: auto, cpu, cuda (the first GPU), cuda:1, ..",
        device));
}

std::vector<TensorSpec> with_batch(std::vector<TensorSpec> specs, int batch_size) {
    for (TensorSpec& spec : specs)
        spec.shape[0] = batch_size;
    return specs;
}

/// Says which model it is, for there may be several, and what helps.
template <class Value>
Result<Value> of_model(const std::string& path, Result<Value> result) {
    if (result) return result;
    Error error = std::move(result).error();
    if (error.where.empty()) error.where = path;
    if (error.code == ErrorCode::kExhausted)
        error.message += "; a smaller batch-size, or a num-requests of 1, needs less";
    return error;
}

/// `why` is it the CPU? "" where the user said so.
Result<OpenvinoPlan> make_plan(const std::string& path,
                               const std::shared_ptr<const ov::Model>& model,
                               const EngineOptions& asked,
                               const InputAdaptation& adaptation,
                               const std::string& why) {
    SLUICE_TRY(check_device(asked.device));
    const std::string device = SLUICE_TRY(device_name("cpu"));
    const DecidedPrecision decided = SLUICE_TRY(decide_precision(path, asked, device));
    const EngineOptions& options = decided.options;
    const int batch = options.device_batch > 0 ? options.device_batch : kCpuBatch;
    const PreparedModel prepared =
        SLUICE_TRY(prepare(path, *model, adaptation, std::min(batch, options.batch_size)));
    if (options.precision == Precision::kInt8)
        SLUICE_TRY(make_int8(path, options, *prepared.model));
    OpenvinoPlan plan = SLUICE_TRY(plan_of(path, prepared, options));
    if (!why.empty()) plan.description += fmt::format(" ({})", why);
    if (!decided.note.empty()) plan.description += "; " + decided.note;
    if (options.precision == Precision::kInt8 && !plan.description.starts_with("CPU, int8"))
        log_warning("infer", "{}: asked for int8, and no layer came out in it", path);
    log_info("infer", "{}: {}", path, plan.description);
    return plan;
}

}  // namespace

ov::Core& openvino_core() {
    // Never destroyed: its plug-ins may not be unloaded while other statics still go.
    static ov::Core& core = *new ov::Core;
    return core;
}

Result<std::string> device_name(const std::string& device) {
    const bool automatic = to_lower(device) == "auto";
    const auto number = automatic ? 0 : device_number(device);
    if (number) {
        const Result<void> present = cuda::check_present(*number);
        if (present) return cuda::gpu_name(*number);
        if (!automatic) return present.error();
    }
    if (!number) SLUICE_TRY(check_device(device));
    return guarded("CPU", []() -> Result<std::string> {
        return openvino_core().get_property("CPU", ov::device::full_name);
    });
}

Result<OpenvinoPlan> plan_of(const std::string& path,
                             const PreparedModel& prepared,
                             const EngineOptions& options) {
    ov::AnyMap config{{ov::hint::performance_mode.name(), ov::hint::PerformanceMode::THROUGHPUT}};
    SLUICE_TRY(set_precision(options.precision, *prepared.model, config));
    // fp32 computes rounded numbers as they are.
    if (options.precision != Precision::kFp32 && is_quantised(*prepared.model) && int8_overflows())
        widen_weights(*prepared.model);
    join_as_rows(*prepared.model);
    const int parts = (options.batch_size + prepared.batch - 1) / prepared.batch;
    // More streams than there is work for only take time to make: each has its own graph.
    if (options.num_requests > 0)
        config[ov::hint::num_requests.name()] =
            static_cast<std::uint32_t>(options.num_requests * parts);
    OpenvinoPlan plan;
    plan.path = path;
    plan.batch_size = options.batch_size;
    plan.device_batch = prepared.batch;
    plan.compiled = openvino_core().compile_model(prepared.model, "CPU", config);

    plan.inputs = with_batch(SLUICE_TRY(specs_of(plan.compiled.inputs())), plan.batch_size);
    plan.outputs = with_batch(SLUICE_TRY(specs_of(plan.compiled.outputs())), plan.batch_size);
    // Twice what the device computes at once: the next is there when one is done.
    auto side_by_side =
        static_cast<int>(plan.compiled.get_property(ov::optimal_number_of_infer_requests));
    plan.request_count = options.num_requests > 0
                             ? options.num_requests
                             : std::max(2, (2 * side_by_side + parts - 1) / parts);
    plan.description = fmt::format("CPU, {}, batch {} as {} x {}, {} in flight{}",
                                   precision_words(plan.compiled),
                                   plan.batch_size,
                                   parts,
                                   plan.device_batch,
                                   plan.request_count,
                                   prepared.stems > 0 ? ", focus stem as one convolution" : "");
    return plan;
}

Result<std::unique_ptr<Engine>> compile_model(const std::string& path,
                                              const std::shared_ptr<const ov::Model>& model,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation) {
    auto on_cuda = [&](int device) {
        return of_model(path, guarded(path, [&] {
                            return cuda::compile(path, *model, options, adaptation, device);
                        }));
    };
    if (const auto device = device_number(options.device)) {
        auto present = cuda::check_present(*device).context(
            fmt::format("option 'device': {}", options.device));
        if (present) return on_cuda(*device);
        Error error = std::move(present).error();
        if (error.code == ErrorCode::kUnsupported) error.message += "; 'auto' takes the CPU then";
        error.where = path;
        return error;
    }
    std::string why;
    if (to_lower(options.device) == "auto") {
        if (auto present = cuda::check_present(0); !present) {
            why = present.error().message;
        } else {
            auto engine = on_cuda(0);
            // What CUDA cannot do yet, the CPU may; any other failure is to be seen.
            if (engine || engine.error().code != ErrorCode::kUnsupported) return engine;
            log_warning("infer", "the CPU runs it, not CUDA: {}", engine.error().text());
            why = "CUDA: " + engine.error().message;
        }
    }
    OpenvinoPlan plan =
        SLUICE_TRY(of_model(path, guarded(path, [&]() -> Result<OpenvinoPlan> {
                                return make_plan(path, model, options, adaptation, why);
                            })));
    return std::unique_ptr<Engine>(std::make_unique<OpenvinoEngine>(std::move(plan)));
}

Result<EngineBuild> build_model(const std::string& path,
                                const std::shared_ptr<const ov::Model>& model,
                                const EngineOptions& options,
                                const InputAdaptation& adaptation,
                                const BuildOptions& build) {
    const bool automatic = to_lower(options.device) == "auto";
    const auto device = automatic ? 0 : device_number(options.device);
    if (!device) {
        return unsupported(
            fmt::format("engines are built for cuda and cuda:N, not for '{}'; a CPU needs none",
                        options.device));
    }
    SLUICE_TRY(cuda::check_present(*device).context("an engine is built on the device itself"));
    return of_model(path, guarded(path, [&] {
                        return cuda::build(path, *model, options, adaptation, build, *device);
                    }));
}

}  // namespace sluice::infer
