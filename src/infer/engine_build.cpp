#include "sluice/infer/engine_build.h"

#include "sluice/base/log.h"
#include "sluice/base/replace_file.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/model_file.h"

namespace sluice::infer {

Result<EngineBuild> build_engine(const std::string& model,
                                 const ModelFile& file,
                                 const EngineOptions& options,
                                 const BuildOptions& build) {
    // Before the minutes that the rest may take; the backend does it where the name is its own.
    if (!build.file.empty()) SLUICE_TRY(check_replaceable(build.file, "the engine file"));
    std::unique_ptr<Model> read = SLUICE_TRY(read_model(model));
    InputAdaptation input;
    if (auto described = file.describe(read->inputs(), read->outputs(), read->metadata())) {
        input = adaptation(described->preprocess);
        input.height = described->input.height;
        input.width = described->input.width;
    } else {
        // What the outputs mean is no matter here.
        log_warning(
            "infer", "{}: pixels are taken as they are: {}", model, described.error().text());
    }
    return read->build(options, input, build);
}

}  // namespace sluice::infer
