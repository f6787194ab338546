#include "sluice/infer/backends/cuda/engine.h"

#include <utility>

#include "sluice/base/log.h"

namespace sluice::infer::cuda {

CudaEngine::CudaEngine(Parts parts) : parts_(std::move(parts)) {
    plan_.network = parts_.network.get();
    plan_.inputs = parts_.inputs;
    plan_.outputs = parts_.outputs;
    plan_.batch = static_cast<int>(parts_.inputs[0].shape[0]);
    plan_.device = parts_.device;
}

TakenStages CudaEngine::take_stages(const Stages& stages) {
    TakenStages taken;
    auto take = [&](bool& is_taken, const char* what, const Result<void>& outcome) {
        is_taken = bool(outcome);
        if (!outcome) {
            log_info(
                "infer", "{}: the host does the {}: {}", parts_.path, what, outcome.error().text());
        }
    };
    take(taken.pixels, "pre-processing", take_pixels(stages.pixels));
    if (stages.head != nullptr) take(taken.detections, "post-processing", take_detections(stages));
    if (taken.pixels) parts_.description += ", pixels on the device";
    if (taken.detections) parts_.description += ", boxes on the device";
    return taken;
}

Result<void> CudaEngine::take_pixels(const image::PreprocessPlan& pixels) {
    if (parts_.inputs.size() != 1) return unsupported("the network has other inputs as well");
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    SLUICE_TRY(image::cuda::BatchPreprocessor::create(pixels, plan_.batch));  // it tells
    plan_.pixels = pixels;
    return {};
}

Result<void> CudaEngine::take_detections(const Stages& stages) {
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    auto host =
        SLUICE_TRY(Postprocessor::create(parts_.outputs, *stages.head, *stages.postprocess, {}));
    Detector detector =
        SLUICE_TRY(Detector::create(parts_.outputs, *stages.head, host->clustering()));
    plan_.detections.emplace(
        DetectionStage{std::move(detector), *stages.head, *stages.postprocess, stages.outputs});
    return {};
}

Result<std::unique_ptr<Request>> CudaEngine::create_request() {
    const std::lock_guard lock(recording_);
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    auto request = CudaRequest::create(plan_);
    if (!request) return std::move(request).error().context(parts_.path);
    return std::unique_ptr<Request>(std::move(*request));
}

Result<void> CudaEngine::submit(Request& request) {
    auto& ours = static_cast<CudaRequest&>(request);
    if (ours.running()) return invalid_argument("the request runs already", parts_.path);
    return ours.start().context(parts_.path);
}

Result<void> CudaEngine::wait(Request& request) {
    return static_cast<CudaRequest&>(request).wait().context(parts_.path);
}

}  // namespace sluice::infer::cuda
