#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/base/text.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/engines.h"
#include "sluice/cli/exit_codes.h"
#include "sluice/infer/engine_build.h"
#include "sluice/infer/model_file.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExamples =
    "Examples:\n"
    "  sluice build yolox_s.onnx --precision fp16 --batch 1,8,32\n"
    "  sluice build yolox_s.onnx --batch 8 --plans heuristic --layers\n"
    "  sluice build m.onnx --device cuda:1 --output m.engine --json\n"
    "  sluice build --list\n"
    "  sluice build --prune\n"
    "The engine file is used where the model runs with the same precision and one of these batch\n"
    "sizes, on the same GPU and cuDNN. Times are of the network alone, from device memory to\n"
    "device memory.";

struct BuildArguments {
    std::string model;
    std::string config;
    std::string device = "auto";
    std::string precision = "fp16";
    std::string plans = "tuned";
    std::string batches = "1";
    bool tf32 = false;
    bool list = false;
    bool prune = false;
    bool all = false;
    bool json = false;
    infer::BuildOptions build;
};

double share(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

double tflops(const infer::LayerTime& layer) {
    return layer.operations / layer.milliseconds / 1e9;
}
double gigabytes_per_second(const infer::LayerTime& layer) {
    return layer.bytes / layer.milliseconds / 1e6;
}

double sum_of(const std::vector<infer::LayerTime>& layers) {
    double sum = 0;
    for (const infer::LayerTime& layer : layers)
        sum += layer.milliseconds;
    return sum;
}

void print_layers(const infer::EngineBuild& built, const infer::BatchTime& batch) {
    const double sum = sum_of(batch.layers);
    fmt::print(
        "\nbatch {}: {} layers, {:.3f} ms one by one\n", batch.batch, batch.layers.size(), sum);
    fmt::print("{:>9} {:>6} {:>8} {:>6} {:>6} {:>6}  {:<36} {}\n",
               "us",
               "share",
               "TFLOP/s",
               "peak",
               "GB/s",
               "peak",
               "kind",
               "layer [plan]");
    for (const infer::LayerTime& layer : batch.layers) {
        fmt::print("{:9.1f} {:5.1f}% {:8.1f} {:5.1f}% {:6.0f} {:5.1f}%  {:<36} {} [{}]\n",
                   layer.milliseconds * 1000,
                   share(layer.milliseconds, sum),
                   tflops(layer),
                   share(tflops(layer), built.peak_tflops),
                   gigabytes_per_second(layer),
                   share(gigabytes_per_second(layer), built.peak_gigabytes_per_second),
                   layer.kind,
                   layer.name,
                   layer.plan);
    }
    std::map<std::string, double> kinds;
    for (const infer::LayerTime& layer : batch.layers)
        kinds[layer.kind.substr(0, layer.kind.find(' '))] += layer.milliseconds;
    for (const auto& [kind, milliseconds] : kinds)
        fmt::print(
            "{:9.1f} {:5.1f}%  all {}\n", milliseconds * 1000, share(milliseconds, sum), kind);
}

void print_built(const infer::EngineBuild& built) {
    fmt::print("{}: {}, {}\n", built.file, built.device, built.precision);
    for (const infer::BatchTime& batch : built.batches) {
        fmt::print("  batch {:<4} {:8.0f} images/s  {:8.3f} ms  ready in {:.1f} s  {:.0f} MB\n",
                   batch.batch,
                   batch.images_per_second,
                   batch.milliseconds,
                   batch.ready_seconds,
                   static_cast<double>(batch.memory_bytes) / 1e6);
    }
    for (const infer::BatchTime& batch : built.batches) {
        if (!batch.layers.empty()) print_layers(built, batch);
    }
}

ordered_json layer_json(const infer::LayerTime& layer) {
    return {{"name", layer.name},
            {"kind", layer.kind},
            {"plan", layer.plan},
            {"us", layer.milliseconds * 1000},
            {"tflops", tflops(layer)},
            {"gigabytes_per_second", gigabytes_per_second(layer)}};
}

void print_json(const std::string& model, const infer::EngineBuild& built) {
    ordered_json out{{"schema", "sluice.build/1"},
                     {"model", model},
                     {"file", built.file},
                     {"device", built.device},
                     {"precision", built.precision},
                     {"peak_tflops", built.peak_tflops},
                     {"peak_gigabytes_per_second", built.peak_gigabytes_per_second},
                     {"batches", ordered_json::array()}};
    for (const infer::BatchTime& batch : built.batches) {
        ordered_json entry{{"batch", batch.batch},
                           {"images_per_second", batch.images_per_second},
                           {"ms", batch.milliseconds},
                           {"ready_s", batch.ready_seconds},
                           {"memory_bytes", batch.memory_bytes}};
        for (const infer::LayerTime& layer : batch.layers)
            entry["layers"].push_back(layer_json(layer));
        out["batches"].push_back(std::move(entry));
    }
    fmt::print("{}\n", out.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

Result<std::vector<int>> read_batches(const std::string& text) {
    std::vector<int> batches;
    infer::EngineOptions checked;
    for (std::string_view word : split(text, ',')) {
        SLUICE_TRY(set_field(checked, "batch-size", word).context("--batch"));
        batches.push_back(checked.batch_size);
    }
    if (batches.empty()) return invalid_argument("--batch: no number, as in 1,8,32");
    return batches;
}

Result<infer::EngineOptions> engine_options(const BuildArguments& arguments) {
    infer::EngineOptions options;
    options.device = arguments.device;
    options.tf32 = arguments.tf32;
    SLUICE_TRY(set_field(options, "precision", arguments.precision));
    SLUICE_TRY(set_field(options, "plans", arguments.plans));
    return options;
}

Result<void> build(BuildArguments& arguments) {
    if (arguments.model.empty())
        return invalid_argument("which model? `sluice build FILE`, or `sluice build --list`");
    const infer::EngineOptions options = SLUICE_TRY(engine_options(arguments));
    arguments.build.batches = SLUICE_TRY(read_batches(arguments.batches));
    arguments.build.progress = [](const std::string& text) { fmt::print(stderr, "{}\n", text); };
    arguments.build.stuck = [&](const std::string& text) {
        print_error("build", fmt::format("{}: {}", arguments.model, text));
        std::_Exit(kExitNothing);
    };
    const infer::ModelFile file =
        SLUICE_TRY(arguments.config.empty() ? infer::ModelFile::beside(arguments.model)
                                            : infer::ModelFile::read(arguments.config));
    const infer::EngineBuild built =
        SLUICE_TRY(infer::build_engine(arguments.model, file, options, arguments.build));
    if (arguments.json) {
        print_json(arguments.model, built);
    } else {
        print_built(built);
    }
    return {};
}

Result<void> do_as_told(BuildArguments& arguments) {
    if (arguments.list) return list_engines(arguments.model, arguments.json);
    if (!arguments.prune) return build(arguments);
    const infer::Prune which = arguments.all ? infer::Prune::kAll : infer::Prune::kStale;
    return prune_engines(arguments.model, which, arguments.json);
}

}  // namespace

void add_build(CLI::App& program, int& exit_code) {
    CLI::App* command = program.add_subcommand(
        "build", "Choose how a GPU computes each layer of a model, keep that, and measure");
    auto arguments = std::make_shared<BuildArguments>();
    command->add_option("FILE", arguments->model, "ONNX, OpenVINO IR, TFLite, ...");
    command->add_option(
        "--config", arguments->config, "its description; default: the YAML file beside the model");
    command->add_option(
        "--precision",
        arguments->precision,
        "fp16 (default), fp32, int8 of a calibrated model, or auto: what its calibration takes");
    command->add_flag("--tf32", arguments->tf32, "let fp32 run on the matrix units");
    command->add_option("--batch", arguments->batches, "batch sizes: 1,8,32 (default: 1)");
    command->add_option("--device", arguments->device, "cuda:N (default: the first)");
    command->add_option("--plans", arguments->plans, "tuned (default, minutes) or heuristic");
    command->add_option(
        "--output", arguments->build.file, "the engine file (default: FILE.PRECISION.cuda.engine)");
    command->add_flag("--layers", arguments->build.layers, "measure each layer too");
    CLI::Option* list = command->add_flag(
        "--list", arguments->list, "show the engines kept, of FILE or all, and which are stale");
    CLI::Option* prune =
        command->add_flag("--prune", arguments->prune, "remove the stale ones, of FILE or all");
    prune->excludes(list);
    command->add_flag("--all", arguments->all, "with --prune: those that fit too")->needs(prune);
    command->add_flag("--json", arguments->json, "JSON instead of text");
    command->footer(kExamples);
    command->callback([arguments, &exit_code] {
        auto done = do_as_told(*arguments);
        if (!done) print_error("build", done.error().text());
        exit_code = done ? kExitDone : kExitUsage;
    });
}

}  // namespace sluice::cli
