#include "sluice/infer/engine.h"

namespace sluice::infer {

std::size_t TensorSpec::item_bytes() const {
    std::size_t bytes = memory::element_size(type);
    for (std::size_t i = 1; i < shape.size(); ++i)
        bytes *= static_cast<std::size_t>(shape[i]);
    return bytes;
}

Result<image::Placement> Request::put(int, const memory::ImageView&, const image::Rect&) {
    return internal_error("this engine takes no pictures");
}

Result<void> Request::detections(int, std::vector<meta::Detection>&) {
    return internal_error("this engine makes no detections");
}

TakenStages Engine::take_stages(const Stages&) {
    return {};
}

Result<std::vector<QuantizableLayer>> Model::quantizable(const InputAdaptation&) {
    return unsupported("this backend does not calibrate");
}

Result<std::unique_ptr<Engine>> Model::observe(const InputAdaptation&,
                                               const std::vector<std::string>&,
                                               const Calibration*,
                                               int) {
    return unsupported("this backend does not calibrate");
}

Result<std::unique_ptr<Engine>> create_engine(const std::string& path,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation) {
    std::unique_ptr<Model> model = SLUICE_TRY(read_model(path));
    return model->compile(options, adaptation);
}

}  // namespace sluice::infer
