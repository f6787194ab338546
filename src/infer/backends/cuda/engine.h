#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/infer/backends/cuda/request.h"

namespace sluice::infer::cuda {

/// The whole batch in one piece.
class CudaEngine final : public Engine {
public:
    struct Parts {
        std::string path;  ///< of the model, for messages
        std::unique_ptr<Network> network;
        std::vector<TensorSpec> inputs;
        std::vector<TensorSpec> outputs;
        int requests = 1;
        int device = 0;
        std::string description;
    };
    explicit CudaEngine(Parts parts);

    std::span<const TensorSpec> inputs() const override { return parts_.inputs; }
    std::span<const TensorSpec> outputs() const override { return parts_.outputs; }
    int batch_size() const override { return plan_.batch; }
    int request_count() const override { return parts_.requests; }
    const std::string& description() const override { return parts_.description; }

    TakenStages take_stages(const Stages& stages) override;
    Result<std::unique_ptr<Request>> create_request() override;
    Result<void> submit(Request& request) override;
    Result<void> wait(Request& request) override;

private:
    Result<void> take_pixels(const image::PreprocessPlan& pixels);
    Result<void> take_detections(const Stages& stages);

    Parts parts_;
    RequestPlan plan_;
    std::mutex recording_;  ///< cuDNN's handle belongs to the network
};

}  // namespace sluice::infer::cuda
