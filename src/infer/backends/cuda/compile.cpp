#include "sluice/infer/backends/cuda/compile.h"

#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/build_network.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/engine.h"
#include "sluice/infer/backends/openvino/end_engine.h"
#include "sluice/infer/calibration_file.h"

namespace sluice::infer::cuda {
namespace {

/// Two: one computes while the other's pixels and results cross the bus.
constexpr int kRequests = 2;

}  // namespace

Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model& model,
                                        const EngineOptions& asked,
                                        const InputAdaptation& adaptation,
                                        int device) {
    SLUICE_TRY(memory::cuda::use_device(device));
    const std::string gpu = SLUICE_TRY(gpu_name(device));
    DecidedPrecision decided = SLUICE_TRY(decide(path, model, asked, gpu));
    EngineOptions& options = decided.options;
    EngineClaim claim = SLUICE_TRY(claim_engine(path, options, adaptation, device));
    PlanOptions plans = plan_options(path, options);
    plans.known = claim.plans();
    BuiltNetwork built =
        SLUICE_TRY(build_network(path, model, options, adaptation, device, std::move(plans)));
    claim.keep(built.network->plan_names());
    const int requests = options.num_requests > 0 ? options.num_requests : kRequests;
    const std::string& note = decided.note;
    std::string description = fmt::format("CUDA:{} ({}), {}{}, batch {}, {} in flight",
                                          device,
                                          SLUICE_TRY(memory::cuda::device_name(device)),
                                          built.precision,
                                          note.empty() ? note : fmt::format(" ({})", note),
                                          options.batch_size,
                                          requests);
    std::unique_ptr<Engine> engine =
        std::make_unique<CudaEngine>(CudaEngine::Parts{path,
                                                       std::move(built.network),
                                                       std::move(built.inputs),
                                                       std::move(built.outputs),
                                                       requests,
                                                       device,
                                                       std::move(description)});
    if (built.parts) engine = SLUICE_TRY(EndEngine::create(path, std::move(engine), *built.parts));
    log_info("infer", "{}: {}", path, engine->description());
    return engine;
}

}  // namespace sluice::infer::cuda
