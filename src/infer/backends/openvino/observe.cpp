#include <openvino/op/convert.hpp>
#include <openvino/op/result.hpp>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/engine.h"
#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/layers.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"

namespace sluice::infer {
namespace {

/// An output of the model, though it may be one already.
std::shared_ptr<ov::op::v0::Result> tap(ov::Output<ov::Node> port) {
    if (port.get_element_type() != ov::element::f32)
        port = std::make_shared<ov::op::v0::Convert>(port, ov::element::f32);
    return std::make_shared<ov::op::v0::Result>(port);
}

}  // namespace

Result<std::vector<QuantizableLayer>> quantizable_of(const std::string& path,
                                                     const ov::Model& model,
                                                     const InputAdaptation& adaptation) {
    return guarded(path, [&]() -> Result<std::vector<QuantizableLayer>> {
        const PreparedModel prepared = SLUICE_TRY(prepare(path, model, adaptation, 1));
        return quantizable_layers(*prepared.model);
    });
}

Result<std::unique_ptr<Engine>> observe_model(const std::string& path,
                                              const ov::Model& model,
                                              const InputAdaptation& adaptation,
                                              const std::vector<std::string>& tensors,
                                              const Calibration* calibration) {
    return guarded(path, [&]() -> Result<std::unique_ptr<Engine>> {
        PreparedModel prepared = SLUICE_TRY(prepare(path, model, adaptation, 1));
        // Before the graph is rounded: a tensor is what its maker gives, not what is read of it.
        const TensorNames names(*prepared.model);
        ov::ResultVector taps;
        for (const std::string& tensor : tensors) {
            const ov::Output<ov::Node> port = names.find(tensor);
            if (!port.get_node())
                return not_found(fmt::format("the model has no tensor '{}'", tensor), path);
            taps.push_back(tap(port));
        }
        if (calibration) SLUICE_TRY(quantize(*prepared.model, *calibration).context(path));
        const std::size_t own = prepared.model->outputs().size();
        prepared.model->add_results(taps);
        EngineOptions options;
        options.precision = Precision::kFp32;
        OpenvinoPlan plan = SLUICE_TRY(plan_of(path, prepared, options));
        for (std::size_t i = 0; i < tensors.size(); ++i)
            plan.outputs[own + i].name = tensors[i];
        return std::unique_ptr<Engine>(std::make_unique<OpenvinoEngine>(std::move(plan)));
    });
}

}  // namespace sluice::infer
