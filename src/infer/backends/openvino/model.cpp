#include <filesystem>
#include <fstream>
#include <optional>

#include <openvino/runtime/core.hpp>

#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/guarded.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"
#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer {
namespace {

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// ONNX metadata properties come as "framework", what Ultralytics and others write into IR as
/// "model_info".
Metadata metadata_of(const ov::Model& model) {
    Metadata metadata;
    for (const char* group : {"framework", "model_info"}) {
        if (!model.has_rt_info(group)) continue;
        const auto& entries = model.get_rt_info<ov::AnyMap>(group);
        for (const auto& [key, value] : entries) {
            if (value.is<std::string>()) metadata.emplace_back(key, value.as<std::string>());
        }
    }
    return metadata;
}

class OpenvinoModel final : public Model {
public:
    OpenvinoModel(std::string path,
                  std::shared_ptr<ov::Model> model,
                  std::vector<TensorSpec> inputs,
                  std::vector<TensorSpec> outputs,
                  Metadata metadata)
        : path_(std::move(path)),
          model_(std::move(model)),
          inputs_(std::move(inputs)),
          outputs_(std::move(outputs)),
          metadata_(std::move(metadata)) {}

    std::span<const TensorSpec> inputs() const override { return inputs_; }
    std::span<const TensorSpec> outputs() const override { return outputs_; }
    std::span<const std::pair<std::string, std::string>> metadata() const override {
        return metadata_;
    }
    Result<std::unique_ptr<Engine>> compile(const EngineOptions& options,
                                            const InputAdaptation& adaptation) override {
        return compile_model(path_, model_, options, adaptation);
    }
    Result<std::vector<QuantizableLayer>> quantizable(const InputAdaptation& adaptation) override {
        return guarded(path_, [&]() -> Result<std::vector<QuantizableLayer>> {
            return quantizable_layers(*SLUICE_TRY(prepared(adaptation)).model);
        });
    }
    Result<std::unique_ptr<Engine>> observe(const InputAdaptation& adaptation,
                                            const std::vector<std::string>& tensors,
                                            const Calibration* calibration,
                                            int device) override {
        return guarded(path_, [&]() -> Result<std::unique_ptr<Engine>> {
            return observe_model(
                path_, SLUICE_TRY(prepared(adaptation)), tensors, calibration, device);
        });
    }
    Result<EngineBuild> build(const EngineOptions& options,
                              const InputAdaptation& adaptation,
                              const BuildOptions& build) override {
        return build_model(path_, model_, options, adaptation, build);
    }

private:
    /// For one item. Kept for the next call: a calibration observes the same hundreds of times.
    Result<PreparedModel> prepared(const InputAdaptation& adaptation) {
        if (!prepared_ || prepared_for_ != adaptation) {
            prepared_ = SLUICE_TRY(prepare(path_, *model_, adaptation, 1));
            prepared_for_ = adaptation;
        }
        return *prepared_;
    }

    std::string path_;
    std::shared_ptr<ov::Model> model_;
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    Metadata metadata_;
    std::optional<PreparedModel> prepared_;
    InputAdaptation prepared_for_;
};

Result<void> check_file(const std::string& path) {
    std::error_code failure;
    if (!std::filesystem::exists(path, failure)) return not_found("no such model file", path);
    if (std::filesystem::is_directory(path, failure)) return {};  // a TensorFlow SavedModel
    std::ifstream file(path, std::ios::binary);
    if (!file) return io_error("the model file cannot be read", path);
    if (file.peek() == std::ifstream::traits_type::eof())
        return corrupt("the model file is empty", path);
    return {};
}

/// OpenVINO names neither cause nor fix in one line; the usual causes have marks in its message.
Error explain(const std::string& message, const std::string& path) {
    auto says = [&](std::string_view mark) { return message.find(mark) != std::string::npos; };
    if (says("xternal data") || says("ExternalDataInfo")) {
        return not_found(
            fmt::format("the weights, which the model keeps in a file of their own, are missing or "
                        "too short: put that file beside the model ({})",
                        essence(message)),
            path);
    }
    if (says("bin file")) {
        return not_found(
            "the weights (.bin) of this .xml are missing or cut short: put both side by side",
            path);
    }
    if (says("OpConversionFailure") || says("not supported") || says("onversion failed"))
        return unsupported(essence(message), path);
    return corrupt(fmt::format("this is no whole ONNX, OpenVINO IR, TFLite, TensorFlow or Paddle "
                               "model: cut off while copying, or something else ({})",
                               essence(message)),
                   path);
}

}  // namespace

Result<std::unique_ptr<Model>> read_model(const std::string& path) {
    SLUICE_TRY(check_file(path));
    std::shared_ptr<ov::Model> model;
    try {
        model = openvino_core().read_model(path);
    } catch (const std::exception& exception) {
        return explain(exception.what(), path);
    }
    return guarded(path, [&]() -> Result<std::unique_ptr<Model>> {
        const ov::Model& read = *model;
        if (read.inputs().empty() || read.outputs().empty())
            return corrupt("the model has no input or no output", path);
        auto inputs = SLUICE_TRY(specs_of(read.inputs()).context(path));
        auto outputs = SLUICE_TRY(specs_of(read.outputs()).context(path));
        return std::unique_ptr<Model>(std::make_unique<OpenvinoModel>(
            path, model, std::move(inputs), std::move(outputs), metadata_of(read)));
    });
}

}  // namespace sluice::infer
