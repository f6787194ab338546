#pragma once

#include <memory>
#include <string>

#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/split.h"
#include "sluice/infer/engine.h"

namespace sluice::infer {

/// Another engine, and the end of the network on the CPU: it runs in wait(), item by item side by
/// side.
class EndEngine final : public Engine {
public:
    /// `device` computes parts.body. May throw what OpenVINO throws.
    static Result<std::unique_ptr<Engine>> create(const std::string& path,
                                                  std::unique_ptr<Engine> device,
                                                  const SplitModel& parts);

    std::span<const TensorSpec> inputs() const override { return device_->inputs(); }
    std::span<const TensorSpec> outputs() const override { return end_.outputs(); }
    int batch_size() const override { return device_->batch_size(); }
    int request_count() const override { return device_->request_count(); }
    const std::string& description() const override { return description_; }

    /// The pixels, where the device takes them.
    TakenStages take_stages(const Stages& stages) override;
    Result<std::unique_ptr<Request>> create_request() override;
    Result<void> submit(Request& request) override;
    Result<void> wait(Request& request) override;

private:
    EndEngine(std::unique_ptr<Engine> device, OpenvinoPlan end, std::string words);

    std::unique_ptr<Engine> device_;
    OpenvinoEngine end_;
    std::string words_;  ///< what is added to the device's description
    std::string description_;
};

}  // namespace sluice::infer
