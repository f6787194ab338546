#pragma once

#include <string>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

#include "sluice/infer/engine.h"

namespace sluice::infer {

/// What the engine runs: a network compiled for `device_batch` items, given batches of
/// `batch_size` in as many parts as that takes.
struct OpenvinoPlan {
    std::string path;  ///< for messages
    ov::CompiledModel compiled;
    std::vector<TensorSpec> inputs;  ///< dimension 0 is batch_size
    std::vector<TensorSpec> outputs;
    int batch_size = 1;
    int device_batch = 1;
    int request_count = 1;
    std::string description;
};

class OpenvinoRequest final : public Request {
public:
    explicit OpenvinoRequest(OpenvinoPlan& plan);
    ~OpenvinoRequest() override;

    std::span<std::byte> item(std::size_t input, int item) override;
    void set_count(int count) override;
    std::span<const memory::TensorView> outputs() const override { return views_; }

    void start();
    void wait();
    bool running() const { return running_ > 0; }

private:
    const int batch_size_;
    const int device_batch_;
    int count_;
    std::size_t running_ = 0;  ///< parts started and not yet waited for
    std::vector<ov::InferRequest> parts_;
    std::vector<std::vector<ov::Tensor>> inputs_;  ///< [part][input]; the parts' own
    std::vector<ov::Tensor> outputs_;              ///< of all parts, back to back
    std::vector<memory::TensorView> views_;
};

class OpenvinoEngine final : public Engine {
public:
    explicit OpenvinoEngine(OpenvinoPlan plan) : plan_(std::move(plan)) {}

    std::span<const TensorSpec> inputs() const override { return plan_.inputs; }
    std::span<const TensorSpec> outputs() const override { return plan_.outputs; }
    int batch_size() const override { return plan_.batch_size; }
    int request_count() const override { return plan_.request_count; }
    const std::string& description() const override { return plan_.description; }

    Result<std::unique_ptr<Request>> create_request() override;
    Result<void> submit(Request& request) override;
    Result<void> wait(Request& request) override;

    const ov::CompiledModel& compiled() const { return plan_.compiled; }

private:
    OpenvinoPlan plan_;
};

}  // namespace sluice::infer
