#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sluice/image/cuda/preprocess.h"
#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/detector.h"
#include "sluice/infer/backends/cuda/network.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/postprocess.h"

namespace sluice::infer::cuda {

/// The stage after the network, where the engine took it.
struct DetectionStage {
    Detector detector;
    HeadLayout head;
    PostprocessOptions options;
    bool outputs = false;  ///< they cross to the host all the same
};

/// What all requests of an engine share, and what is true of them all.
struct RequestPlan {
    const Network* network = nullptr;
    std::span<const TensorSpec> inputs;
    std::span<const TensorSpec> outputs;
    int batch = 1;
    int device = 0;
    std::optional<image::PreprocessPlan> pixels;  ///< where the engine took them
    std::optional<DetectionStage> detections;     ///< likewise
};

/// Memory and recorded work of one batch; what the host reads and writes is pinned.
class CudaRequest final : public Request {
public:
    /// The plan outlives the request. The device must be the calling thread's own.
    static Result<std::unique_ptr<CudaRequest>> create(const RequestPlan& plan);
    ~CudaRequest() override;

    std::span<std::byte> item(std::size_t input, int item) override;
    void set_count(int count) override;
    std::span<const memory::TensorView> outputs() const override { return views_; }
    Result<image::Placement> put(int item,
                                 const memory::ImageView& image,
                                 const image::Rect& crop) override;
    Result<void> detections(int item, std::vector<meta::Detection>& found) override;

    bool running() const { return running_; }
    Result<void> start();
    /// Gives the first failure of anything that the request had to do.
    Result<void> wait();

private:
    explicit CudaRequest(const RequestPlan& plan) : plan_(plan), count_(plan.batch) {}
    Result<void> allocate();
    Result<void> queue();
    Result<void> find_on_host(int item, std::vector<meta::Detection>& found);

    const RequestPlan& plan_;
    int count_;
    bool running_ = false;
    memory::cuda::Stream stream_;
    NetworkMemory memory_;
    std::vector<memory::cuda::Buffer> inputs_;   ///< none where pixels are taken
    std::vector<memory::cuda::Buffer> outputs_;  ///< none where nobody wants them
    std::vector<memory::TensorView> views_;
    std::optional<image::cuda::BatchPreprocessor> pixels_;
    DetectorMemory detector_memory_;
    std::unique_ptr<Postprocessor> host_;  ///< decodes what the detector leaves to the host
    bool told_ = false;                    ///< that it did
    ExecutableGraph graph_;
};

}  // namespace sluice::infer::cuda
