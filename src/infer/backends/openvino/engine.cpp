#include "sluice/infer/backends/openvino/engine.h"

#include <algorithm>
#include <exception>

#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer {

OpenvinoRequest::OpenvinoRequest(OpenvinoPlan& plan)
    : batch_size_(plan.batch_size), device_batch_(plan.device_batch), count_(plan.batch_size) {
    int part_count = (batch_size_ + device_batch_ - 1) / device_batch_;
    for (const TensorSpec& spec : plan.outputs) {
        ov::Shape shape(spec.shape.begin(), spec.shape.end());
        shape[0] = static_cast<std::size_t>(part_count * device_batch_);
        outputs_.emplace_back(to_openvino(spec.type), shape);
        views_.push_back({spec.name, spec.type, spec.shape, outputs_.back().data()});
    }
    for (int part = 0; part < part_count; ++part) {
        ov::InferRequest infer = plan.compiled.create_infer_request();
        for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
            ov::Shape shape = outputs_[i].get_shape();
            shape[0] = static_cast<std::size_t>(device_batch_);
            std::size_t bytes = plan.outputs[i].item_bytes() * shape[0];
            auto* slice = static_cast<std::byte*>(outputs_[i].data()) +
                          bytes * static_cast<std::size_t>(part);
            infer.set_output_tensor(i, ov::Tensor(outputs_[i].get_element_type(), shape, slice));
        }
        std::vector<ov::Tensor> inputs;
        for (std::size_t i = 0; i < plan.inputs.size(); ++i)
            inputs.push_back(infer.get_input_tensor(i));
        inputs_.push_back(std::move(inputs));
        parts_.push_back(std::move(infer));
    }
}

OpenvinoRequest::~OpenvinoRequest() {
    // The device writes into our memory until it is done.
    try {
        wait();
    } catch (...) {
    }
}

std::span<std::byte> OpenvinoRequest::item(std::size_t input, int item) {
    ov::Tensor& tensor = inputs_[static_cast<std::size_t>(item / device_batch_)][input];
    std::size_t bytes = tensor.get_byte_size() / static_cast<std::size_t>(device_batch_);
    auto* first = static_cast<std::byte*>(tensor.data());
    return {first + bytes * static_cast<std::size_t>(item % device_batch_), bytes};
}

void OpenvinoRequest::set_count(int count) {
    count_ = std::clamp(count, 1, batch_size_);
}

void OpenvinoRequest::start() {
    for (memory::TensorView& view : views_)
        view.shape[0] = count_;
    auto wanted = static_cast<std::size_t>((count_ + device_batch_ - 1) / device_batch_);
    for (; running_ < wanted; ++running_)
        parts_[running_].start_async();
}

/// Waits for every part that runs, though one of them fails; then throws the first failure.
void OpenvinoRequest::wait() {
    std::exception_ptr failure;
    for (std::size_t part = 0; part < running_; ++part) {
        try {
            parts_[part].wait();
        } catch (...) {
            if (!failure) failure = std::current_exception();
        }
    }
    running_ = 0;
    if (failure) std::rethrow_exception(failure);
}

Result<std::unique_ptr<Request>> OpenvinoEngine::create_request() {
    return guarded(plan_.path, [&]() -> Result<std::unique_ptr<Request>> {
        return std::unique_ptr<Request>(std::make_unique<OpenvinoRequest>(plan_));
    });
}

Result<void> OpenvinoEngine::submit(Request& request) {
    auto& ours = static_cast<OpenvinoRequest&>(request);
    if (ours.running()) return invalid_argument("the request runs already", plan_.path);
    Result<void> started = guarded(plan_.path, [&]() -> Result<void> {
        ours.start();
        return {};
    });
    if (!started) (void)wait(request);
    return started;
}

Result<void> OpenvinoEngine::wait(Request& request) {
    return guarded(plan_.path, [&]() -> Result<void> {
        static_cast<OpenvinoRequest&>(request).wait();
        return {};
    });
}

}  // namespace sluice::infer
