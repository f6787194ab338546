#include "sluice/infer/calibration_file.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/kept_engines.h"

namespace sluice::infer {
namespace {

Error no_backend(const std::string& path) {
    return unsupported("this build has no inference backend: run `make setup` and build again",
                       path);
}

}  // namespace

Result<std::string> device_name(const std::string& device) {
    return no_backend(device);
}

Result<std::unique_ptr<Model>> read_model(const std::string& path) {
    return no_backend(path);
}

Result<std::vector<KeptEngine>> kept_engines(const std::string& model) {
    return no_backend(model);
}

Result<std::vector<KeptEngine>> prune_engines(const std::string& model, Prune) {
    return no_backend(model);
}

}  // namespace sluice::infer
