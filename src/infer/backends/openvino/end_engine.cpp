#include "sluice/infer/backends/openvino/end_engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/infer/backends/openvino/compile.h"

namespace sluice::infer {
namespace {

class EndRequest final : public Request {
public:
    EndRequest(std::unique_ptr<Request> device, std::unique_ptr<Request> end)
        : device_(std::move(device)), end_(std::move(end)) {}

    std::span<std::byte> item(std::size_t input, int item) override {
        return device_->item(input, item);
    }
    void set_count(int count) override {
        device_->set_count(count);
        end_->set_count(count);
    }
    std::span<const memory::TensorView> outputs() const override { return end_->outputs(); }
    Result<image::Placement> put(int item,
                                 const memory::ImageView& image,
                                 const image::Rect& crop) override {
        return device_->put(item, image, crop);
    }

    /// What the device gave becomes what the end reads.
    void hand_over() {
        const auto values = device_->outputs();
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto* from = static_cast<const std::byte*>(values[i].data);
            for (int item = 0; item < values[i].shape[0]; ++item) {
                const std::span<std::byte> to = end_->item(i, item);
                std::copy_n(from, to.size(), to.data());
                from += to.size();
            }
        }
    }

    Request& device() { return *device_; }
    Request& end() { return *end_; }
    bool running = false;

private:
    std::unique_ptr<Request> device_;
    std::unique_ptr<Request> end_;
};

}  // namespace

EndEngine::EndEngine(std::unique_ptr<Engine> device, OpenvinoPlan end, std::string words)
    : device_(std::move(device)), end_(std::move(end)), words_(std::move(words)) {
    description_ = device_->description() + words_;
}

Result<std::unique_ptr<Engine>> EndEngine::create(const std::string& path,
                                                  std::unique_ptr<Engine> device,
                                                  const SplitModel& parts) {
    EngineOptions options;
    options.precision = Precision::kFp32;
    options.batch_size = device->batch_size();
    options.num_requests = device->request_count();
    OpenvinoPlan end = SLUICE_TRY(plan_of(path, {parts.end->clone(), 1}, options));
    return std::unique_ptr<Engine>(
        new EndEngine(std::move(device),
                      std::move(end),
                      fmt::format(", the end ({}) on the CPU", parts.suppression)));
}

TakenStages EndEngine::take_stages(const Stages& stages) {
    const TakenStages taken = device_->take_stages({stages.pixels, nullptr, nullptr, true});
    description_ = device_->description() + words_;
    return taken;
}

Result<std::unique_ptr<Request>> EndEngine::create_request() {
    auto device = SLUICE_TRY(device_->create_request());
    auto end = SLUICE_TRY(end_.create_request());
    return std::unique_ptr<Request>(
        std::make_unique<EndRequest>(std::move(device), std::move(end)));
}

Result<void> EndEngine::submit(Request& request) {
    auto& ours = static_cast<EndRequest&>(request);
    SLUICE_TRY(device_->submit(ours.device()));
    ours.running = true;
    return {};
}

Result<void> EndEngine::wait(Request& request) {
    auto& ours = static_cast<EndRequest&>(request);
    if (!std::exchange(ours.running, false)) return {};
    SLUICE_TRY(device_->wait(ours.device()));
    ours.hand_over();
    SLUICE_TRY(end_.submit(ours.end()));
    return end_.wait(ours.end());
}

}  // namespace sluice::infer
