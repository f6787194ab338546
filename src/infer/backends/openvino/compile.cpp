#include "sluice/infer/backends/openvino/compile.h"

#include <algorithm>

#include <openvino/op/fake_quantize.hpp>
#include <openvino/runtime/properties.hpp>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/specs.h"
#include "sluice/infer/device_number.h"

namespace sluice::infer {
namespace {

/// On a CPU, items of a batch run best one by one, side by side on the cores (README.md has the
/// figures), and a batch that is not full then costs no more than what is in it.
constexpr int kCpuBatch = 1;

Result<void> check_device(const std::string& device) {
    std::string word = to_lower(device);
    if (word == "auto" || word == "cpu") return {};
    return unsupported(
        fmt::format("option 'device': there is no '{}'; there is: cpu, cuda, cuda:N", device));
}

bool is_quantised(const ov::Model& model) {
    auto ops = model.get_ops();
    return std::any_of(ops.begin(), ops.end(), [](const std::shared_ptr<ov::Node>& node) {
        return ov::is_type<ov::op::v0::FakeQuantize>(node);
    });
}

/// The words of Precision that this CPU computes in, as OpenVINO names them.
std::vector<std::string> capabilities() {
    std::vector<std::string> words;
    for (const std::string& word : openvino_core().get_property("CPU", ov::device::capabilities)) {
        std::string lower = to_lower(word);
        if (lower == "fp32" || lower == "fp16" || lower == "bf16" || lower == "int8")
            words.push_back(lower);
    }
    return words;
}

/// Adds what makes the CPU keep to the precision asked for.
Result<void> set_precision(Precision precision, const ov::Model& model, ov::AnyMap& config) {
    if (precision == Precision::kAuto) return {};
    std::vector<std::string> can = capabilities();
    std::string word = to_text(precision);
    if (std::find(can.begin(), can.end(), word) == can.end()) {
        return unsupported(
            fmt::format("option 'precision': this CPU does not compute in {}; it "
                        "can: {}",
                        word,
                        fmt::join(can, ", ")));
    }
    if (precision == Precision::kInt8) {
        if (is_quantised(model)) return {};
        return unsupported("option 'precision': int8 needs a quantised model, and this one is not");
    }
    ov::element::Type type = precision == Precision::kFp32   ? ov::element::f32
                             : precision == Precision::kBf16 ? ov::element::bf16
                                                             : ov::element::f16;
    config[ov::hint::inference_precision.name()] = type;
    return {};
}

std::string precision_word(const ov::CompiledModel& compiled, bool quantised) {
    ov::element::Type type = compiled.get_property(ov::hint::inference_precision);
    std::string word = type == ov::element::f32    ? "fp32"
                       : type == ov::element::bf16 ? "bf16"
                       : type == ov::element::f16  ? "fp16"
                                                   : type.get_type_name();
    return quantised ? "int8 and " + word : word;
}

std::vector<TensorSpec> with_batch(std::vector<TensorSpec> specs, int batch_size) {
    for (TensorSpec& spec : specs)
        spec.shape[0] = batch_size;
    return specs;
}

/// `why` is it the CPU? "" where the user said so.
Result<OpenvinoPlan> make_plan(const std::string& path,
                               const std::shared_ptr<const ov::Model>& model,
                               const EngineOptions& options,
                               const InputAdaptation& adaptation,
                               const std::string& why) {
    SLUICE_TRY(check_device(options.device));
    ov::AnyMap config{{ov::hint::performance_mode.name(), ov::hint::PerformanceMode::THROUGHPUT}};
    SLUICE_TRY(set_precision(options.precision, *model, config));

    OpenvinoPlan plan;
    plan.path = path;
    plan.batch_size = options.batch_size;
    plan.device_batch =
        std::min(options.device_batch > 0 ? options.device_batch : kCpuBatch, plan.batch_size);
    PreparedModel prepared = SLUICE_TRY(prepare(path, *model, adaptation, plan.device_batch));
    plan.device_batch = prepared.batch;
    bool quantised = is_quantised(*prepared.model);
    plan.compiled = openvino_core().compile_model(prepared.model, "CPU", config);

    plan.inputs = with_batch(SLUICE_TRY(specs_of(plan.compiled.inputs())), plan.batch_size);
    plan.outputs = with_batch(SLUICE_TRY(specs_of(plan.compiled.outputs())), plan.batch_size);
    // Twice what the device computes at once: the next is there when one is done.
    int parts = (plan.batch_size + plan.device_batch - 1) / plan.device_batch;
    auto side_by_side =
        static_cast<int>(plan.compiled.get_property(ov::optimal_number_of_infer_requests));
    plan.request_count = options.num_requests > 0
                             ? options.num_requests
                             : std::max(2, (2 * side_by_side + parts - 1) / parts);
    plan.description = fmt::format("CPU, {}, batch {} as {} x {}, {} in flight{}{}",
                                   precision_word(plan.compiled, quantised),
                                   plan.batch_size,
                                   parts,
                                   plan.device_batch,
                                   plan.request_count,
                                   prepared.stems > 0 ? ", focus stem as one convolution" : "",
                                   why.empty() ? "" : fmt::format(" ({})", why));
    log_info("infer", "{}: {}", path, plan.description);
    return plan;
}

}  // namespace

ov::Core& openvino_core() {
    // Never destroyed: its plug-ins may not be unloaded while other statics still go.
    static ov::Core& core = *new ov::Core;
    return core;
}

Result<std::unique_ptr<Engine>> compile_model(const std::string& path,
                                              const std::shared_ptr<const ov::Model>& model,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation) {
    auto on_cuda = [&](int device) {
        return guarded(path,
                       [&] { return cuda::compile(path, *model, options, adaptation, device); });
    };
    if (const auto device = device_number(options.device)) {
        SLUICE_TRY(cuda::check_present(*device).context(
            fmt::format("option 'device': {}", options.device)));
        return on_cuda(*device);
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
    Result<OpenvinoPlan> plan = guarded(path, [&]() -> Result<OpenvinoPlan> {
        return make_plan(path, model, options, adaptation, why);
    });
    if (!plan) {
        Error error = std::move(plan).error();
        if (error.where.empty()) error.where = path;
        return error;
    }
    return std::unique_ptr<Engine>(std::make_unique<OpenvinoEngine>(std::move(*plan)));
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
    return guarded(path,
                   [&] { return cuda::build(path, *model, options, adaptation, build, *device); });
}

}  // namespace sluice::infer
