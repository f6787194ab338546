#include "sluice/infer/backends/cuda/compile.h"

#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/engine.h"
#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

/// Two: one computes while the other's pixels and results cross the bus.
constexpr int kRequests = 2;

Result<ElementType> compute_type(Precision precision) {
    switch (precision) {
        case Precision::kAuto:
        case Precision::kFp16:
            return ElementType::kF16;
        case Precision::kFp32:
            return ElementType::kF32;
        default:
            return unsupported(fmt::format(
                "option 'precision': {} is not supported on CUDA yet; fp16 and fp32 are",
                to_text(precision)));
    }
}

}  // namespace

Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model& model,
                                        const EngineOptions& options,
                                        const InputAdaptation& adaptation,
                                        int device) {
    const ElementType type = SLUICE_TRY(compute_type(options.precision));
    SLUICE_TRY(memory::cuda::use_device(device));
    PreparedModel prepared = SLUICE_TRY(prepare(path, model, adaptation, options.batch_size));
    if (prepared.batch != options.batch_size)
        return unsupported("the network cannot take several items at once: use batch-size 1", path);
    const ov::Model& work = *prepared.model;
    std::vector<TensorSpec> inputs = SLUICE_TRY(specs_of(work.inputs()));
    std::vector<TensorSpec> outputs = SLUICE_TRY(specs_of(work.outputs()));
    Graph graph = SLUICE_TRY(import_model(work));
    fuse(graph);
    Network::Options network_options;
    network_options.device = device;
    std::unique_ptr<Network> network =
        SLUICE_TRY(Network::create(lower(std::move(graph), type), network_options));
    const int requests = options.num_requests > 0 ? options.num_requests : kRequests;
    std::string description = fmt::format("CUDA:{} ({}), {}, batch {}, {} in flight",
                                          device,
                                          SLUICE_TRY(memory::cuda::device_name(device)),
                                          type == ElementType::kF16 ? "fp16" : "fp32",
                                          options.batch_size,
                                          requests);
    log_info("infer", "{}: {}", path, description);
    return std::unique_ptr<Engine>(
        std::make_unique<CudaEngine>(CudaEngine::Parts{path,
                                                       std::move(network),
                                                       std::move(inputs),
                                                       std::move(outputs),
                                                       requests,
                                                       device,
                                                       description}));
}

}  // namespace sluice::infer::cuda
