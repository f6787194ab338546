#include "sluice/infer/calibration_file.h"
#include "sluice/infer/engine.h"

namespace sluice::infer {

Result<std::string> device_name(const std::string&) {
    return unsupported("this build has no inference backend");
}

Result<std::unique_ptr<Model>> read_model(const std::string& path) {
    return unsupported("this build has no inference backend: run `make setup` and build again",
                       path);
}

}  // namespace sluice::infer
