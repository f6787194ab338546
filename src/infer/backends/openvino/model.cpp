#include "sluice/infer/engine.h"

namespace sluice::infer {

Result<std::unique_ptr<Model>> read_model(const std::string& path) {
    return unsupported("not built yet", path);
}

}  // namespace sluice::infer
