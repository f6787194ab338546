#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/app/model_probe.h"
#include "sluice/app/pipeline.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/exit_codes.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExamples =
    "Examples:\n"
    "  sluice model yolox_nano.onnx\n"
    "  sluice model yolox_nano.onnx --image street.jpg\n"
    "  sluice model m.onnx --config samples/models/yolox_nano.yaml --precision fp32 --json";

struct ModelArguments {
    gst::InferSettings settings;
    std::string precision;
    std::string image;
    bool json = false;
};

void print_tensors(const char* kind, const std::vector<app::ModelTensor>& tensors) {
    for (const app::ModelTensor& tensor : tensors)
        fmt::print("  {:<7} {} {} {}\n", kind, tensor.name, tensor.shape, tensor.type);
}

std::string first_labels(const std::vector<std::string>& labels) {
    std::string out;
    for (std::size_t i = 0; i < labels.size() && i < 5; ++i)
        out += (i ? ", " : "") + labels[i];
    if (labels.size() > 5) out += ", ...";
    return fmt::format("{} ({})", labels.size(), out);
}

void print_object(const meta::Object& object) {
    std::string name(object.label.view());
    if (name.empty()) name = fmt::format("class {}", object.class_id.value);
    for (const meta::Label& label : object.labels)
        name += fmt::format(" {}={}", label.attribute.view(), label.value.view());
    fmt::print("    {:<16} {:.3f}  {:.0f},{:.0f} {:.0f}x{:.0f}\n",
               name,
               object.score,
               object.box.left,
               object.box.top,
               object.box.width,
               object.box.height);
}

void print_probe(const std::string& file, const app::ModelProbe& probe) {
    fmt::print("{}\n", file);
    print_tensors("input", probe.inputs);
    print_tensors("output", probe.outputs);
    fmt::print("  head    {}\n  engine  {}\n", probe.summary, probe.engine);
    if (!probe.labels.empty()) fmt::print("  labels  {}\n", first_labels(probe.labels));
    for (const auto& [name, value] : probe.options)
        fmt::print("  {:<7} {}: {}\n",
                   &name == &probe.options.front().first ? "options" : "",
                   name,
                   value);
    fmt::print("  loaded and compiled in {:.0f} ms\n", probe.load_ms);
    fmt::print("  {} ({}x{}): {} objects; first run {:.1f} ms, best of the next {:.1f} ms\n",
               probe.image.empty() ? "a made-up picture" : probe.image,
               probe.image_size.width,
               probe.image_size.height,
               probe.objects.size(),
               probe.first_ms,
               probe.best_ms);
    for (const meta::Object& object : probe.objects)
        print_object(object);
}

ordered_json tensors_json(const std::vector<app::ModelTensor>& tensors) {
    ordered_json out = ordered_json::array();
    for (const app::ModelTensor& tensor : tensors)
        out.push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"type", tensor.type}});
    return out;
}

ordered_json object_json(const meta::Object& object) {
    ordered_json out{
        {"class_id", object.class_id.value},
        {"label", std::string(object.label.view())},
        {"score", object.score},
        {"box", {object.box.left, object.box.top, object.box.width, object.box.height}}};
    for (const meta::Label& label : object.labels)
        out["labels"].push_back({{"attribute", std::string(label.attribute.view())},
                                 {"value", std::string(label.value.view())},
                                 {"score", label.score}});
    return out;
}

void print_json(const std::string& file, const app::ModelProbe& probe) {
    ordered_json out{{"schema", "sluice.model/1"},
                     {"file", file},
                     {"description", probe.description},
                     {"inputs", tensors_json(probe.inputs)},
                     {"outputs", tensors_json(probe.outputs)},
                     {"summary", probe.summary},
                     {"engine", probe.engine},
                     {"labels", probe.labels},
                     {"load_ms", probe.load_ms},
                     {"first_ms", probe.first_ms},
                     {"best_ms", probe.best_ms},
                     {"image", probe.image},
                     {"image_size", {probe.image_size.width, probe.image_size.height}}};
    out["options"] = ordered_json::object();
    for (const auto& [name, value] : probe.options)
        out["options"][name] = value;
    out["objects"] = ordered_json::array();
    for (const meta::Object& object : probe.objects)
        out["objects"].push_back(object_json(object));
    fmt::print("{}\n", out.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

Result<void> show_model(ModelArguments& arguments) {
    if (!arguments.precision.empty())
        SLUICE_TRY(set_field(arguments.settings.engine, "precision", arguments.precision));
    SLUICE_TRY(app::initialise());
    app::ModelProbe probe = SLUICE_TRY(app::probe_model(arguments.settings, arguments.image));
    if (arguments.json) {
        print_json(arguments.settings.model, probe);
    } else {
        print_probe(arguments.settings.model, probe);
    }
    return {};
}

}  // namespace

void add_model(CLI::App& program, int& exit_code) {
    CLI::App* command =
        program.add_subcommand("model", "Show what a model is taken for, and run one image");
    auto arguments = std::make_shared<ModelArguments>();
    command->add_option("FILE", arguments->settings.model, "ONNX, OpenVINO IR, TFLite, ...")
        ->required();
    command->add_option("--config",
                        arguments->settings.config_file_path,
                        "its description; default: the YAML file beside the model");
    command->add_option("--image", arguments->image, "run this JPEG or PNG");
    command->add_option("--precision", arguments->precision, "auto, fp32, bf16, fp16, int8");
    command->add_flag("--json", arguments->json, "JSON instead of text");
    command->footer(kExamples);
    command->callback([arguments, &exit_code] {
        auto shown = show_model(*arguments);
        if (!shown) print_error("model", shown.error().text());
        exit_code = shown ? kExitDone : kExitUsage;
    });
}

}  // namespace sluice::cli
