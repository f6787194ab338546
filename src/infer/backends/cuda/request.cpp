#include "sluice/infer/backends/cuda/request.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sluice/base/log.h"

namespace sluice::infer::cuda {

using memory::cuda::Buffer;
using memory::cuda::check;
using memory::cuda::Stream;

Result<std::unique_ptr<CudaRequest>> CudaRequest::create(const RequestPlan& plan) {
    std::unique_ptr<CudaRequest> request(new CudaRequest(plan));
    request->stream_ = SLUICE_TRY(Stream::create());
    SLUICE_TRY(request->allocate());
    request->graph_ = SLUICE_TRY(captured(request->stream_, [&] { return request->queue(); }));
    return request;
}

CudaRequest::~CudaRequest() {
    (void)stream_.wait();
}

Result<void> CudaRequest::allocate() {
    memory_ = SLUICE_TRY(plan_.network->allocate());
    auto pinned = [&](const TensorSpec& spec) {
        return Buffer::create(Buffer::Kind::kPinnedHost,
                              spec.item_bytes() * static_cast<std::size_t>(plan_.batch));
    };
    if (plan_.pixels) {
        pixels_.emplace(
            SLUICE_TRY(image::cuda::BatchPreprocessor::create(*plan_.pixels, plan_.batch)));
    } else {
        for (const TensorSpec& spec : plan_.inputs) {
            inputs_.push_back(SLUICE_TRY(pinned(spec)));
            // An item that is never written must not be NaN by chance.
            std::memset(inputs_.back().data(), 0, inputs_.back().bytes());
        }
    }
    if (plan_.detections) {
        const DetectionStage& stage = *plan_.detections;
        detector_memory_ = SLUICE_TRY(stage.detector.allocate());
        host_ = SLUICE_TRY(Postprocessor::create(plan_.outputs, stage.head, stage.options, {}));
    }
    if (plan_.detections && !plan_.detections->outputs) return {};
    for (const TensorSpec& spec : plan_.outputs) {
        outputs_.push_back(SLUICE_TRY(pinned(spec)));
        views_.push_back({spec.name, spec.type, spec.shape, outputs_.back().data()});
    }
    return {};
}

Result<void> CudaRequest::queue() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        SLUICE_TRY(check(cudaMemcpyAsync(memory_.inputs[i].data(),
                                         inputs_[i].data(),
                                         inputs_[i].bytes(),
                                         cudaMemcpyHostToDevice,
                                         stream_.get()),
                         "queueing a copy to the device"));
    }
    SLUICE_TRY(plan_.network->enqueue(memory_, stream_));
    if (plan_.detections) {
        SLUICE_TRY(plan_.detections->detector.enqueue(memory_.outputs, detector_memory_, stream_));
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
        SLUICE_TRY(check(cudaMemcpyAsync(outputs_[i].data(),
                                         memory_.outputs[i].data(),
                                         outputs_[i].bytes(),
                                         cudaMemcpyDeviceToHost,
                                         stream_.get()),
                         "queueing a copy from the device"));
    }
    return {};
}

std::span<std::byte> CudaRequest::item(std::size_t input, int item) {
    if (input >= inputs_.size()) return {};
    const std::size_t bytes = inputs_[input].bytes() / static_cast<std::size_t>(plan_.batch);
    return {inputs_[input].data() + bytes * static_cast<std::size_t>(item), bytes};
}

void CudaRequest::set_count(int count) {
    count_ = std::clamp(count, 1, plan_.batch);
}

Result<image::Placement> CudaRequest::put(int item,
                                          const memory::ImageView& image,
                                          const image::Rect& crop) {
    if (!pixels_) return internal_error("the engine was not asked to take pictures");
    if (running_) return invalid_argument("a picture was given to a request that runs");
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    return pixels_->add(item, image, crop, stream_);
}

Result<void> CudaRequest::start() {
    for (memory::TensorView& view : views_)
        view.shape[0] = count_;
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    if (plan_.detections) Detector::set_count(detector_memory_, count_);
    if (pixels_) SLUICE_TRY(pixels_->run(count_, memory_.inputs[0].data(), stream_));
    SLUICE_TRY(launch(graph_, stream_));
    running_ = true;
    return {};
}

Result<void> CudaRequest::wait() {
    if (!running_) return {};
    running_ = false;
    return stream_.wait();
}

Result<void> CudaRequest::detections(int item, std::vector<meta::Detection>& found) {
    if (!plan_.detections) return internal_error("the engine was not asked for detections");
    if (plan_.detections->detector.read(detector_memory_, item, found)) return {};
    if (!std::exchange(told_, true)) {
        log_warning(
            "infer",
            "more boxes over the threshold than the device has room for ({}), or a class that "
            "the network does not have: the outputs of such pictures cross to the host",
            kMostCandidates);
    }
    return find_on_host(item, found);
}

Result<void> CudaRequest::find_on_host(int item, std::vector<meta::Detection>& found) {
    SLUICE_TRY(memory::cuda::use_device(plan_.device));
    std::vector<std::vector<std::byte>> data;
    std::vector<memory::TensorView> views;
    for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
        const TensorSpec& spec = plan_.outputs[i];
        data.emplace_back(spec.item_bytes());
        views.push_back({spec.name, spec.type, spec.shape, data.back().data()});
        views.back().shape[0] = 1;
        const std::byte* from =
            memory_.outputs[i].data() + spec.item_bytes() * static_cast<std::size_t>(item);
        SLUICE_TRY(check(
            cudaMemcpyAsync(
                data.back().data(), from, spec.item_bytes(), cudaMemcpyDeviceToHost, stream_.get()),
            "copying outputs from the device"));
    }
    SLUICE_TRY(stream_.wait());
    return host_->find(views, 0, found);
}

}  // namespace sluice::infer::cuda
