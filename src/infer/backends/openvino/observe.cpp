#include <openvino/op/convert.hpp>
#include <openvino/op/result.hpp>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/layers.h"
#include "sluice/infer/backends/openvino/overflow.h"
#include "sluice/infer/backends/openvino/quantize.h"

namespace sluice::infer {
namespace {

/// A search compiles hundreds of such engines, each for a few pictures: that takes longer than
/// running them, and longer with every stream.
constexpr int kRequests = 4;

/// An output of the model, though it may be one already.
std::shared_ptr<ov::op::v0::Result> tap(ov::Output<ov::Node> port) {
    if (port.get_element_type() != ov::element::f32)
        port = std::make_shared<ov::op::v0::Convert>(port, ov::element::f32);
    return std::make_shared<ov::op::v0::Result>(port);
}

}  // namespace

Result<std::unique_ptr<Engine>> observe_model(const std::string& path,
                                              const PreparedModel& prepared,
                                              const std::vector<std::string>& tensors,
                                              const Calibration* calibration,
                                              int device) {
    PreparedModel shown = prepared;
    shown.model = prepared.model->clone();
    // Before the graph is rounded: a tensor is what its maker gives, not what is read of it.
    const TensorNames names(*shown.model);
    ov::ResultVector taps;
    for (const std::string& tensor : tensors) {
        const ov::Output<ov::Node> port = names.find(tensor);
        if (!port.get_node())
            return not_found(fmt::format("the model has no tensor '{}'", tensor), path);
        taps.push_back(tap(port));
    }
    if (calibration) SLUICE_TRY(quantize(*shown.model, *calibration).context(path));
    if (calibration && device == memory::kHostMemory && int8_overflows())
        widen_weights(*shown.model);
    const std::size_t own = shown.model->outputs().size();
    shown.model->add_results(taps);
    EngineOptions options;
    options.precision = Precision::kFp32;
    options.num_requests = kRequests;
    OpenvinoPlan plan = SLUICE_TRY(plan_of(path, shown, options));
    for (std::size_t i = 0; i < tensors.size(); ++i)
        plan.outputs[own + i].name = tensors[i];
    return std::unique_ptr<Engine>(std::make_unique<OpenvinoEngine>(std::move(plan)));
}

}  // namespace sluice::infer
