#include "sluice/gst/infer_settings.h"

#include "sluice/gst/cuda_memory.h"
#include "sluice/infer/device_choice.h"

namespace sluice::gst {

Result<infer::RunnerOptions> runner_options(const InferSettings& settings) {
    if (settings.model.empty()) {
        return invalid_argument("no model: set the property 'model' to an ONNX file or the like");
    }
    infer::RunnerOptions options;
    options.model = settings.model;
    options.file = SLUICE_TRY(settings.config_file_path.empty()
                                  ? infer::ModelFile::beside(settings.model)
                                  : infer::ModelFile::read(settings.config_file_path));
    for (const auto& [name, text] : settings.description) {
        SLUICE_TRY(options.file.set(name, text));
    }
    // One word, two meanings: classes that a detector drops, or objects that a second model passes.
    if (settings.process_mode == 1 && !settings.secondary.filter_out_class_ids.empty()) {
        SLUICE_TRY(options.file.set("filter-out-class-ids",
                                    to_text(settings.secondary.filter_out_class_ids)));
    }
    options.engine = settings.engine;
    options.engine.batch_size = settings.batch_size > 0 ? settings.batch_size : kAutoBatch;
    options.component_id = static_cast<std::uint32_t>(settings.unique_id);
    options.output_tensors = settings.output_tensor_meta;
    return options;
}

int likely_device(const InferSettings& settings) {
    const auto choice = infer::choose_device(settings.engine);
    const int device = choice ? choice.value().device : memory::kHostMemory;
    return device < cuda_device_count() ? device : memory::kHostMemory;
}

}  // namespace sluice::gst
