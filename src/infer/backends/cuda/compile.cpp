#include "sluice/infer/backends/cuda/compile.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/build_network.h"
#include "sluice/infer/backends/cuda/capture.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::check;
using memory::cuda::Stream;

/// Two: one computes while the other's pixels and results cross the bus.
constexpr int kRequests = 2;

/// Memory and recorded work of one batch; inputs and outputs are pinned host memory.
class CudaRequest final : public Request {
public:
    static Result<std::unique_ptr<CudaRequest>> create(const Network& network,
                                                       std::span<const TensorSpec> inputs,
                                                       std::span<const TensorSpec> outputs,
                                                       int batch) {
        auto request = std::make_unique<CudaRequest>();
        request->batch_ = batch;
        request->count_ = batch;
        request->stream_ = SLUICE_TRY(Stream::create());
        request->memory_ = SLUICE_TRY(network.allocate());
        for (const TensorSpec& spec : inputs) {
            request->inputs_.push_back(SLUICE_TRY(Buffer::create(
                Buffer::Kind::kPinnedHost, spec.item_bytes() * static_cast<std::size_t>(batch))));
            // An item that is never written must not be NaN by chance.
            std::memset(request->inputs_.back().data(), 0, request->inputs_.back().bytes());
        }
        for (const TensorSpec& spec : outputs) {
            request->outputs_.push_back(SLUICE_TRY(Buffer::create(
                Buffer::Kind::kPinnedHost, spec.item_bytes() * static_cast<std::size_t>(batch))));
            request->views_.push_back(
                {spec.name, spec.type, spec.shape, request->outputs_.back().data()});
        }
        request->graph_ =
            SLUICE_TRY(captured(request->stream_, [&] { return request->queue(network); }));
        return request;
    }

    ~CudaRequest() override { (void)stream_.wait(); }

    std::span<std::byte> item(std::size_t input, int item) override {
        const std::size_t bytes = inputs_[input].bytes() / static_cast<std::size_t>(batch_);
        return {inputs_[input].data() + bytes * static_cast<std::size_t>(item), bytes};
    }
    void set_count(int count) override { count_ = std::clamp(count, 1, batch_); }
    std::span<const memory::TensorView> outputs() const override { return views_; }

    bool running() const { return running_; }
    Result<void> start() {
        for (memory::TensorView& view : views_)
            view.shape[0] = count_;
        SLUICE_TRY(launch(graph_, stream_));
        running_ = true;
        return {};
    }
    Result<void> wait() {
        if (!running_) return {};
        running_ = false;
        return stream_.wait();
    }

private:
    Result<void> queue(const Network& network) {
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            SLUICE_TRY(check(cudaMemcpyAsync(memory_.inputs[i].data(),
                                             inputs_[i].data(),
                                             inputs_[i].bytes(),
                                             cudaMemcpyHostToDevice,
                                             stream_.get()),
                             "queueing a copy to the device"));
        }
        SLUICE_TRY(network.enqueue(memory_, stream_));
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

    int batch_ = 1;
    int count_ = 1;
    bool running_ = false;
    Stream stream_;
    NetworkMemory memory_;
    std::vector<Buffer> inputs_;
    std::vector<Buffer> outputs_;
    std::vector<memory::TensorView> views_;
    ExecutableGraph graph_;
};

/// The whole batch in one piece.
class CudaEngine final : public Engine {
public:
    CudaEngine(std::string path,
               std::unique_ptr<Network> network,
               std::vector<TensorSpec> inputs,
               std::vector<TensorSpec> outputs,
               int requests,
               int device,
               std::string description)
        : path_(std::move(path)),
          network_(std::move(network)),
          inputs_(std::move(inputs)),
          outputs_(std::move(outputs)),
          requests_(requests),
          device_(device),
          description_(std::move(description)) {}

    std::span<const TensorSpec> inputs() const override { return inputs_; }
    std::span<const TensorSpec> outputs() const override { return outputs_; }
    int batch_size() const override { return static_cast<int>(inputs_[0].shape[0]); }
    int request_count() const override { return requests_; }
    const std::string& description() const override { return description_; }

    Result<std::unique_ptr<Request>> create_request() override {
        const std::lock_guard lock(recording_);  // cuDNN's handle belongs to the network
        SLUICE_TRY(memory::cuda::use_device(device_));
        auto request = CudaRequest::create(*network_, inputs_, outputs_, batch_size());
        if (!request) return std::move(request).error().context(path_);
        return std::unique_ptr<Request>(std::move(*request));
    }
    Result<void> submit(Request& request) override {
        auto& ours = static_cast<CudaRequest&>(request);
        if (ours.running()) return invalid_argument("the request runs already", path_);
        SLUICE_TRY(memory::cuda::use_device(device_));
        return ours.start().context(path_);
    }
    Result<void> wait(Request& request) override {
        return static_cast<CudaRequest&>(request).wait().context(path_);
    }

private:
    std::string path_;
    std::unique_ptr<Network> network_;
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    int requests_;
    int device_;
    std::string description_;
    std::mutex recording_;
};

}  // namespace

Result<std::unique_ptr<Engine>> compile(const std::string& path,
                                        const ov::Model& model,
                                        const EngineOptions& options,
                                        const InputAdaptation& adaptation,
                                        int device) {
    SLUICE_TRY(memory::cuda::use_device(device));
    PlanOptions plans = SLUICE_TRY(plan_options(path, options, device));
    BuiltNetwork built =
        SLUICE_TRY(build_network(path, model, options, adaptation, device, std::move(plans)));
    const int requests = options.num_requests > 0 ? options.num_requests : kRequests;
    std::string description = fmt::format("CUDA:{} ({}), {}, batch {}, {} in flight",
                                          device,
                                          SLUICE_TRY(memory::cuda::device_name(device)),
                                          built.precision,
                                          options.batch_size,
                                          requests);
    log_info("infer", "{}: {}", path, description);
    return std::unique_ptr<Engine>(std::make_unique<CudaEngine>(path,
                                                                std::move(built.network),
                                                                std::move(built.inputs),
                                                                std::move(built.outputs),
                                                                requests,
                                                                device,
                                                                std::move(description)));
}

}  // namespace sluice::infer::cuda
